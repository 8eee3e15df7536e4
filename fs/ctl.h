/*
 * ctl: .notary/ctl, where a running daemon is told to do something.
 *
 * For the user who mounted the vault, and root.  A request is one line in one
 * write; the write fails with an errno when the request is refused.  What is
 * read from the same handle is the answer: one or more lines, or the reason
 * in words.
 *
 *	sync		all that was written is on the disk: "ok"
 *	seal PATH	the file is sealed as soon as can be: "ok"
 *	record PATH	H(d) of the record that seals it
 *	holds PATH	a line "HASH CASE" for each hold, HASH being H(d) of the
 *			record that placed it
 *	mode		what may become of sealed files: "none", "governance" or
 *			"compliance"
 *	renew HASH FILE CERT PATH
 *			renews the certificate of a file (renew.h); FILE and
 *			CERT are digests of both under the hash of that name:
 *			"ok"
 *	order HEX	carries out a record that bears an order of a governance
 *			key (core/governance.h): "released", "compliance", or
 *			"deleted SIZE packed" or "deleted SIZE extents" as its
 *			bytes lie in the buckets
 * PATH is relative to the mount and goes to the end of the write, but for one
 * newline there: a path may have others in it.
 */
#ifndef FS_CTL_H
#define FS_CTL_H

#include "fs/inner.h"

void ctl_open(struct mount *m, fuse_req_t req, struct node *n,
	struct fuse_file_info *file);
void ctl_write(struct mount *m, fuse_req_t req, struct handle *h,
	struct bytes line);
void ctl_read(struct mount *m, fuse_req_t req, struct handle *h, size_t size);

#endif
