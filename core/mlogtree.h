/*
 * mlogtree: the main log with all its inner nodes, for whoever makes proofs.
 *
 * 64 bytes a leaf; a path costs O(log n) hashes.  One thread at a time.
 */
#ifndef CORE_MLOGTREE_H
#define CORE_MLOGTREE_H

#include "core/mlog.h"

struct mlogtree;

struct mlogtree *mlogtree_new(void); /* NULL: no memory */
void mlogtree_free(struct mlogtree *t);
uint64_t mlogtree_size(const struct mlogtree *t);
/* The next leaf (mlog_leaf()).  -ENOMEM, and then nothing has changed. */
int mlogtree_add(struct mlogtree *t, const struct hash *leaf);
/* Path of leaf i when the log had n leaves, i < n <= size, leaf upward (RFC
 * 9162 2.1.3.1); returns its length. */
size_t mlogtree_path(const struct mlogtree *t, uint64_t i, uint64_t n,
	struct hash ret[MLOG_DEPTH]);

#endif
