/*
 * arena: memory for libcrypto that nobody else can map, where the kernel has
 * memfd_secret(2): such pages are not even in the kernel's own map, so
 * /proc/PID/mem and a debugger get EIO for them.  Else locked pages.
 *
 * All of libcrypto's memory goes there, keys among it: the process is small.
 * Freed memory is wiped and used again for the same size.  One thread.
 */
#ifndef ENCLAVE_ARENA_H
#define ENCLAVE_ARENA_H

enum arena_kind {
	ARENA_PLAIN,	/* neither: as good as any heap */
	ARENA_LOCKED,	/* never swapped out */
	ARENA_SECRET,	/* memfd_secret, which is locked too */
};

/* Call before the first use of libcrypto, once.  What it got, or a negative
 * errno: then libcrypto uses the ordinary heap. */
int arena_install(void);

#endif
