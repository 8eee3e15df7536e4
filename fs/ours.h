/*
 * ours: the attributes user.notary.*, which are of the vault and not of files/.
 */
#ifndef FS_OURS_H
#define FS_OURS_H

#include "fs/inner.h"

/* What stands behind "user.notary.", NULL: it is another's attribute. */
const char *ours_name(const char *name);
/* Answers getxattr(2) with what is known of n, which is not virtual; may answer
 * later (wait, sealed). */
void ours_get(fuse_req_t req, struct node *n, const char *name, size_t size);
/* Answers setxattr(2): seal, preset, retain_until and hold are asked for thus;
 * others are taken without effect, since a copy brings them along. */
void ours_set(fuse_req_t req, struct node *n, const char *name,
	struct bytes value);
/* 0 or -errno: only a folder's preset can be taken away. */
int ours_remove(fuse_req_t req, struct node *n, const char *name);

/* Answers a request for a value of an attribute, or for its size. */
void xattr_reply(fuse_req_t req, struct bytes value, size_t size);

#endif
