/*
 * virtual: files that are made of what is known: FILE.cert, FILE.cert.json and
 * everything in .notary/ at the root.
 *
 *	FILE.cert	found by name, never listed, only when FILE is final;
 *			a real file of that name wins
 *	FILE.cert.d/	the same way: the standard objects in the certificate
 *			(core/parts.h), which it lists
 *	.notary/anchor, status
 *	.notary/cert/PATH	the certificate of PATH, whatever else is there,
 *			for whoever may pass the folders of PATH
 *	.notary/wait/PATH	opening it waits until PATH is final
 *	.notary/audit	what was refused (refusals.h), for who mounted it
 *	.notary/log/	the main log as the files of a static log (logtree.h)
 *	.notary/history/, .notary/deleted/	what was sealed and is not there
 *			any more (history.h)
 *	.notary/ctl	requests to the daemon (ctl.h), for who mounted it
 * They cannot be written (but ctl), renamed or removed (EPERM).  Inode numbers
 * have the top bit set and follow from kind and path.
 */
#ifndef FS_VIRTUAL_H
#define FS_VIRTUAL_H

#include "fs/inner.h"

/* For a name that files/ does not have; counts a lookup.  -ENOENT.  Tree held
 * for reading. */
int virtual_lookup(struct mount *m, struct node *folder, const char *text,
	struct fuse_entry_param *ret);
/* May a name that is nowhere now come to be virtual, without anybody making
 * it? */
bool virtual_may_come(const struct mount *m, const struct node *folder,
	const char *text);
/* Its attributes, and for how many seconds they are good.  -ENOENT: it is there
 * no more, as the certificate of what was written again. */
int virtual_stat(struct mount *m, struct node *n, struct stat *ret,
	double *ret_timeout);
/* The folder whose permissions a virtual one has; -ENODATA: none. */
int virtual_mirrored(struct mount *m, struct node *n, char ret[NODE_PATH]);
/* Opens for reading, with all that is in it; -EPERM for anything else, but for
 * ctl.  Replies, .notary/wait/PATH when that is final. */
void virtual_open(struct mount *m, fuse_req_t req, struct node *n,
	struct fuse_file_info *file);
/* What stands behind the name of a file in that of its certificate. */
const char *virtual_suffix(const struct mount *m);
/* The inode number of what has that path below the mount. */
ino_t virtual_ino(enum virtual_kind kind, const char *path);
/* Entries of a folder, as far as there is room for them. */
struct page {
	char *p;
	size_t size, used;
};
/* One more entry, whose offset is off; false: it has no room. */
bool virtual_entry(fuse_req_t req, bool plus, struct page *p, const char *name,
	struct stat st, off_t off);
/* A page of a virtual folder's names: from the one at off on.  0, or -ENOENT,
 * -ENOMEM. */
int virtual_list(fuse_req_t req, struct node *folder, bool plus,
	struct page *p, off_t off);
/* The certificate of a path: 0, -ENOENT, -EAGAIN (not final). */
int virtual_cert(struct mount *m, const char *path, struct buf *ret);

#endif
