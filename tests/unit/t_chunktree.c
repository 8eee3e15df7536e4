/* chunktree: against the definition written down recursively. */
#include "core/chunktree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define LONGEST (5 << 20)

static struct hash suffixed(struct bytes a, struct bytes b, uint8_t tag)
{
	struct bytes parts[] = {a, b, BYTES(&tag, 1)};

	return hash_sha3_parts(parts, 3);
}

static struct hash naive_top(const uint8_t *p, size_t n)
{
	size_t k = CHUNK_SIZE;
	struct hash l, r;

	if (n <= CHUNK_SIZE)
		return suffixed(BYTES(p, n), BYTES(NULL, 0), 0x10);
	while (k * 2 < n)
		k *= 2;
	l = naive_top(p, k);
	r = naive_top(p + k, n - k);
	return suffixed(HASH_BYTES(&l), HASH_BYTES(&r), 0x11);
}

static struct hash naive_root(const uint8_t *p, size_t n)
{
	struct hash top = {{0}};
	uint8_t be[8];
	size_t i;

	if (n > 0)
		top = naive_top(p, n);
	for (i = 0; i < 8; i++)
		be[i] = (uint8_t)((uint64_t)n >> (56 - 8 * i));
	return suffixed(BYTES(be, 8), HASH_BYTES(&top), 0x12);
}

static bool whole(const uint8_t *p, size_t n)
{
	struct hash got = chunktree_root_bytes(BYTES(p, n));
	struct hash want = naive_root(p, n);

	return hash_equal(&got, &want);
}

/* The same in pieces of 1 .. piece bytes. */
static bool pieces(struct prng *r, const uint8_t *p, size_t n, size_t piece)
{
	struct chunktree *t = chunktree_new();
	struct hash top, root, want = naive_root(p, n), of;
	size_t at, len;
	bool good;

	for (at = 0; at < n; at += len) {
		len = 1 + (size_t)prng_below(r, piece);
		if (len > n - at)
			len = n - at;
		chunktree_add(t, BYTES(p + at, len));
	}
	chunktree_add(t, BYTES(NULL, 0));
	top = chunktree_top(t);
	root = chunktree_root(t);
	of = chunktree_root_of(n, &top);
	good = hash_equal(&root, &want) && hash_equal(&of, &want) &&
		chunktree_length(t) == n;
	chunktree_free(t);
	return good;
}

/* Extents are 64 MiB; that their tops join is a property of the shape, so the
 * first extents here are made of one repeated chunk and hashed only once. */
static struct hash zeros_top(uint64_t n)
{
	static const uint8_t zero[1 << 20];
	struct chunktree *t = chunktree_new();
	struct hash top;
	uint64_t len;

	for (; n > 0; n -= len) {
		len = n < sizeof(zero) ? n : sizeof(zero);
		chunktree_add(t, BYTES(zero, (size_t)len));
	}
	top = chunktree_top(t);
	chunktree_free(t);
	return top;
}

/* Zeros that are only counted, between bytes that are there. */
static bool counted(struct prng *r, uint8_t *p, size_t n)
{
	struct chunktree *t = chunktree_new();
	struct hash root, want;
	bool zeros = prng_below(r, 2) == 0, good;
	size_t at, len, i;

	for (at = 0; at < n; at += len, zeros = !zeros) {
		len = 1 + (size_t)prng_below(r, n - at);
		if (prng_below(r, 2) == 0 && len > CHUNK_SIZE)
			len -= len % CHUNK_SIZE;
		for (i = 0; i < len; i++)
			p[at + i] = zeros ? 0 : (uint8_t)(1 + prng_below(r, 255));
		if (zeros)
			chunktree_add_zeros(t, len);
		else
			chunktree_add(t, BYTES(p + at, len));
	}
	want = naive_root(p, n);
	root = chunktree_root(t);
	good = hash_equal(&root, &want) && chunktree_length(t) == n;
	chunktree_free(t);
	return good;
}

static void zeros(void)
{
	static const uint64_t lengths[] = {0, 1, 4095, 4096, 4097,
		63 * CHUNK_SIZE, 64 * CHUNK_SIZE, 64 * CHUNK_SIZE + 1,
		129 * CHUNK_SIZE, EXTENT_SIZE - 1, EXTENT_SIZE,
		3 * EXTENT_SIZE + 4097};
	struct prng r = {prng_seed()};
	uint8_t *p = malloc(LONGEST);
	unsigned bad = 0;
	struct hash got, want;
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		got = chunktree_zeros(lengths[i]);
		want = zeros_top(lengths[i]);
		bad += !hash_equal(&got, &want);
	}
	is_int(bad, 0, "zeros that are counted have the top of zeros");
	for (i = bad = 0; i < 200; i++)
		bad += !counted(&r, p, 1 + prng_below(&r,
			i % 10 == 0 ? LONGEST : 300 * CHUNK_SIZE));
	is_int(bad, 0, "and the same among other bytes");
	/* The extents of 2^63 bytes give the same as counting them. */
	got = chunktree_zeros(UINT64_C(1) << 63);
	want = chunktree_zeros(EXTENT_SIZE);
	for (i = 26; i < 63; i++)
		want = suffixed(HASH_BYTES(&want), HASH_BYTES(&want), 0x11);
	ok(hash_equal(&got, &want), "up to the greatest lengths");
	free(p);
}

static void extents(void)
{
	uint64_t rest = 5 * CHUNK_SIZE + 7;
	struct hash full = zeros_top(EXTENT_SIZE), last = zeros_top(rest);
	struct hash three[3] = {full, full, last}, joined = {{1}}, want;

	is_int(chunktree_join(three, 3, 2 * EXTENT_SIZE + rest, &joined), 0,
		"three extents join");
	want = suffixed(HASH_BYTES(&full), HASH_BYTES(&full), 0x11);
	want = suffixed(HASH_BYTES(&want), HASH_BYTES(&last), 0x11);
	is_bytes(HASH_BYTES(&joined), HASH_BYTES(&want),
		"as inner nodes over their tops");
	three[1] = last;
	is_int(chunktree_join(three, 2, EXTENT_SIZE + rest, &joined), 0,
		"one extent and a bit");
	want = zeros_top(EXTENT_SIZE + rest);
	is_bytes(HASH_BYTES(&joined), HASH_BYTES(&want),
		"give the top of the whole file");
	is_int(chunktree_join(three, 1, rest, &joined), 0, "one extent joins");
	is_bytes(HASH_BYTES(&joined), HASH_BYTES(&full), "and is the top");
	is_int(chunktree_join(NULL, 0, 0, &joined), 0, "none at all");
	ok(hash_is_zero(&joined), "is 32 zero bytes");
	is_int(chunktree_join(three, 2, EXTENT_SIZE, &joined), -EINVAL,
		"too many tops are refused");
	is_int(chunktree_join(three, 2, 2 * EXTENT_SIZE + 1, &joined), -EINVAL,
		"too few tops are refused");
	is_int(chunktree_extents(0), 0, "no extent of an empty file");
	is_int(chunktree_extents(1), 1, "one of a byte");
	is_int(chunktree_extents(EXTENT_SIZE), 1, "one of 64 MiB");
	is_int(chunktree_extents(EXTENT_SIZE + 1), 2, "two of a byte more");
	ok(chunktree_extents(UINT64_MAX) == UINT64_C(1) << 38,
		"and no overflow at the largest length");
}

/* Together as each by itself, whatever their sizes and number. */
static void together(void)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 12288, 12289,
		70000, 262144, 262145, 511 * 4096, 512 * 4096, 512 * 4096 + 1};
	enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), N = 150 };
	uint8_t *data = malloc(600 * CHUNK_SIZE + N);
	struct bytes file[N] = {{0}};
	struct hash got[N];
	size_t i, n, wrong = 0;

	for (i = 0; i < 600 * CHUNK_SIZE + N; i++)
		data[i] = (uint8_t)(i * 2654435761U >> 11);
	for (n = 0; n <= N; n += 1 + n / 2) {
		for (i = 0; i < n; i++)
			file[i] = BYTES(data + i, sizes[(i * i + n) % SIZES]);
		chunktree_roots(file, n, got);
		for (i = 0; i < n; i++) {
			struct hash want = chunktree_root_bytes(file[i]);

			wrong += !hash_equal(&want, &got[i]);
		}
	}
	is_int(wrong, 0, "contents hashed together have the roots they have");
	free(data);
}

int main(void)
{
	struct prng r = {prng_seed()};
	uint8_t *p = malloc(LONGEST);
	bool good = true;
	size_t n;

	plan(0);
	prng_fill(&r, p, LONGEST);
	ok(whole(p, 0), "the empty file has a root");
	for (n = 0; n <= 40000 && good; n += 97)
		good = whole(p, n) && pieces(&r, p, n, 1 + n / 3);
	ok(good, "lengths 0..40000 at once and in pieces (up to %zu)", n);
	for (n = 1; n <= 140 && good; n++)
		good = whole(p, n * CHUNK_SIZE - 1) &&
			whole(p, n * CHUNK_SIZE) &&
			whole(p, n * CHUNK_SIZE + 1);
	ok(good, "1..140 chunks, a byte less and a byte more (up to %zu)", n);
	ok(whole(p, LONGEST) && whole(p, LONGEST - 4000), "1280 chunks");
	ok(pieces(&r, p, LONGEST, 200000) && pieces(&r, p, 70000, 1) &&
			pieces(&r, p, 1 << 20, 5000),
		"pieces of any size make the same root");
	zeros();
	extents();
	chunktree_free(NULL);
	free(p);
	together();
	return done();
}
