/*
 * park: requests whose answer comes later, so that no thread waits for them.
 *
 * One thread answers them: a wait when everything at its path is final, or
 * what was asked to be sealed is, a seal
 * when a writer that is just closing has gone, a write that came
 * while the backlog was above its limit when it has drained or after a few
 * seconds.  A signal to the caller ends a wait with EINTR.
 */
#ifndef FS_PARK_H
#define FS_PARK_H

#include "fs/inner.h"

int park_new(struct mount *m, struct park **ret);
int park_start(struct park *p);
/* Answers everything that is left, with ENODEV what has no answer. */
void park_stop(struct park *p);
void park_free(struct park *p);
/* Something was sealed, or became final. */
void park_wake(struct park *p);
/* Does anybody wait for finality? */
bool park_waiting(struct park *p);

/* Is everything at or below path final?  1, 0, -ENOENT, -ENODATA (of a class
 * that is never recorded). */
int park_final(struct mount *m, const char *path);

/* Replies "notarized" to a getxattr of `size` bytes. */
void park_xattr(struct park *p, fuse_req_t req, const char *path, size_t size);
/* Replies "sealed" when nothing at or below the path is left that somebody
 * asked to be sealed; ENODATA for a file that is not sealed then. */
void park_sealed(struct park *p, fuse_req_t req, const char *path,
	size_t size);
/* Replies to an open of .notary/wait/PATH. */
void park_open(struct park *p, fuse_req_t req, const char *path,
	const struct fuse_file_info *file);
/* Seals n now, giving a writer that is closing a moment; replies, to an ioctl
 * as the kernel wants it. */
void park_seal(struct park *p, fuse_req_t req, struct node *n, bool ioctl);
/* Replies when the backlog allows; the operation itself is done. */
void park_write(struct park *p, fuse_req_t req, size_t n);

#endif
