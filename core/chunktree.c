#include "core/chunktree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

enum { TAG_LEAF = 0x10, TAG_INNER = 0x11, TAG_ROOT = 0x12 };

/* Leaves reduced together to one node of the frontier, so that inner nodes fill
 * the lanes of a wide kernel as chunks do. */
#define RUN 64U
#define RUN_LEVEL 6	/* a run is a node of that level over its leaves */
#define EXTENT_LEVEL 14	/* and so is a full extent */
_Static_assert(EXTENT_SIZE == (uint64_t)CHUNK_SIZE << EXTENT_LEVEL,
	"a full extent is a node");

/* Roots of the full subtrees so far, one per set bit of n, largest first. */
struct frontier {
	uint64_t n;
	struct hash edge[64];
};

struct chunktree {
	struct frontier runs;	/* of RUN leaves each */
	unsigned leaves;	/* hashed and not yet in the frontier */
	struct hash leaf[RUN];
	size_t fill;		/* bytes in tail */
	uint8_t tail[CHUNK_SIZE];
	uint64_t length;
	unsigned n_zero;	/* levels of zero[] that are known */
	struct hash zero[64];	/* node over 2^k chunks of zeros */
};

static struct hash inner(const struct hash *l, const struct hash *r)
{
	static const uint8_t tag = TAG_INNER;
	struct bytes parts[] = {HASH_BYTES(l), HASH_BYTES(r), BYTES(&tag, 1)};

	return hash_sha3_parts(parts, 3);
}

static size_t edges(const struct frontier *f)
{
	return (size_t)__builtin_popcountll(f->n);
}

/* A node over 2^level of what the frontier counts; n is a multiple of that. */
static void frontier_add_at(struct frontier *f, unsigned level, struct hash h)
{
	size_t e = edges(f);
	uint64_t n;

	for (n = f->n >> level; n & 1; n >>= 1)
		h = inner(&f->edge[--e], &h);
	f->edge[e] = h;
	f->n += UINT64_C(1) << level;
}

static void frontier_add(struct frontier *f, struct hash h)
{
	frontier_add_at(f, 0, h);
}

/* The top of all, with `last` (or NULL) standing to the right of the edges. */
static struct hash frontier_top(const struct frontier *f,
	const struct hash *last)
{
	size_t e = edges(f);
	struct hash top;

	if (last == NULL && e == 0)
		return (struct hash){{0}};
	top = last != NULL ? *last : f->edge[--e];
	while (e > 0)
		top = inner(&f->edge[--e], &top);
	return top;
}

/* One level up in place: 2 <= n <= RUN nodes, an odd last one moves up. */
static unsigned reduce(struct hash *node, unsigned n)
{
	struct hash up[RUN / 2 + 1];
	unsigned pairs = n / 2, odd = n & 1;

	hash_stride(node[0].b, 2 * HASH_LEN, 2 * HASH_LEN, pairs, TAG_INNER,
		up);
	if (odd)
		up[pairs] = node[n - 1];
	memcpy(node, up, (pairs + odd) * sizeof(*node));
	return pairs + odd;
}

/* The top of the leaves not yet in the frontier, of which there is one at
 * least; leaves it as the only one. */
static struct hash reduce_all(struct chunktree *t)
{
	while (t->leaves > 1)
		t->leaves = reduce(t->leaf, t->leaves);
	return t->leaf[0];
}

/* n pieces of len bytes, n <= RUN - leaves, len < CHUNK_SIZE only for the last
 * of the file. */
static void add_leaves(
	struct chunktree *t, const uint8_t *p, size_t len, size_t n)
{
	hash_stride(p, CHUNK_SIZE, len, n, TAG_LEAF, t->leaf + t->leaves);
	t->leaves += (unsigned)n;
	if (t->leaves == RUN) {
		frontier_add(&t->runs, reduce_all(t));
		t->leaves = 0;
	}
}

struct chunktree *chunktree_new(void)
{
	return calloc(1, sizeof(struct chunktree));
}

/* Fills tail, and hashes it when it is full; returns how much it took. */
static size_t gather(struct chunktree *t, struct bytes data)
{
	size_t n = CHUNK_SIZE - t->fill;

	if (n > data.n)
		n = data.n;
	memcpy(t->tail + t->fill, data.p, n);
	t->fill += n;
	if (t->fill == CHUNK_SIZE) {
		add_leaves(t, t->tail, CHUNK_SIZE, 1);
		t->fill = 0;
	}
	return n;
}

void chunktree_add(struct chunktree *t, struct bytes data)
{
	size_t n, chunks;

	t->length += data.n;
	for (; data.n > 0; data.p += n, data.n -= n) {
		chunks = data.n / CHUNK_SIZE;
		if (t->fill > 0 || chunks == 0) {
			n = gather(t, data);
			continue;
		}
		if (chunks > RUN - t->leaves)
			chunks = RUN - t->leaves;
		add_leaves(t, data.p, CHUNK_SIZE, chunks);
		n = chunks * CHUNK_SIZE;
	}
}

void chunktree_add_extent(struct chunktree *t, const struct hash *top)
{
	assert(t->length % EXTENT_SIZE == 0);
	frontier_add_at(&t->runs, EXTENT_LEVEL - RUN_LEVEL, *top);
	t->length += EXTENT_SIZE;
}

/* -- zeros -- */

static const uint8_t zeros[CHUNK_SIZE];

static struct hash zero_node(struct chunktree *t, unsigned level)
{
	static const uint8_t tag = TAG_LEAF;
	struct bytes parts[] = {BYTES(zeros, CHUNK_SIZE), BYTES(&tag, 1)};

	if (t->n_zero == 0)
		t->zero[t->n_zero++] = hash_sha3_parts(parts, 2);
	for (; t->n_zero <= level; t->n_zero++)
		t->zero[t->n_zero] = inner(&t->zero[t->n_zero - 1],
			&t->zero[t->n_zero - 1]);
	return t->zero[level];
}

/* Chunks of zeros up to the end of a run, at most n; how many. */
static uint64_t zero_leaves(struct chunktree *t, uint64_t n)
{
	uint64_t i, some = RUN - t->leaves;

	if (some > n)
		some = n;
	for (i = 0; i < some; i++)
		t->leaf[t->leaves++] = zero_node(t, 0);
	if (t->leaves == RUN) {
		frontier_add(&t->runs, reduce_all(t));
		t->leaves = 0;
	}
	return some;
}

/* The largest node of zeros that may stand at the frontier's end and has no
 * more than n runs; how many it has. */
static uint64_t zero_runs(struct chunktree *t, uint64_t n)
{
	unsigned level = 63 - (unsigned)__builtin_clzll(n);

	if (t->runs.n != 0 &&
		(unsigned)__builtin_ctzll(t->runs.n) < level)
		level = (unsigned)__builtin_ctzll(t->runs.n);
	frontier_add_at(&t->runs, level, zero_node(t, level + RUN_LEVEL));
	return UINT64_C(1) << level;
}

void chunktree_add_zeros(struct chunktree *t, uint64_t n)
{
	uint64_t head = t->fill > 0 ? CHUNK_SIZE - t->fill : 0, chunks;

	if (head > n)
		head = n;
	chunktree_add(t, BYTES(zeros, (size_t)head));
	n -= head;
	t->length += n - n % CHUNK_SIZE;
	for (chunks = n / CHUNK_SIZE; chunks > 0;)
		chunks -= t->leaves > 0 || chunks < RUN ?
			zero_leaves(t, chunks) :
			zero_runs(t, chunks / RUN) * RUN;
	chunktree_add(t, BYTES(zeros, (size_t)(n % CHUNK_SIZE)));
}

struct hash chunktree_zeros(uint64_t length)
{
	struct chunktree t = {.fill = 0}; /* 10 KiB */

	chunktree_add_zeros(&t, length);
	return chunktree_top(&t);
}

struct hash chunktree_top(struct chunktree *t)
{
	struct hash last;

	if (t->fill > 0)
		add_leaves(t, t->tail, t->fill, 1);
	t->fill = 0;
	if (t->leaves == 0)
		return frontier_top(&t->runs, NULL);
	last = reduce_all(t);
	return frontier_top(&t->runs, &last);
}

struct hash chunktree_root(struct chunktree *t)
{
	struct hash top = chunktree_top(t);

	return chunktree_root_of(t->length, &top);
}

struct chunktree *chunktree_copy(const struct chunktree *t)
{
	struct chunktree *copy = malloc(sizeof(*copy));

	if (copy != NULL)
		*copy = *t;
	return copy;
}

uint64_t chunktree_length(const struct chunktree *t)
{
	return t->length;
}

void chunktree_free(struct chunktree *t)
{
	free(t);
}

struct hash chunktree_root_of(uint64_t length, const struct hash *top)
{
	static const uint8_t tag = TAG_ROOT;
	uint8_t be[8];
	struct bytes parts[] = {
		BYTES(be, sizeof(be)), HASH_BYTES(top), BYTES(&tag, 1)};
	unsigned i;

	for (i = 0; i < 8; i++)
		be[i] = (uint8_t)(length >> (56 - 8 * i));
	return hash_sha3_parts(parts, 3);
}

uint64_t chunktree_extents(uint64_t length)
{
	return length / EXTENT_SIZE + (length % EXTENT_SIZE != 0);
}

int chunktree_join(const struct hash *tops, size_t n, uint64_t length,
	struct hash *ret_top)
{
	struct frontier f = {.n = 0};
	size_t i;

	if (n != chunktree_extents(length))
		return -EINVAL;
	/* All but the last are full, so they are nodes of one level; the last,
	 * if short, stands where such a node would. */
	for (i = 0; i < n; i++)
		frontier_add(&f, tops[i]);
	*ret_top = frontier_top(&f, NULL);
	return 0;
}

struct hash chunktree_root_bytes(struct bytes data)
{
	struct chunktree t = {.fill = 0};

	chunktree_add(&t, data);
	return chunktree_root(&t);
}
