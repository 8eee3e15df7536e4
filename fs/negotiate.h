/*
 * negotiate: what libfuse does not ask the kernel for, in the answer to INIT.
 *
 * Without HANDLE_KILLPRIV_V2 the kernel asks for security.capability before
 * every write; with it once a file, and never for direct I/O.  Without
 * DIRECT_IO_ALLOW_MMAP a file that is open for direct I/O cannot be mapped
 * shared.  PASSTHROUGH lets the kernel read a file by itself (passthru.h).
 * libfuse 3.14 knows none of them, so its first answer is amended on the way
 * to the kernel.
 */
#ifndef FS_NEGOTIATE_H
#define FS_NEGOTIATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct fuse_session;

struct negotiate {
	uint64_t offered;	/* by the kernel; 0 before INIT */
	atomic_bool answered;
	atomic_bool direct;	/* direct I/O keeps shared mappings */
	atomic_bool passthru;	/* the kernel may be given a file to read */
};

/* After fuse_session_mount(); the session's user data is a struct mount. */
int negotiate_start(struct fuse_session *se);

#endif
