/* object: what core/object.h says. */
#include "core/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)

/* The four kinds as one, so that each is tested alike. */
enum kind { META, EXTENT, NUMBER, GENESIS };

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	const enum kind *kind = ctx;
	struct extent_meta extent;
	struct buf out = {0};
	struct genesis genesis;
	struct number number;
	struct meta meta;
	int rc = 0, wrote = 0;

	switch (*kind) {
	case META:
		if ((rc = meta_decode(in, &meta)) == 0) {
			wrote = meta_encode(&meta, &out);
			meta_done(&meta);
		}
		break;
	case EXTENT:
		if ((rc = extent_meta_decode(in, &extent)) == 0)
			wrote = extent_meta_encode(&extent, &out);
		break;
	case NUMBER:
		if ((rc = number_decode(in, &number)) == 0)
			wrote = number_encode(&number, &out);
		break;
	case GENESIS:
		if ((rc = genesis_decode(in, &genesis)) == 0)
			wrote = genesis_encode(&genesis, &out);
		break;
	}
	return mutate_answer(in, rc, wrote, &out);
}

static void mutations(const char *what, enum kind kind, struct buf *raw)
{
	mutate(what, BUF_BYTES(raw), MUTATIONS, feed, &kind);
	buf_free(raw);
}

static void refuse_meta(const struct meta *m, const char *rule)
{
	struct buf out = {0};

	is_int(meta_encode(m, &out), -EINVAL, "META refused: %s", rule);
	buf_free(&out);
}

static void metas(void)
{
	static uint8_t large[4096];
	static struct bytes d[MERKLE_LEAVES_MAX + 1];
	struct bytes three[3] = {S("d0"), S("d1"), S("d2")};
	struct meta_extents e[2] = {{0, BYTES(large, 64)}, {2, BYTES(large, 32)}};
	const struct meta good = {S("b"), 0, S("t"), 3, three, 2, e};
	struct meta m = good, back;
	struct buf out = {0};
	size_t i;

	is_int(meta_encode(&m, &out), 0, "META is written");
	ok(meta_decode(BUF_BYTES(&out), &back) == 0 && back.n == 3 &&
			bytes_equal(back.b, m.b) && bytes_equal(back.t, m.t) &&
			bytes_equal(back.d[2], three[2]) &&
			back.n_large == 2 && back.large[1].index == 2 &&
			back.large[0].tops.n == 64,
		"and read again");
	meta_done(&back);
	mutations("META", META, &out);
	m.n_large = 0;
	is_int(meta_encode(&m, &out), 0, "META without large files");
	mutations("META without large files", META, &out);

	refuse_meta((m = good, m.b.n = 0, &m), "no block");
	refuse_meta((m = good, m.t.n = 0, &m), "no timestamp");
	refuse_meta((m = good, m.n = 0, m.n_large = 0, &m), "no record");
	refuse_meta((m = good, m.n = 2, &m), "extents of no record");
	e[0].tops.n = 63;
	refuse_meta((m = good, &m), "half a hash");
	e[0].tops.n = 0;
	refuse_meta((m = good, &m), "a large file without extents");
	e[0] = e[1];
	refuse_meta((m = good, &m), "extents twice");
	three[1].n = 0;
	refuse_meta((m = good, m.n_large = 0, &m), "an empty record");
	for (i = 0; i <= MERKLE_LEAVES_MAX; i++)
		d[i] = BYTES(large, 1);
	m = (struct meta){S("b"), 0, S("t"), MERKLE_LEAVES_MAX, d, 0, NULL};
	is_int(meta_encode(&m, &out), 0, "16384 records");
	buf_free(&out);
	m.n++;
	refuse_meta(&m, "one more");
	for (i = 0; i <= MERKLE_LEAVES_MAX; i++)
		d[i] = BYTES(large, META_RECORDS_MAX / 4096 + 1);
	m.n = 4096;
	refuse_meta(&m, "more than 8 MiB of records");
}

static void extent_metas(void)
{
	struct extent_meta m = {.length = EXTENT_SIZE}, back;
	struct buf out = {0};

	m.top.b[7] = 9;
	is_int(extent_meta_encode(&m, &out), 0, "an extent's META is written");
	ok(extent_meta_decode(BUF_BYTES(&out), &back) == 0 &&
			hash_equal(&back.top, &m.top) &&
			back.length == m.length,
		"and read again");
	mutations("extent META", EXTENT, &out);
	m.length = 0;
	is_int(extent_meta_encode(&m, &out), -EINVAL, "no empty extent");
	m.length = EXTENT_SIZE + 1;
	is_int(extent_meta_encode(&m, &out), -EINVAL, "none over 64 MiB");
}

static void numbers(void)
{
	static uint8_t large[32768];
	const struct number full = {S("s"), true, {{1}}, S("doc"), S("R")},
		bare = {.s = S("s")};
	struct buf out = {0};
	struct number n = full, back;

	is_int(number_encode(&n, &out), 0, "a number is written");
	ok(number_decode(BUF_BYTES(&out), &back) == 0 && back.has_meta &&
			hash_equal(&back.meta, &n.meta) &&
			bytes_equal(back.doc, n.doc) &&
			bytes_equal(back.recovery, n.recovery),
		"and read again");
	mutations("number", NUMBER, &out);
	n = bare;
	is_int(number_encode(&n, &out), 0, "a number with nothing but s");
	ok(number_decode(BUF_BYTES(&out), &back) == 0 && !back.has_meta &&
			back.doc.n == 0 && back.recovery.n == 0,
		"is read as such");
	mutations("bare number", NUMBER, &out);
	is_int(number_encode((n = bare, n.s.n = 0, &n), &out), -EINVAL,
		"no number without s");
	is_int(number_encode((n = bare, n.s = BYTES(large, 513), &n), &out),
		-EINVAL, "no s of 513 bytes");
	is_int(number_encode((n = bare, n.doc = BYTES(large, 20001), &n), &out),
		-EINVAL, "no document of 20001 bytes");
	is_int(number_encode((n = bare, n.recovery = BYTES(large, 1025), &n),
			&out), -EINVAL, "no recovery record of 1025 bytes");
}

static void genesises(void)
{
	struct genesis g = {S("b0"), 0, S("t"), S("s"), S("params"), S("doc")};
	struct buf out = {0};
	struct genesis back;

	is_int(genesis_encode(&g, &out), 0, "genesis is written");
	ok(genesis_decode(BUF_BYTES(&out), &back) == 0 &&
			bytes_equal(back.b0, g.b0) && bytes_equal(back.t, g.t) &&
			bytes_equal(back.s, g.s) &&
			bytes_equal(back.params, g.params) &&
			bytes_equal(back.doc, g.doc),
		"and read again");
	mutations("genesis", GENESIS, &out);
	g.doc.n = 0;
	is_int(genesis_encode(&g, &out), -EINVAL, "not without a document");
}

static void keys(void)
{
	char key[OBJECT_KEY_MAX];
	struct hash h;

	memset(h.b, 0xab, sizeof(h.b));
	object_key_number(255, key);
	is_str(key, "a/00000000000000ff", "a number's key has 16 digits");
	object_key_number(UINT64_MAX, key);
	is_str(key, "a/ffffffffffffffff", "the largest too");
	object_key_pack(&h, key);
	is_str(key, "p/abababababababababababababababab"
		"abababababababababababababababab", "a pack's key");
	object_key_extent(&h, key);
	is_str(key, "c/abababababababababababababababab"
		"abababababababababababababababab", "an extent's key");
}

int main(void)
{
	plan(0);
	metas();
	extent_metas();
	numbers();
	genesises();
	keys();
	return done();
}
