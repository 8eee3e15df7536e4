/*
 * offline: what a verifier reads: a file's content, a certificate, an anchor.
 *
 * Used by notary-verify, which links core's reading half and nothing else, and
 * by whoever checks in the same way.  Paths are relative to dir (AT_FDCWD for
 * the working folder).
 */
#ifndef FS_OFFLINE_H
#define FS_OFFLINE_H

#include "core/verify.h"

/* Size, content root and SHA-256 of a regular file, in one pass over it.
 * Memory does not depend on its size.  *done, if not NULL, grows while it
 * reads.  -ENOENT, -EISDIR, -ENOTSUP (a device, a pipe), ... */
int offline_content(
	int dir, const char *path, uint64_t *done, struct content *ret);
/* A whole certificate; -EFBIG if it is larger than any. */
int offline_certificate(int dir, const char *path, struct buf *ret);
/* 64 hex digits, or the name of a file that holds them and a newline.
 * -EINVAL if such a file holds something else. */
int offline_anchor(const char *text, struct hash *ret);

#endif
