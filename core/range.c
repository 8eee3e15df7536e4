#include "core/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"

#define PIECE ((size_t)256 << 10) /* bytes read at once: fills the lanes */

enum { TAG_INNER = 0x11 };

/*
 * The tree is walked from its top in the order of the file.  A node without a
 * byte of the range is a hash of the list; one with nothing else is made from
 * bytes; of any other, both children are visited.
 */
struct walk {
	uint64_t size, first, last;	/* chunks of the range, inclusive */
	size_t used;			/* hashes so far */
	const struct range *r;		/* folding */
	struct range *made;		/* making */
	const struct range_source *src;
	uint8_t *buffer;		/* PIECE bytes; NULL: only count */
};

static uint64_t chunks(uint64_t size)
{
	return size / CHUNK_SIZE + (size % CHUNK_SIZE != 0);
}

/* The largest power of two below n, n >= 2. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* n bytes of the file at off, of which some are edges that the range holds. */
static int fetch(const struct walk *w, uint64_t off, uint8_t *p, size_t n)
{
	const struct range *r = w->r;
	uint64_t end = off + n, to = r->to;
	size_t before = 0, after = 0;
	int rc = 0;

	if (off < r->from) {
		before = (size_t)(r->from - off);
		memcpy(p, r->left.p + (r->left.n - before), before);
	}
	if (end > to) {
		after = (size_t)(end - (off > to ? off : to));
		memcpy(p + (n - after),
			r->right.p + (end - after - to), after);
	}
	if (before + after < n)
		rc = w->src->read(w->src->ctx, off + before - r->from,
			p + before, n - before - after);
	return rc;
}

/* The node over chunks lo .. lo+n-1, from their bytes. */
static int from_bytes(struct walk *w, uint64_t lo, uint64_t n, struct hash *ret)
{
	uint64_t at = lo * CHUNK_SIZE, end = (lo + n) * CHUNK_SIZE;
	struct chunktree *t = chunktree_new();
	size_t some;
	int rc = 0;

	if (t == NULL)
		return -ENOMEM;
	if (end > w->size)
		end = w->size;
	for (; rc == 0 && at < end; at += some) {
		some = end - at < PIECE ? (size_t)(end - at) : PIECE;
		rc = w->made != NULL
			     ? w->src->read(w->src->ctx, at, w->buffer, some)
			     : fetch(w, at, w->buffer, some);
		if (rc == 0)
			chunktree_add(t, BYTES(w->buffer, some));
	}
	if (rc == 0)
		*ret = chunktree_top(t);
	chunktree_free(t);
	return rc;
}

static int outside(struct walk *w, uint64_t lo, uint64_t n, struct hash *ret)
{
	size_t i = w->used++;
	int rc = 0;

	if (i >= RANGE_HASHES_MAX)
		return -EINVAL;
	if (w->made != NULL) {
		rc = from_bytes(w, lo, n, &w->made->hash[i]);
		w->made->n = w->used;
	} else if (w->buffer != NULL) {
		*ret = w->r->hash[i];
	}
	return rc;
}

static int inside(struct walk *w, uint64_t lo, uint64_t n, struct hash *ret)
{
	return w->made != NULL || w->buffer == NULL ? 0
						    : from_bytes(w, lo, n, ret);
}

static int node(struct walk *w, uint64_t lo, uint64_t n, struct hash *ret)
{
	struct hash l, r;
	struct bytes both[] = {HASH_BYTES(&l), HASH_BYTES(&r),
		BYTES((const uint8_t[]){TAG_INNER}, 1)};
	uint64_t half;
	int rc;

	if (lo > w->last || lo + n <= w->first)
		return outside(w, lo, n, ret);
	if (lo >= w->first && lo + n - 1 <= w->last)
		return inside(w, lo, n, ret);
	half = split(n);
	rc = node(w, lo, half, &l);
	if (rc == 0)
		rc = node(w, lo + half, n - half, &r);
	if (rc == 0 && w->made == NULL && w->buffer != NULL)
		*ret = hash_sha3_parts(both, 3);
	return rc;
}

static bool within(uint64_t from, uint64_t to, uint64_t size)
{
	return from < to && to <= size && size <= INT64_MAX;
}

static struct walk walk_of(uint64_t from, uint64_t to, uint64_t size)
{
	return (struct walk){.size = size, .first = from / CHUNK_SIZE,
		.last = (to - 1) / CHUNK_SIZE};
}

/* Bytes of the last chunk that follow the range. */
static size_t after(uint64_t to, uint64_t size)
{
	uint64_t end = chunks(to) * CHUNK_SIZE;

	return (size_t)((end < size ? end : size) - to);
}

bool range_fits(const struct range *r, uint64_t size)
{
	struct walk w;
	struct hash top;

	if (!within(r->from, r->to, size) ||
		r->left.n != r->from % CHUNK_SIZE ||
		r->right.n != after(r->to, size))
		return false;
	w = walk_of(r->from, r->to, size);
	return node(&w, 0, chunks(size), &top) == 0 && w.used == r->n;
}

int range_root(const struct range *r, uint64_t size,
	const struct range_source *src, struct hash *ret)
{
	struct walk w = walk_of(r->from, r->to, size);
	cleanup(free) uint8_t *buffer = malloc(PIECE);
	struct hash top;
	int rc;

	if (buffer == NULL)
		return -ENOMEM;
	w.r = r;
	w.src = src;
	w.buffer = buffer;
	rc = node(&w, 0, chunks(size), &top);
	if (rc == 0)
		*ret = chunktree_root_of(size, &top);
	return rc;
}

int range_make(uint64_t from, uint64_t to, uint64_t size,
	const struct range_source *src, uint8_t *edge, struct range *ret)
{
	cleanup(free) uint8_t *buffer = NULL;
	struct range r = {.from = from, .to = to};
	struct walk w;
	struct hash top;
	int rc = 0;

	if (!within(from, to, size))
		return -EINVAL;
	buffer = malloc(PIECE);
	if (buffer == NULL)
		return -ENOMEM;
	r.left = BYTES(edge, from % CHUNK_SIZE);
	r.right = BYTES(edge + RANGE_EDGE_MAX, after(to, size));
	if (r.left.n > 0)
		rc = src->read(src->ctx, from - r.left.n, edge, r.left.n);
	if (rc == 0 && r.right.n > 0)
		rc = src->read(src->ctx, to, edge + RANGE_EDGE_MAX, r.right.n);
	w = walk_of(from, to, size);
	w.made = &r;
	w.src = src;
	w.buffer = buffer;
	if (rc == 0)
		rc = node(&w, 0, chunks(size), &top);
	if (rc == 0)
		*ret = r;
	return rc;
}
