/*
 * merkle: the transaction tree m of a block (first patent; shape of RFC 9162).
 *
 *	leaf  = H(0x00 || d^H)         d^H = H(d)
 *	inner = H(0x01 || l || r)      split at the largest power of two < n
 *	m^H   = H(0x02 || n as 8 bytes big endian || top)
 *
 * n is bound into m^H, so a path proves the index too.  n = 0 is not a tree.
 */
#ifndef CORE_MERKLE_H
#define CORE_MERKLE_H

#include "core/bytes.h"

#define MERKLE_LEAVES_MAX 16384	/* transactions of a block */
#define MERKLE_PATH_MAX 64	/* hashes; paths of any 64-bit size fit */

struct merkle;

/* The whole tree over n leaf hashes d^H, 1 <= n <= 2^32; -EINVAL, -ENOMEM. */
int merkle_new(const struct hash *dh, size_t n, struct merkle **ret);
struct hash merkle_root(const struct merkle *m); /* m^H */
size_t merkle_size(const struct merkle *m);
/* The path of leaf i, leaf upward; returns its length (<= MERKLE_PATH_MAX). */
size_t merkle_path(const struct merkle *m, size_t i,
	struct hash ret[MERKLE_PATH_MAX]);
void merkle_free(struct merkle *m);

/* m^H that this path leads to.  -EBADMSG if i >= n or the path has not exactly
 * the length that (i, n) demands. */
int merkle_fold(const struct hash *dh, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct hash *ret_mh);

/* A path that was folded to mh; n == 0: none. */
struct merkle_known {
	uint64_t i, n;
	size_t len;
	struct hash mh, path[MERKLE_PATH_MAX];
	struct hash node[MERKLE_PATH_MAX + 1]; /* by level, leaf first */
};

/* merkle_fold() that ends where it meets `known`: above the same node at the
 * same place of a tree of the same size, the same rest of a path leads to the
 * same mh.  Neighbours so cost a hash or two.  After 0 known is this path,
 * otherwise none. */
int merkle_fold_known(const struct hash *dh, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct merkle_known *known,
	struct hash *ret_mh);

#endif
