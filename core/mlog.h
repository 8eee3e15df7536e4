/*
 * mlog: the main-chain log, a tree of RFC 9162 (section 2.1) over SHA-256,
 * so that its checkpoints, tiles and receipts work with anybody's tools.
 *
 *	leaf = SHA-256(0x00 || entry)   inner = SHA-256(0x01 || l || r)
 *	entry of a main-chain block = [height, k, H(b), H(t), r16] (sequence.h)
 *
 * The state is a frontier: one hash per set bit of the size, largest subtree
 * first.  Proof generation needs all leaf hashes; they are 32 bytes a block.
 */
#ifndef CORE_MLOG_H
#define CORE_MLOG_H

#include "core/bytes.h"

#define MLOG_DEPTH 64

struct mlog {
	uint64_t size;			/* leaves */
	struct hash edge[MLOG_DEPTH];	/* one per set bit, largest first */
};

struct hash mlog_leaf(struct bytes entry);
/* Node over two others. */
struct hash mlog_inner(const struct hash *l, const struct hash *r);
void mlog_add(struct mlog *l, const struct hash *leaf);
/* SHA-256("") for an empty log, as RFC 9162 has it. */
struct hash mlog_root(const struct mlog *l);
/* Number of hashes in edge: set bits of size. */
size_t mlog_edges(const struct mlog *l);

/* Where n > 1 leaves are split: the largest power of two below n. */
uint64_t mlog_split(uint64_t n);
/* RFC 9162 2.1.3.1: path of leaf i among n leaves; returns its length. */
size_t mlog_inclusion(const struct hash *leaves, uint64_t n, uint64_t i,
	struct hash ret[MLOG_DEPTH]);
/* RFC 9162 2.1.4.1, 0 < m <= n; returns its length (<= MLOG_DEPTH + 1). */
size_t mlog_consistency(const struct hash *leaves, uint64_t m, uint64_t n,
	struct hash ret[MLOG_DEPTH + 1]);
/* RFC 9162 2.1.3.2: the root that this path leads to.  -EBADMSG if i >= n or
 * the path has not exactly the length that (i, n) demands. */
int mlog_fold(const struct hash *leaf, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct hash *ret_root);
/* RFC 9162 2.1.3.2 and 2.1.4.2: 0 or -EBADMSG. */
int mlog_check_inclusion(const struct hash *leaf, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, const struct hash *root);
int mlog_check_consistency(uint64_t m, const struct hash *root_m, uint64_t n,
	const struct hash *root_n, const struct hash *path, size_t path_len);

#endif
