/*
 * tiles: whatever is kept, hashes, roots and paths are those of the whole log
 * computed at once (mlog.h).
 */
#include "core/tiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/cborput.h"
#include "core/cleanup.h"
#include "core/sequence.h"
#include "core/timestamp.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define SIZE 66200 /* a tile of level 1, and some */
#define VALUES 4

static struct hash leaves[SIZE];
static struct buf values[VALUES];
static unsigned asked; /* blocks */

/* Statement and block of a height: nothing is signed, for nothing here asks. */
static void statement(uint64_t height, struct buf *ret)
{
	struct sequence s = {.k = 2 * height, .has_height = true,
		.height = height, .log_size = height + 1};
	struct cborput w = {0};
	struct buf payload = {0};
	uint8_t signature[64] = {0};

	memcpy(s.r, &height, sizeof(height));
	if (sequence_encode(&s, &payload) != 0)
		bail("statement");
	cborput_array(&w, 4);
	cborput_bytes(&w, BYTES("\xa1\x01\x26", 3));
	cborput_head(&w, CBOR_MAP, 0);
	cborput_bytes(&w, BUF_BYTES(&payload));
	cborput_bytes(&w, BYTES(signature, sizeof(signature)));
	cborput_end(&w, ret);
	buf_free(&payload);
}

static int block(struct local *l, uint64_t height, struct local_block *ret)
{
	struct local_block b = {.height = height, .state = LOCAL_FINAL};

	(void)l;
	asked++;
	if (height >= SIZE)
		return -ENOENT;
	buf_copy(BYTES(&height, sizeof(height)), &b.b);
	buf_copy(BYTES(&height, sizeof(height) - 1), &b.t);
	statement(height, &b.s);
	*ret = b;
	return 0;
}

static struct buf *value_of(const char *name)
{
	unsigned i;

	if (sscanf(name, "tiles.1.%u", &i) != 1 || i >= VALUES)
		bail("value %s", name);
	return &values[i];
}

static int value(struct local *l, const char *name, struct buf *ret)
{
	struct buf *v = value_of(name);

	(void)l;
	return v->n == 0 ? -ENOENT : buf_copy(BUF_BYTES(v), ret);
}

static int set_value(struct local *l, const char *name, struct bytes v)
{
	struct buf *old = value_of(name);

	(void)l;
	buf_free(old);
	return buf_copy(v, old);
}

static const struct local_ops ops = {
	.block = block, .value = value, .set_value = set_value};
static struct local local = {&ops};

static void make_leaves(void)
{
	uint64_t i;

	for (i = 0; i < SIZE; i++) {
		struct hash hb = block_hash(BYTES(&i, sizeof(i)));
		struct hash ht = timestamp_hash(BYTES(&i, sizeof(i) - 1));
		uint8_t r[16] = {0};

		memcpy(r, &i, sizeof(i));
		leaves[i] = sequence_log_leaf(i, 2 * i, &hb, &ht, r);
	}
}

static struct hash root(uint64_t first, uint64_t n)
{
	struct mlog l = {.size = 0};
	uint64_t i;

	for (i = 0; i < n; i++)
		mlog_add(&l, &leaves[first + i]);
	return mlog_root(&l);
}

static bool same_root(uint64_t size)
{
	struct hash got, want = root(0, size);

	return tiles_root(&local, size, &got) == 0 && hash_equal(&got, &want);
}

static void roots(const char *when)
{
	static const uint64_t sizes[] = {
		1, 2, 255, 256, 257, 511, 512, 1000, 65535, 65536, 65537, SIZE};
	unsigned wrong = 0;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		wrong += !same_root(sizes[i]);
	is_int(wrong, 0, "the roots are right %s", when);
}

static void paths(void)
{
	static const uint64_t at[][2] = {{1, 0}, {2, 1}, {300, 255}, {300, 256},
		{300, 299}, {65536, 40000}, {65537, 65536}, {SIZE, 0},
		{SIZE, 65535}, {SIZE, SIZE - 1}};
	struct hash path[MLOG_DEPTH], want;
	unsigned wrong = 0;
	size_t i, n;

	for (i = 0; i < sizeof(at) / sizeof(*at); i++) {
		want = root(0, at[i][0]);
		wrong += tiles_inclusion(&local, at[i][0], at[i][1], path,
				 &n) != 0 ||
			 mlog_check_inclusion(&leaves[at[i][1]], at[i][1],
				 at[i][0], path, n, &want) != 0;
	}
	is_int(wrong, 0, "and so are the paths");
	is_int(tiles_inclusion(&local, 5, 5, path, &n), -EINVAL,
		"there is no path beyond the size");
}

static void levels(void)
{
	struct hash got, want = root(256 * 7, 256);

	ok(tiles_hashes(&local, 1, 7, 1, &got) == 0 && hash_equal(&got, &want),
		"a hash of level 1 is the root of its tile");
	want = root(0, 65536);
	ok(tiles_hashes(&local, 2, 0, 1, &got) == 0 && hash_equal(&got, &want),
		"and one of level 2 of its 65536 entries");
	is_int(tiles_hashes(&local, 0, SIZE, 1, &got), -EBADMSG,
		"beyond what is final there is nothing");
}

static void entries(void)
{
	cleanup(buf) struct buf b = {0};
	unsigned wrong = 0;
	size_t at = 0, n;
	uint64_t i;

	is_int(tiles_entries(&local, 256, 256, &b), 0, "a bundle is read");
	for (i = 256; i < 512 && at + 2 <= b.n; i++, at += n) {
		struct hash h;

		n = (size_t)b.p[at] << 8 | b.p[at + 1];
		at += 2;
		h = mlog_leaf(BYTES(b.p + at, n));
		wrong += !hash_equal(&h, &leaves[i]);
	}
	ok(wrong == 0 && at == b.n && i == 512, "each entry hashes to its leaf");
}

int main(void)
{
	unsigned grown = 0;
	int rc;

	make_leaves();
	roots("with nothing kept");
	paths();
	levels();
	entries();
	while ((rc = tiles_grow(&local, 65536 - 256)) == 1)
		grown++;
	is_int(rc, 0, "it grows");
	is_int(grown, 255, "by a hash for 256 blocks");
	roots("with a tile that is not whole");
	while (tiles_grow(&local, SIZE) == 1)
		grown++;
	is_int(grown, SIZE / 256, "and goes on where it was");
	roots("with all kept");
	paths();
	levels();
	asked = 0;
	same_root(SIZE);
	ok(asked < 256, "a root costs %u blocks then", asked);
	buf_free(&values[0]);
	is_int(tiles_grow(&local, SIZE), 0, "what is lost is not missed");
	roots("without it");
	buf_free(&values[1]);
	return done();
}
