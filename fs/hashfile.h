/*
 * hashfile: content root and plain digest of a file in one pass.
 */
#ifndef FS_HASHFILE_H
#define FS_HASHFILE_H

#include <stdatomic.h>

#include "core/bytes.h"

#define HASHFILE_BUFFER ((size_t)1 << 20) /* bytes that the caller lends */
#define HASHFILE_STEP ((uint64_t)64 << 20) /* bytes of a hole that are hashed
					      without looking up */

/* What a pass works with, and who looks at it meanwhile. */
struct hashing {
	uint8_t *buffer;	/* HASHFILE_BUFFER bytes */
	int (*go_on)(void *ctx); /* asked for each buffer and each step: 0, or
				    a negative errno that ends it.  Or NULL */
	void *ctx;
	atomic_uint_least64_t done; /* bytes so far are added; or stay 0 */
};

struct standing;

struct hashed {
	struct hash root, sha256;
	struct buf tops;	/* of the extents, if it is larger than a pack
				   takes (object.h); else empty */
};

/* Exactly `size` bytes of fd.  Holes are not read: for the content root they
 * cost next to nothing, for SHA-256 what hashing zeros costs (2 GB/s with
 * SHA-NI).  -EAGAIN: the file is shorter by now; -EIO, -ENOMEM, or what go_on
 * said. */
int hashfile(int fd, uint64_t size, struct hashing *h, struct hashed *ret);
/* The content root alone.  buffer has HASHFILE_BUFFER bytes. */
int hashfile_root(int fd, uint64_t size, uint8_t *buffer, struct hash *ret);

/* The same for a file that was `from` bytes long and has grown: root and digest
 * of the whole, root of what it was, and root of what is new, whose extents
 * tops are then.  *at stands behind what it was, or at the beginning: then that
 * is hashed, too.  Afterwards it stands behind the whole. */
int hashfile_grown(int fd, uint64_t from, uint64_t size, struct hashing *h,
	struct standing *at, struct hashed *ret, struct hash *ret_before, struct hash *ret_tail);

#endif
