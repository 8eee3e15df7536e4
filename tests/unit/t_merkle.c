/* merkle: against the definition written down recursively. */
#include "core/merkle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define LARGEST 16384

static struct hash h3(uint8_t tag, struct bytes a, struct bytes b)
{
	uint8_t msg[1 + 64];

	msg[0] = tag;
	memcpy(msg + 1, a.p, a.n);
	if (b.n > 0)
		memcpy(msg + 1 + a.n, b.p, b.n);
	return hash_sha3(BYTES(msg, 1 + a.n + b.n));
}

static size_t split(size_t n)
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

static struct hash naive_top(const struct hash *dh, size_t n)
{
	struct hash l, r;

	if (n == 1)
		return h3(0, HASH_BYTES(dh), BYTES(NULL, 0));
	l = naive_top(dh, split(n));
	r = naive_top(dh + split(n), n - split(n));
	return h3(1, HASH_BYTES(&l), HASH_BYTES(&r));
}

static struct hash naive_root(const struct hash *dh, size_t n)
{
	uint8_t be[8];
	struct hash top = naive_top(dh, n);
	size_t i;

	for (i = 0; i < 8; i++)
		be[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	return h3(2, BYTES(be, 8), HASH_BYTES(&top));
}

static size_t naive_path(
	const struct hash *dh, size_t n, size_t i, struct hash *ret)
{
	size_t k, len;

	if (n == 1)
		return 0;
	k = split(n);
	if (i < k) {
		len = naive_path(dh, k, i, ret);
		ret[len] = naive_top(dh + k, n - k);
	} else {
		len = naive_path(dh + k, n - k, i - k, ret);
		ret[len] = naive_top(dh, k);
	}
	return len + 1;
}

static unsigned differing; /* of merkle_fold_known() from merkle_fold() */

static bool leads(const struct hash *dh, uint64_t i, uint64_t n,
	const struct hash *path, size_t len, const struct hash *root)
{
	static struct merkle_known known;
	struct hash got, beside;
	int rc = merkle_fold(dh, i, n, path, len, &got);

	/* whatever was folded before, it is the same answer */
	if (merkle_fold_known(dh, i, n, path, len, &known, &beside) != rc ||
		(rc == 0 && !hash_equal(&got, &beside)))
		differing++;
	return rc == 0 && hash_equal(&got, root);
}

/* Nothing but the exact (leaf, index, size, path) leads to the root. */
static bool only_exact(const struct hash *dh, size_t i, size_t n,
	struct hash *path, size_t len, const struct hash *root)
{
	struct hash other = *dh;
	size_t j, m;
	bool good = true;

	for (j = 0; j < n + 2; j++)
		good = good && (j == i || !leads(dh, j, n, path, len, root));
	for (m = 1; m < 2 * n + 2; m++)
		good = good && (m == n || !leads(dh, i, m, path, len, root));
	good = good && !leads(dh, i, n, path, len + 1, root) &&
		(len == 0 || !leads(dh, i, n, path, len - 1, root));
	other.b[31] ^= 1;
	good = good && !leads(&other, i, n, path, len, root);
	for (j = 0; j < len; j++) {
		path[j].b[0] ^= 0x80;
		good = good && !leads(dh, i, n, path, len, root);
		path[j].b[0] ^= 0x80;
	}
	return good;
}

static void small(const struct hash *dh, size_t n)
{
	struct hash root, want, path[MERKLE_PATH_MAX] = {0},
		naive[MERKLE_PATH_MAX];
	struct merkle *m;
	bool paths = true, led = true, exact = true;
	size_t i, len;

	if (merkle_new(dh, n, &m) != 0)
		bail("no tree of %zu", n);
	root = merkle_root(m);
	want = naive_root(dh, n);
	for (i = 0; i < n; i++) {
		len = merkle_path(m, i, path);
		paths = paths && len == naive_path(dh, n, i, naive) &&
			memcmp(path, naive, len * sizeof(*path)) == 0;
		led = led && leads(&dh[i], i, n, path, len, &root);
		exact = exact && only_exact(&dh[i], i, n, path, len, &root);
	}
	ok(hash_equal(&root, &want) && merkle_size(m) == n && paths && led &&
			exact,
		"n = %zu: root and every path are the naive ones, each leads to "
		"the root, and no other index, size, length, leaf or hash does",
		n);
	merkle_free(m);
}

static void large(const struct hash *dh, size_t n)
{
	struct hash root, want, path[MERKLE_PATH_MAX];
	struct merkle *m;
	bool led = true;
	size_t i, len;

	if (merkle_new(dh, n, &m) != 0)
		bail("no tree of %zu", n);
	root = merkle_root(m);
	want = naive_root(dh, n);
	is_bytes(HASH_BYTES(&root), HASH_BYTES(&want), "n = %zu: root", n);
	for (i = 0; i < n; i += 1 + n / 97) {
		len = merkle_path(m, i, path);
		led = led && leads(&dh[i], i, n, path, len, &root);
	}
	len = merkle_path(m, n - 1, path);
	ok(led && leads(&dh[n - 1], n - 1, n, path, len, &root),
		"n = %zu: paths lead to the root", n);
	merkle_free(m);
}

/* [1,2,3] and [1,2,3,3] share a root where the odd node is doubled; and a
 * transaction that is two nodes must not stand for their parent. */
static void attacks(const struct hash *dh)
{
	struct hash four[4] = {dh[0], dh[1], dh[2], dh[2]}, a, b, both;
	uint8_t pair[64];

	a = naive_root(four, 3);
	b = naive_root(four, 4);
	ok(!hash_equal(&a, &b), "no leaf is counted twice");
	a = naive_top(dh, 1);
	b = naive_top(dh + 1, 1);
	memcpy(pair, a.b, 32);
	memcpy(pair + 32, b.b, 32);
	both = hash_sha3(BYTES(pair, 64));
	a = naive_root(dh, 2);
	ok(!leads(&both, 0, 1, NULL, 0, &a),
		"an inner node is not taken for a leaf");
}

int main(void)
{
	struct prng r = {prng_seed()};
	struct hash *dh = calloc(LARGEST + 1, sizeof(*dh)), path[65], root;
	struct merkle *m = NULL;
	size_t i;

	plan(0);
	for (i = 0; i <= LARGEST; i++)
		dh[i] = prng_hash(&r);
	for (i = 0; i < 65; i++)
		path[i] = dh[i];
	for (i = 1; i <= 70; i++)
		small(dh, i);
	large(dh, 1000);
	large(dh, LARGEST - 1);
	large(dh, LARGEST);
	large(dh, LARGEST + 1);
	attacks(dh);
	is_int(differing, 0, "a fold beside a known path is the fold");
	is_int(merkle_new(dh, 0, &m), -EINVAL, "no tree without leaves");
	ok(m == NULL, "and the output is as before");
	is_int(merkle_fold(dh, 0, 0, path, 0, &root), -EBADMSG,
		"no leaf in a tree of none");
	is_int(merkle_fold(dh, UINT64_MAX - 1, UINT64_MAX, path, 65, &root),
		-EBADMSG, "a path is never longer than 64");
	is_int(merkle_fold(dh, 0, UINT64_MAX, path, 64, &root), 0,
		"and may be 64 long");
	free(dh);
	return done();
}
