/*
 * passthru: large sealed files are read by the kernel itself.
 *
 * A reader of a sealed file of PASSTHRU_MIN bytes or more is opened for
 * passthrough: its reads and mappings go to the file below files/ and never
 * come here.  That needs Linux 6.9, root (the kernel asks for CAP_SYS_ADMIN)
 * and files/ on a file system of its own, not on a stacked one; where it
 * cannot be had everything works as before.
 *
 * P1  Only readers, and only of files whose content never changes again: class
 *     seal, sealed.  A mapping of a passthrough file outlives its RELEASE, so
 *     one that can be written to could change what is sealed.
 * P2  The kernel refuses (EIO) a passthrough open beside one that is not, and
 *     the other way round.  So a file is passed through as long as its open
 *     handles are, and never while another one is open.
 * P3  Smaller files are not: registering one costs more than it spares.
 */
#ifndef FS_PASSTHRU_H
#define FS_PASSTHRU_H

#include "fs/inner.h"

#define PASSTHRU_MIN (128 << 10) /* bytes */

/* Could a file of that size be passed through?  Then its state must be known
 * (inode_resolve()) before passthru_open(). */
bool passthru_wanted(struct mount *m, uint64_t size);
/* h, a new reader, is passed through if that can be; mount locked. */
void passthru_open(struct mount *m, struct handle *h);
/* h is going; mount locked. */
void passthru_close(struct mount *m, struct handle *h);
/* The answer to the open of a handle that is passed through. */
int passthru_reply(fuse_req_t req, const struct fuse_file_info *file);

#endif
