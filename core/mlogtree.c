#include "core/mlogtree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define LEVELS 40 /* 2^40 leaves are more than fit into memory */
#define FIRST 64  /* nodes that a level has room for at first */

/* Roots of the whole subtrees of 2^k leaves, from the left. */
struct level {
	struct hash *node;
	size_t n, room;
};

struct mlogtree {
	struct level level[LEVELS];
};

struct mlogtree *mlogtree_new(void)
{
	return calloc(1, sizeof(struct mlogtree));
}

void mlogtree_free(struct mlogtree *t)
{
	size_t k;

	if (t == NULL)
		return;
	for (k = 0; k < LEVELS; k++)
		free(t->level[k].node);
	free(t);
}

uint64_t mlogtree_size(const struct mlogtree *t)
{
	return t->level[0].n;
}

static int make_room(struct level *l)
{
	size_t room = l->room == 0 ? FIRST : 2 * l->room;
	struct hash *more;

	if (l->n < l->room)
		return 0;
	more = reallocarray(l->node, room, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	l->node = more;
	l->room = room;
	return 0;
}

int mlogtree_add(struct mlogtree *t, const struct hash *leaf)
{
	uint64_t n = t->level[0].n;
	struct hash h = *leaf;
	size_t k, top = 0;

	while (top < LEVELS - 1 && (n >> top & 1) != 0)
		top++; /* subtrees that this leaf completes */
	for (k = 0; k <= top; k++)
		if (make_room(&t->level[k]) != 0)
			return -ENOMEM;
	for (k = 0; k <= top; k++) {
		struct level *l = &t->level[k];

		l->node[l->n++] = h;
		if (k < top)
			h = mlog_inner(&l->node[l->n - 2], &h);
	}
	return 0;
}

/* The largest power of two below n, as its exponent; n > 1. */
static unsigned split(uint64_t n)
{
	return 63U - (unsigned)__builtin_clzll(n - 1);
}

/* Root over the n leaves from `from` on, a node of the tree: n > 0. */
static struct hash root_of(const struct mlogtree *t, uint64_t from, uint64_t n)
{
	struct hash left, right;
	unsigned k;

	if ((n & (n - 1)) == 0)
		return t->level[__builtin_ctzll(n)].node[from / n];
	k = split(n);
	left = t->level[k].node[from >> k];
	right = root_of(t, from + (UINT64_C(1) << k), n - (UINT64_C(1) << k));
	return mlog_inner(&left, &right);
}

size_t mlogtree_path(const struct mlogtree *t, uint64_t i, uint64_t n,
	struct hash ret[MLOG_DEPTH])
{
	struct hash down[MLOG_DEPTH];
	uint64_t from = 0, k;
	size_t len = 0, at;

	assert(i < n && n <= t->level[0].n);
	while (n > 1) {
		k = UINT64_C(1) << split(n);
		if (i - from < k) {
			down[len++] = root_of(t, from + k, n - k);
			n = k;
		} else {
			down[len++] = root_of(t, from, k);
			from += k;
			n -= k;
		}
	}
	for (at = 0; at < len; at++)
		ret[at] = down[len - 1 - at];
	return len;
}
