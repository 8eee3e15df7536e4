/* mlog: against RFC 9162 section 2.1 written down recursively. */
#include "core/mlogtree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define SIZES 40

static struct hash naive(const struct hash *leaf, size_t n)
{
	static const uint8_t tag = 1;
	struct hash l, r;
	size_t k = 1;

	if (n == 0)
		return hash_sha256(BYTES("", 0));
	if (n == 1)
		return *leaf;
	while (k * 2 < n)
		k *= 2;
	l = naive(leaf, k);
	r = naive(leaf + k, n - k);
	struct bytes parts[] = {BYTES(&tag, 1), HASH_BYTES(&l), HASH_BYTES(&r)};
	return hash_sha256_parts(parts, 3);
}

static void frontier(const struct hash *leaf)
{
	struct mlog l = {.size = 0};
	struct hash got, want;
	bool good = true;
	size_t n;

	for (n = 0; n <= 300; n++) {
		got = mlog_root(&l);
		want = naive(leaf, n);
		good = good && l.size == n && hash_equal(&got, &want) &&
			mlog_edges(&l) ==
				(size_t)__builtin_popcountll(l.size);
		mlog_add(&l, &leaf[n]);
	}
	ok(good, "the frontier's root is the naive one for 0..300 leaves");
}

static bool inclusion(const struct hash *leaf, size_t n, size_t i)
{
	struct hash path[MLOG_DEPTH + 1] = {0}, root = naive(leaf, n), other;
	size_t len = mlog_inclusion(leaf, n, i, path), j;
	bool good;

	good = mlog_check_inclusion(&leaf[i], i, n, path, len, &root) == 0;
	for (j = 0; j < n + 2; j++)
		good = good && (j == i || mlog_check_inclusion(&leaf[i], j, n,
						path, len, &root) != 0);
	good = good &&
		mlog_check_inclusion(&leaf[i], i, n, path, len + 1, &root) != 0;
	good = good && (len == 0 || mlog_check_inclusion(&leaf[i], i, n, path,
					len - 1, &root) != 0);
	for (j = 0; j < len; j++) {
		path[j].b[5] ^= 4;
		good = good && mlog_check_inclusion(&leaf[i], i, n, path, len,
				&root) == -EBADMSG;
		path[j].b[5] ^= 4;
	}
	other = root;
	other.b[0] ^= 1;
	good = good &&
		mlog_check_inclusion(&leaf[i], i, n, path, len, &other) != 0;
	return good &&
		mlog_check_inclusion(&leaf[n], i, n, path, len, &root) != 0;
}

static bool consistency(const struct hash *leaf, size_t m, size_t n)
{
	struct hash path[MLOG_DEPTH + 2] = {0}, a = naive(leaf, m),
		b = naive(leaf, n), c = naive(leaf + 1, m);
	size_t len = mlog_consistency(leaf, m, n, path), j;
	bool good;

	good = mlog_check_consistency(m, &a, n, &b, path, len) == 0 &&
		mlog_check_consistency(m, &c, n, &b, path, len) != 0 &&
		mlog_check_consistency(m, &a, n, &c, path, len) != 0 &&
		mlog_check_consistency(m, &a, n, &b, path, len + 1) != 0;
	if (m < n)
		good = good &&
			mlog_check_consistency(n, &b, m, &a, path, len) != 0;
	if (len > 0)
		good = good && mlog_check_consistency(m, &a, n, &b, path,
				len - 1) != 0;
	for (j = 0; j < len; j++) {
		path[j].b[9] ^= 16;
		good = good && mlog_check_consistency(m, &a, n, &b, path,
				len) == -EBADMSG;
		path[j].b[9] ^= 16;
	}
	return good;
}

/* The tree gives the paths that the leaves alone give. */
static void whole_tree(void)
{
	struct mlogtree *t = mlogtree_new();
	struct hash leaf[70], a[MLOG_DEPTH], b[MLOG_DEPTH];
	uint64_t i, n;
	size_t bad = 0;

	for (i = 0; i < 70; i++) {
		leaf[i] = mlog_leaf(BYTES(&i, sizeof(i)));
		if (mlogtree_add(t, &leaf[i]) != 0)
			bail("no memory");
	}
	for (n = 1; n <= 70; n++)
		for (i = 0; i < n; i++) {
			size_t len = mlog_inclusion(leaf, n, i, a);

			bad += len != mlogtree_path(t, i, n, b) ||
			       memcmp(a, b, len * sizeof(a[0])) != 0;
		}
	is_int(mlogtree_size(t), 70, "a tree of 70 leaves");
	is_int(bad, 0, "gives every path of every size that it had");
	mlogtree_free(t);
	mlogtree_free(NULL);
}

int main(void)
{
	struct prng r = {prng_seed()};
	struct hash leaf[320], h, want, path[MLOG_DEPTH];
	bool good = true;
	size_t m, n;

	plan(0);
	whole_tree();
	for (n = 0; n < 320; n++)
		leaf[n] = prng_hash(&r);
	frontier(leaf);
	h = mlog_leaf(BYTES("entry", 5));
	want = hash_sha256(BYTES("\0entry", 6));
	is_bytes(HASH_BYTES(&h), HASH_BYTES(&want), "a leaf has tag 0 before it");
	for (n = 1; n <= SIZES; n++)
		for (m = 0; m < n; m++)
			good = inclusion(leaf, n, m) && good;
	ok(good, "inclusion: every leaf of 1..%d is proved, and nothing else is",
		SIZES);
	for (good = true, n = 1; n <= SIZES; n++)
		for (m = 1; m <= n; m++)
			good = consistency(leaf, m, n) && good;
	ok(good, "consistency: all pairs up to %d, and nothing tampered with",
		SIZES);
	is_int(mlog_check_consistency(0, &h, 3, &h, path, 0), -EBADMSG,
		"growth from nothing proves nothing");
	is_int(mlog_check_inclusion(&h, 0, 0, path, 0, &h), -EBADMSG,
		"an empty log holds no leaf");
	return done();
}
