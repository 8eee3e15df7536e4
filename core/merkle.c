#include "core/merkle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

#define LEVELS 33 /* of a tree of at most 2^32 leaves */

/* Messages hashed together; with the lanes of a wide kernel always full. */
#define BATCH 64
#define LEAF_LEN (1 + HASH_LEN)
#define INNER_LEN (1 + 2 * HASH_LEN)

/*
 * All nodes, level by level.  An odd last node is carried up unchanged, which
 * gives the shape of RFC 9162: the split at the largest power of two below n.
 */
struct merkle {
	size_t n;
	unsigned levels;
	struct hash *level[LEVELS];
	struct hash node[];
};

static size_t half_up(size_t n)
{
	return n / 2 + (n & 1);
}

static void hash_leaves(const struct hash *dh, size_t n, struct hash *ret)
{
	uint8_t msg[BATCH * LEAF_LEN];
	size_t i, run;

	for (; n > 0; dh += run, ret += run, n -= run) {
		run = n < BATCH ? n : BATCH;
		for (i = 0; i < run; i++) {
			msg[i * LEAF_LEN] = 0x00;
			memcpy(msg + i * LEAF_LEN + 1, dh[i].b, HASH_LEN);
		}
		hash_stride(msg, LEAF_LEN, LEAF_LEN, run, -1, ret);
	}
}

/* n nodes become half_up(n) in ret. */
static void hash_pairs(const struct hash *node, size_t n, struct hash *ret)
{
	uint8_t msg[BATCH * INNER_LEN], *m;
	size_t i, run, pairs = n / 2;

	if (n & 1)
		ret[pairs] = node[n - 1];
	for (; pairs > 0; node += 2 * run, ret += run, pairs -= run) {
		run = pairs < BATCH ? pairs : BATCH;
		for (i = 0; i < run; i++) {
			m = msg + i * INNER_LEN;
			m[0] = 0x01;
			memcpy(m + 1, node[2 * i].b, HASH_LEN);
			memcpy(m + 1 + HASH_LEN, node[2 * i + 1].b, HASH_LEN);
		}
		hash_stride(msg, INNER_LEN, INNER_LEN, run, -1, ret);
	}
}

int merkle_new(const struct hash *dh, size_t n, struct merkle **ret)
{
	struct merkle *m;
	size_t total = n, size, k;

	if (n == 0 || (uint64_t)n > UINT64_C(1) << (LEVELS - 1))
		return -EINVAL;
	for (k = n; k > 1; total += k)
		k = half_up(k);
	if (__builtin_mul_overflow(total, sizeof(struct hash), &size) ||
		__builtin_add_overflow(size, sizeof(*m), &size))
		return -ENOMEM;
	m = malloc(size);
	if (m == NULL)
		return -ENOMEM;
	m->n = n;
	m->levels = 1;
	m->level[0] = m->node;
	hash_leaves(dh, n, m->node);
	for (k = n; k > 1; k = half_up(k), m->levels++) {
		m->level[m->levels] = m->level[m->levels - 1] + k;
		hash_pairs(m->level[m->levels - 1], k, m->level[m->levels]);
	}
	*ret = m;
	return 0;
}

static struct hash root_of(uint64_t n, const struct hash *top)
{
	uint8_t head[9] = {0x02};
	struct bytes parts[] = {BYTES(head, sizeof(head)), HASH_BYTES(top)};
	unsigned i;

	for (i = 0; i < 8; i++)
		head[1 + i] = (uint8_t)(n >> (56 - 8 * i));
	return hash_sha3_parts(parts, 2);
}

struct hash merkle_root(const struct merkle *m)
{
	return root_of(m->n, m->level[m->levels - 1]);
}

size_t merkle_size(const struct merkle *m)
{
	return m->n;
}

size_t merkle_path(const struct merkle *m, size_t i,
	struct hash ret[MERKLE_PATH_MAX])
{
	size_t len = 0, k = m->n;
	unsigned l;

	for (l = 0; k > 1; l++, i /= 2, k = half_up(k))
		if ((i ^ 1) < k)
			ret[len++] = m->level[l][i ^ 1];
	return len;
}

void merkle_free(struct merkle *m)
{
	free(m);
}

static struct hash tagged(
	uint8_t tag, const struct hash *l, const struct hash *r)
{
	struct bytes parts[] = {BYTES(&tag, 1), HASH_BYTES(l),
		r == NULL ? BYTES(NULL, 0) : HASH_BYTES(r)};

	return hash_sha3_parts(parts, r == NULL ? 2 : 3);
}

int merkle_fold(const struct hash *dh, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct hash *ret_mh)
{
	struct hash h;
	uint64_t k;
	size_t used = 0;

	if (i >= n || path_len > MERKLE_PATH_MAX)
		return -EBADMSG;
	h = tagged(0x00, dh, NULL);
	for (k = n; k > 1; i /= 2, k = k / 2 + (k & 1)) {
		if ((i ^ 1) >= k)
			continue; /* the odd last one moves up alone */
		if (used == path_len)
			return -EBADMSG;
		h = i & 1 ? tagged(0x01, &path[used], &h)
			  : tagged(0x01, &h, &path[used]);
		used++;
	}
	if (used != path_len)
		return -EBADMSG;
	*ret_mh = root_of(n, &h);
	return 0;
}

/* Do both paths have this rest, from (used, known_used) on? */
static bool same_rest(const struct hash *path, size_t len,
	const struct merkle_known *known, size_t known_used)
{
	return known->len - known_used == len &&
	       (len == 0 || memcmp(path, known->path + known_used,
				    len * sizeof(*path)) == 0);
}

/* The walk of both side by side; true with *ret_mh if it ends well. */
static bool fold_beside(struct hash h, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct merkle_known *known,
	struct hash *ret_mh)
{
	size_t used = 0, known_used = 0;
	uint64_t k, ki = known->i;
	unsigned l;

	for (k = n, l = 0;; i /= 2, ki /= 2, k = k / 2 + (k & 1), l++) {
		if (known->n == n && i == ki && hash_equal(&h, &known->node[l]) &&
			same_rest(path_len > 0 ? path + used : NULL,
				path_len - used, known,
				known_used)) {
			*ret_mh = known->mh;
			return true;
		}
		known->node[l] = h;
		if (k == 1)
			break;
		known_used += (ki ^ 1) < k;
		if ((i ^ 1) >= k)
			continue;
		if (used == path_len)
			return false;
		h = i & 1 ? tagged(0x01, &path[used], &h)
			  : tagged(0x01, &h, &path[used]);
		used++;
	}
	*ret_mh = root_of(n, &h);
	return used == path_len;
}

int merkle_fold_known(const struct hash *dh, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct merkle_known *known,
	struct hash *ret_mh)
{
	struct hash mh;

	if (i >= n || path_len > MERKLE_PATH_MAX ||
		!fold_beside(tagged(0x00, dh, NULL), i, n, path, path_len,
			known, &mh)) {
		known->n = 0;
		return -EBADMSG;
	}
	known->i = i;
	known->n = n;
	known->len = path_len;
	known->mh = mh;
	if (path_len > 0)
		memcpy(known->path, path, path_len * sizeof(*path));
	*ret_mh = mh;
	return 0;
}
