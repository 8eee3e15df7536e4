#include "core/mlog.h"

#include <assert.h>
#include <errno.h>

#include "core/hash.h"

struct hash mlog_leaf(struct bytes entry)
{
	static const uint8_t tag = 0x00;
	struct bytes parts[] = {BYTES(&tag, 1), entry};

	return hash_sha256_parts(parts, 2);
}

struct hash mlog_inner(const struct hash *l, const struct hash *r)
{
	static const uint8_t tag = 0x01;
	struct bytes parts[] = {BYTES(&tag, 1), HASH_BYTES(l), HASH_BYTES(r)};

	return hash_sha256_parts(parts, 3);
}

size_t mlog_edges(const struct mlog *l)
{
	return (size_t)__builtin_popcountll(l->size);
}

void mlog_add(struct mlog *l, const struct hash *leaf)
{
	size_t e = mlog_edges(l);
	struct hash h = *leaf;
	uint64_t n;

	assert(l->size < UINT64_MAX);
	for (n = l->size; n & 1; n >>= 1)
		h = mlog_inner(&l->edge[--e], &h);
	l->edge[e] = h;
	l->size++;
}

struct hash mlog_root(const struct mlog *l)
{
	size_t e = mlog_edges(l);
	struct hash root;

	if (e == 0)
		return hash_sha256(BYTES(NULL, 0));
	root = l->edge[--e];
	while (e > 0)
		root = mlog_inner(&l->edge[--e], &root);
	return root;
}

static struct hash root_of(const struct hash *leaves, uint64_t n)
{
	struct mlog l = {.size = 0};
	uint64_t i;

	for (i = 0; i < n; i++)
		mlog_add(&l, &leaves[i]);
	return mlog_root(&l);
}

uint64_t mlog_split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

static void reverse(struct hash *h, size_t n)
{
	struct hash tmp;
	size_t i;

	for (i = 0; i < n / 2; i++) {
		tmp = h[i];
		h[i] = h[n - 1 - i];
		h[n - 1 - i] = tmp;
	}
}

size_t mlog_inclusion(const struct hash *leaves, uint64_t n, uint64_t i,
	struct hash ret[MLOG_DEPTH])
{
	size_t len = 0;
	uint64_t k;

	assert(i < n);
	while (n > 1) {
		k = mlog_split(n);
		if (i < k) {
			ret[len++] = root_of(leaves + k, n - k);
			n = k;
		} else {
			ret[len++] = root_of(leaves, k);
			leaves += k;
			i -= k;
			n -= k;
		}
	}
	reverse(ret, len); /* found from the root down, given leaf upward */
	return len;
}

size_t mlog_consistency(const struct hash *leaves, uint64_t m, uint64_t n,
	struct hash ret[MLOG_DEPTH + 1])
{
	bool whole = true; /* is the old tree's root this very subtree? */
	size_t len = 0;
	uint64_t k;

	assert(m > 0 && m <= n);
	while (m < n) {
		k = mlog_split(n);
		if (m <= k) {
			ret[len++] = root_of(leaves + k, n - k);
			n = k;
		} else {
			ret[len++] = root_of(leaves, k);
			leaves += k;
			m -= k;
			n -= k;
			whole = false;
		}
	}
	if (!whole)
		ret[len++] = root_of(leaves, m);
	reverse(ret, len);
	return len;
}

int mlog_fold(const struct hash *leaf, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, struct hash *ret_root)
{
	uint64_t fn = i, sn = n - 1;
	struct hash r = *leaf;
	size_t p;

	if (i >= n)
		return -EBADMSG;
	for (p = 0; p < path_len; p++) {
		if (sn == 0)
			return -EBADMSG;
		if ((fn & 1) || fn == sn) {
			r = mlog_inner(&path[p], &r);
			for (; fn != 0 && !(fn & 1); sn >>= 1)
				fn >>= 1;
		} else {
			r = mlog_inner(&r, &path[p]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	if (sn != 0)
		return -EBADMSG;
	*ret_root = r;
	return 0;
}

int mlog_check_inclusion(const struct hash *leaf, uint64_t i, uint64_t n,
	const struct hash *path, size_t path_len, const struct hash *root)
{
	struct hash r;

	return mlog_fold(leaf, i, n, path, path_len, &r) == 0 &&
			hash_equal(&r, root) ? 0 : -EBADMSG;
}

/* The proper part, 0 < m < n: walks the path of the old tree's last leaf and
 * computes both roots from it. */
static int check_growth(uint64_t m, const struct hash *root_m, uint64_t n,
	const struct hash *root_n, const struct hash *path, size_t path_len)
{
	uint64_t fn = m - 1, sn = n - 1;
	struct hash fr, sr;
	size_t p = 0;

	for (; fn & 1; sn >>= 1)
		fn >>= 1;
	/* A whole subtree's root is known already and is left out. */
	if (fn != 0 && path_len == 0)
		return -EBADMSG;
	fr = sr = fn == 0 ? *root_m : path[p++];
	for (; p < path_len; p++) {
		if (sn == 0)
			return -EBADMSG;
		if ((fn & 1) || fn == sn) {
			fr = mlog_inner(&path[p], &fr);
			sr = mlog_inner(&path[p], &sr);
			for (; fn != 0 && !(fn & 1); sn >>= 1)
				fn >>= 1;
		} else {
			sr = mlog_inner(&sr, &path[p]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hash_equal(&fr, root_m) && hash_equal(&sr, root_n)
		? 0 : -EBADMSG;
}

int mlog_check_consistency(uint64_t m, const struct hash *root_m, uint64_t n,
	const struct hash *root_n, const struct hash *path, size_t path_len)
{
	if (m == 0 || m > n)
		return -EBADMSG;
	if (m == n)
		return path_len == 0 && hash_equal(root_m, root_n)
			? 0 : -EBADMSG;
	return check_growth(m, root_m, n, root_n, path, path_len);
}
