#include <errno.h>
#include <openssl/ec.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/mlog.h"
#include "core/sequence.h"
#include "tests/tap/tap.h"

static struct hash filled(uint8_t v)
{
	struct hash h;

	memset(h.b, v, sizeof(h.b));
	return h;
}

static struct sequence sample(void)
{
	struct sequence s = {
		.chain = filled(1),
		.epoch = 2,
		.k = 300,
		.type = SEQUENCE_BLOCK,
		.prev_head = filled(3),
		.has_height = true,
		.height = 299,
		.log_size = 300,
		.log_root = filled(5),
	};

	memset(s.y, 7, sizeof(s.y));
	memset(s.r, 8, sizeof(s.r));
	return s;
}

/* The same through libcbor: what cborput.h writes is what cborwrite.h does. */
static void expect(const struct sequence *s, struct buf *ret)
{
	struct cborw w = {0};

	cborw_array(&w, 11);
	cborw_uint(&w, 1);
	cborw_hash(&w, &s->chain);
	cborw_uint(&w, s->epoch);
	cborw_uint(&w, s->k);
	cborw_uint(&w, s->type);
	cborw_bytes(&w, BYTES(s->y, sizeof(s->y)));
	cborw_hash(&w, &s->prev_head);
	if (s->has_height)
		cborw_uint(&w, s->height);
	else
		cborw_null(&w);
	cborw_bytes(&w, BYTES(s->r, sizeof(s->r)));
	cborw_uint(&w, s->log_size);
	cborw_hash(&w, &s->log_root);
	if (cborw_end(&w, ret) != 0)
		bail("no memory");
}

static void encodes(struct sequence s, const char *what)
{
	cleanup(buf) struct buf got = {0}, want = {0}, again = {0};
	struct sequence back;

	expect(&s, &want);
	is_int(sequence_encode(&s, &got), 0, "%s is written", what);
	is_bytes(BUF_BYTES(&got), BUF_BYTES(&want), "as libcbor writes it");
	is_int(sequence_decode(BUF_BYTES(&got), &back), 0, "and read");
	is_int(sequence_encode(&back, &again), 0, "and written again");
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&want), "to the same bytes");
}

static void refuses(struct sequence s, const char *why)
{
	cleanup(buf) struct buf out = {0}, raw = {0};

	is_int(sequence_encode(&s, &out), -EINVAL, "not written: %s", why);
	expect(&s, &raw);
	is_int(sequence_decode(BUF_BYTES(&raw), &s), -EBADMSG, "nor read");
}

static void statements(void)
{
	struct sequence s = sample();
	struct hash h = filled(9);

	encodes(s, "a block's number");
	s.k = UINT64_MAX;
	s.epoch = UINT32_MAX;
	encodes(s, "the largest number");
	s.has_height = false;
	encodes(s, "a block off the main chain");
	s.type = SEQUENCE_HANDOVER;
	refuses(s, "a hand-over with a u");
	sequence_y_other(&h, s.y);
	encodes(s, "a hand-over");
	s.has_height = true;
	refuses(s, "a hand-over with a height");
	s.has_height = false;
	s.type = (enum sequence_type)3;
	refuses(s, "a type unknown");
}

static void opens(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
	EVP_PKEY *wide = EVP_EC_gen("P-384");
	cleanup(buf) struct buf pay = {0}, s = {0}, w = {0}, junk = {0};
	cleanup(buf) struct buf k = {0}, o = {0}, x = {0};
	struct sequence in = sample(), out = {0};

	if (cose_key_spki(key, &k) != 0 || cose_key_spki(other, &o) != 0 ||
		cose_key_spki(wide, &x) != 0 || sequence_encode(&in, &pay) != 0 ||
		cose_sign(COSE_ES256, key, BUF_BYTES(&pay), &s) != 0 ||
		cose_sign(COSE_ES384, wide, BUF_BYTES(&pay), &w) != 0 ||
		cose_sign(COSE_ES256, key, BYTES("?", 1), &junk) != 0)
		bail("cannot sign");
	is_int(sequence_open(BUF_BYTES(&s), BUF_BYTES(&k), &out), V_VALID,
		"a statement opens under its key");
	is_int(out.k, in.k, "and says its number");
	ok(s.n <= SEQUENCE_MAX, "it fits its limit (%zu bytes)", s.n);
	is_int(sequence_open(BUF_BYTES(&s), BUF_BYTES(&o), &out),
		V_SEQUENCE_SIGNATURE, "not under another key");
	is_int(sequence_open(BUF_BYTES(&s), BYTES("", 0), &out),
		V_SEQUENCE_SIGNATURE, "nor under none");
	is_int(sequence_open(BUF_BYTES(&w), BUF_BYTES(&x), &out),
		V_SEQUENCE_MALFORMED, "ES384 is not what a sequencer uses");
	is_int(sequence_open(BUF_BYTES(&junk), BUF_BYTES(&k), &out),
		V_SEQUENCE_MALFORMED, "nor is any signed payload a statement");
	is_int(sequence_open(BYTES(s.p, s.n - 1), BUF_BYTES(&k), &out),
		V_SEQUENCE_MALFORMED, "a short one is damaged");
	is_int(sequence_peek(BUF_BYTES(&s), &out), 0, "peeking needs no key");
	is_int(sequence_peek(BUF_BYTES(&junk), &out), -EBADMSG,
		"but a statement");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
	EVP_PKEY_free(wide);
}

static void heads(void)
{
	struct sequence s = sample(), t;
	uint8_t in[4 + 32 + 4 + 8 + 1 + 48] = "head";
	struct hash got, want;
	uint8_t y[SEQUENCE_Y];

	memset(in + 4, 3, 32);
	in[4 + 32 + 3] = 2;		     /* epoch, big endian */
	in[4 + 32 + 4 + 6] = 1;		     /* k = 300 */
	in[4 + 32 + 4 + 7] = 300 - 256;
	memset(in + 4 + 32 + 4 + 8 + 1, 7, 48);
	want = hash_sha3(BYTES(in, sizeof(in)));
	got = sequence_head(&s);
	is_bytes(HASH_BYTES(&got), HASH_BYTES(&want),
		"a head is over what the header says");
	t = s;
	t.height++;
	t.log_size++;
	memset(t.r, 0, sizeof(t.r));
	got = sequence_head(&t);
	is_bytes(HASH_BYTES(&got), HASH_BYTES(&want),
		"and not over what follows from it");
	sequence_y_block(in + 40, &want, y);
	ok(memcmp(y, in + 40, 16) == 0 && memcmp(y + 16, want.b, 32) == 0,
		"y of a block is u || H(t)");
}

static void log_entries(void)
{
	struct cborw w = {0};
	cleanup(buf) struct buf entry = {0};
	struct hash hb = filled(1), ht = filled(2), got, want;
	uint8_t r[16];

	memset(r, 3, sizeof(r));
	cborw_array(&w, 5);
	cborw_uint(&w, UINT64_MAX);
	cborw_uint(&w, 7);
	cborw_hash(&w, &hb);
	cborw_hash(&w, &ht);
	cborw_bytes(&w, BYTES(r, sizeof(r)));
	if (cborw_end(&w, &entry) != 0)
		bail("no memory");
	want = mlog_leaf(BUF_BYTES(&entry));
	got = sequence_log_leaf(UINT64_MAX, 7, &hb, &ht, r);
	is_bytes(HASH_BYTES(&got), HASH_BYTES(&want),
		"a log entry is [height, k, H(b), H(t), r]");
}

static void recoveries(void)
{
	struct recovery r = {filled(1), 3, 8124, filled(2), filled(4)}, back;
	cleanup(buf) struct buf got = {0}, want = {0};
	struct cborw w = {0};

	cborw_array(&w, 6);
	cborw_text(&w, "notaryfs.recovery.v1");
	cborw_hash(&w, &r.chain);
	cborw_uint(&w, r.epoch);
	cborw_uint(&w, r.k);
	cborw_hash(&w, &r.prev_head);
	cborw_hash(&w, &r.key);
	if (cborw_end(&w, &want) != 0)
		bail("no memory");
	is_int(recovery_encode(&r, &got), 0, "a recovery is written");
	is_bytes(BUF_BYTES(&got), BUF_BYTES(&want), "as libcbor writes it");
	is_int(recovery_decode(BUF_BYTES(&got), &back), 0, "and read");
	ok(back.k == r.k && back.epoch == r.epoch &&
			hash_equal(&back.key, &r.key),
		"with what it says");
	got.p[2] ^= 1;
	is_int(recovery_decode(BUF_BYTES(&got), &back), -EBADMSG,
		"under its name only");
}

int main(void)
{
	plan(0);
	statements();
	opens();
	heads();
	log_entries();
	recoveries();
	return done();
}
