/*
 * passthru: large files are read by the kernel itself.
 *
 * A reader of a file of PASSTHRU_MIN bytes or more is opened for passthrough:
 * its reads and mappings go to the file below files/ and never come here.
 * That needs Linux 6.9, root (the kernel asks for CAP_SYS_ADMIN) and files/ on
 * a file system of its own, not on a stacked one; where it cannot be had
 * everything works as before.
 *
 * P1  What is written comes here, so that room, versions and settling know of
 *     it.  Passed through are readers alone, of sealed files and of those of
 *     class seal, temp and scratch that are not sealed yet.
 * P2  The kernel refuses (EIO) a passthrough open beside one that goes through
 *     its cache, and any other beside a passthrough open.  So readers are not
 *     passed while a handle is open that uses the cache, or may by a mapping;
 *     and who opens a file while it is passed has its mappings passed, too,
 *     and what it writes goes past the cache (direct I/O).
 * P3  Smaller files are not: registering one costs more than it spares.
 * P4  A mapping of a passthrough file outlives its RELEASE.  One that can be
 *     written to is possible only to who opens a passed file for reading and
 *     writing.  From then on the file is `escaped`: all its opens are passed,
 *     and it is not sealed before the kernel says that nobody can write to it
 *     (backing_written()); so where the kernel does not say that (a file system
 *     without leases; of other users' files, without CAP_LEASE), only sealed
 *     files are passed.  What a start finds unsealed may have escaped from a
 *     daemon that was killed, and is asked about.  In class append what was
 *     sealed is part of the file, so there such an open is ETXTBSY; in class
 *     version the file parts from what was sealed first.
 */
#ifndef FS_PASSTHRU_H
#define FS_PASSTHRU_H

#include "fs/inner.h"

#define PASSTHRU_MIN (128 << 10) /* bytes */

/* Could a file of that size be passed through?  Then its state must be known
 * (inode_resolve()) before passthru_open(). */
bool passthru_wanted(struct mount *m, uint64_t size);
/* Is the file passed, so that a new open of it will be, too?  Takes the lock. */
bool passthru_must(struct mount *m, struct node *n);
/* h, a new handle on a file of that size, is passed through if that can be;
 * mount locked.  -ETXTBSY (P4), or another negative errno if it must be and
 * cannot. */
int passthru_open(struct mount *m, struct handle *h, uint64_t size);
/* h is going; mount locked. */
void passthru_close(struct mount *m, struct handle *h);
/* The answer to the open of a handle that is passed through. */
int passthru_reply(fuse_req_t req, const struct fuse_file_info *file);

#endif
