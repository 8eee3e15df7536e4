/* block: what core/block.h says. */
#include "core/block.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct buf out = {0};
	struct block b;
	int rc = block_decode(in, &b);

	(void)ctx;
	return mutate_answer(in, rc, rc ? rc : block_encode(&b, &out), &out);
}

static struct block make(struct prng *r, bool log, bool attestation)
{
	struct block b = {.has_log = log, .has_attestation = attestation};

	prng_fill(r, b.u, BLOCK_U);
	b.mh = prng_hash(r);
	b.th = prng_hash(r);
	if (log) {
		b.log_size = prng_next(r) >> prng_below(r, 64);
		b.log_root = prng_hash(r);
	}
	if (attestation)
		b.attestation = prng_hash(r);
	return b;
}

static bool same(const struct block *a, const struct block *b)
{
	return memcmp(a->u, b->u, BLOCK_U) == 0 &&
		hash_equal(&a->mh, &b->mh) && hash_equal(&a->th, &b->th) &&
		a->has_log == b->has_log && a->log_size == b->log_size &&
		hash_equal(&a->log_root, &b->log_root) &&
		a->has_attestation == b->has_attestation &&
		hash_equal(&a->attestation, &b->attestation);
}

static void round_trip(struct prng *r, bool log, bool attestation)
{
	struct block b = make(r, log, attestation), back;
	struct buf out = {0};

	is_int(block_encode(&b, &out), 0, "a block is written");
	ok(out.n <= BLOCK_MAX, "in at most BLOCK_MAX bytes");
	ok(block_decode(BUF_BYTES(&out), &back) == 0 && same(&b, &back),
		"and read again with every field, log %d attestation %d", log,
		attestation);
	mutate("block", BUF_BYTES(&out), MUTATIONS, feed, NULL);
	buf_free(&out);
}

/* Hex with the rule that it breaks. */
static const struct {
	const char *hex, *rule;
} refused[] = {
	{"84" "50%u" "5820%h" "5820%h" "a0", "an empty map of extensions"},
	{"84" "50%u" "5820%h" "5820%h" "a103f6", "an extension unknown"},
	{"84" "50%u" "5820%h" "5820%h" "a2025820%h01820a5820%h",
		"extensions out of order"},
	{"84" "50%u" "5820%h" "5820%h" "a101810a", "a log without a root"},
	{"83" "4f%u" "5820%h" "5820%h", "u of another length"},
	{"83" "50%u" "5820%h" "581f%h", "t^H of another length"},
	{"83" "50%u" "5820%h" "5820%h" "00", "a byte behind the block"},
	{"9f" "50%u" "5820%h" "5820%h" "ff", "an array without a length"},
	{"9803" "50%u" "5820%h" "5820%h", "a head that is not shortest"},
	{"d83783" "50%u" "5820%h" "5820%h", "a tag before the block"},
};

/* %u becomes 16 bytes, %h 32. */
static struct buf expand(const char *s)
{
	struct buf out = {0};
	char two[3] = {0};
	uint8_t b;
	size_t n;

	while (*s != '\0') {
		if (*s == '%') {
			for (n = s[1] == 'u' ? 16 : 32; n > 0; n--)
				buf_add(&out, "x", 1);
		} else {
			memcpy(two, s, 2);
			hex_decode(two, &b, 1);
			buf_add(&out, &b, 1);
		}
		s += 2;
	}
	return out;
}

int main(void)
{
	struct prng r = {prng_seed()};
	struct block b = make(&r, false, false), untouched = b;
	struct buf raw;
	struct hash h, want;
	size_t i;

	plan(0);
	round_trip(&r, false, false);
	round_trip(&r, true, false);
	round_trip(&r, false, true);
	round_trip(&r, true, true);

	raw = expand("83" "50%u" "5820%h" "5820%h");
	is_int(raw.n, 86, "the plain triple has 86 bytes");
	is_int(block_decode(BUF_BYTES(&raw), &b), 0, "and is read");
	h = block_hash(BUF_BYTES(&raw));
	want = hash_sha3(BUF_BYTES(&raw));
	is_bytes(HASH_BYTES(&h), HASH_BYTES(&want),
		"H(b) is SHA3-256 of the bytes");
	buf_free(&raw);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		raw = expand(refused[i].hex);
		b = untouched;
		is_int(block_decode(BUF_BYTES(&raw), &b), -EBADMSG,
			"refused: %s", refused[i].rule);
		ok(same(&b, &untouched), "and the output is as before");
		buf_free(&raw);
	}
	return done();
}
