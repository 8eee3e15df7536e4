/* Key 11 of a certificate, receipt and checkpoint, and witnesses. */
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/mkcheckpoint.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define FILE_I 2
#define AT UINT64_C(1790000123)

static struct mkchain c;
static struct mkfinal f;
static struct mkcheckpoint p;
static struct certificate parts;
static struct report report;

static enum verdict judge(void)
{
	static struct buf cert; /* the report points into it */
	struct content content = mkchain_content(&c, FILE_I);

	buf_free(&cert);
	if (make_certificate(&parts, &cert) != 0)
		return V_MALFORMED;
	if (verify(BUF_BYTES(&cert), &c.anchor, &content, &report) != 0)
		bail("no memory");
	return report.verdict;
}

static void is_verdict(enum verdict want, const char *why)
{
	parts.log = p.log;
	is_str(verdict_name(judge()), verdict_name(want), "%s", why);
}

static void fresh(uint64_t height, uint64_t size)
{
	mkfinal_done(&f);
	mkcheckpoint_done(&p);
	c.seq.height = height;
	c.seq.log_size = height + 1;
	c.seq.k = height + 2;
	mkchain_seal(&c);
	mkfinal_init(&f, &c, size, MKCHAIN_AT + 5000);
	mkcheckpoint_init(&p, &c, &f);
	mkchain_parts(&c, FILE_I, &parts);
}

static void origin_of(const struct hash *anchor, char ret[CHECKPOINT_ORIGIN_MAX])
{
	checkpoint_origin(anchor, ret);
}

static void valid_ones(void)
{
	static const struct {
		uint64_t height, size;
	} at[] = {{1, 2}, {1, 3}, {5, 6}, {5, 100}, {63, 64}, {64, 65},
		{999999999, 1000000007}};
	size_t i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		fresh(at[i].height, at[i].size);
		is_verdict(V_VALID, "receipt and checkpoint of a log");
		ok(report.log_size == at[i].size, "entry %d of %d",
			(int)at[i].height, (int)at[i].size);
	}
	p.log = (struct certificate_log){{0}, {0}};
	is_verdict(V_VALID, "without them it stays valid");
	ok(report.log_size == 0, "and says nothing of the kind");
	fresh(5, 100);
	parts.has_final = true;
	parts.final = f.f;
	is_verdict(V_VALID, "beside a later block");
	ok(report.final != 0 && report.log_size == 100, "both count");
}

static void malformed(void)
{
	static const char *const notes[] = {"x", "a\n1\n", "\n\n"};
	size_t i;

	fresh(5, 100);
	for (i = 0; i < sizeof(notes) / sizeof(*notes); i++) {
		p.log.note = BYTES(notes[i], strlen(notes[i]));
		is_verdict(V_LOG_MALFORMED, "a note that is none");
	}
	fresh(5, 100);
	p.log.receipt.n--;
	is_verdict(V_LOG_MALFORMED, "a receipt that is cut off");
	p.log.receipt = BYTES("\xd2\x84", 2);
	is_verdict(V_LOG_MALFORMED, "one that is none");
	p.log.receipt.n = 0;
	is_verdict(V_MALFORMED, "one that is empty");
	fresh(5, 100);
	p.log.note.n = 0;
	parts.log = p.log;
	is_str(verdict_name(judge()), "valid", "without a note nothing is written");
}

static void wrong_ones(void)
{
	char origin[CHECKPOINT_ORIGIN_MAX], other[CHECKPOINT_ORIGIN_MAX];
	struct hash root, stranger = {{7}};

	origin_of(&c.anchor, origin);
	origin_of(&stranger, other);
	fresh(5, 100);
	root = f.block.log_root;
	mkcheckpoint_note(&p, &c, other, 100, &root);
	is_verdict(V_LOG_ENTRY, "a checkpoint of another chain");
	mkcheckpoint_note(&p, &c, origin, 101, &root);
	is_verdict(V_LOG_ENTRY, "of another size than the receipt");
	fresh(5, 100);
	p.parts.index = 4;
	mkcheckpoint_receipt(&p, c.key, &root);
	is_verdict(V_LOG_ENTRY, "a receipt of another entry");
	fresh(5, 100);
	p.parts.size = 200;
	mkcheckpoint_receipt(&p, c.key, &f.block.log_root);
	mkcheckpoint_note(&p, &c, origin, 200, &f.block.log_root);
	is_verdict(V_LOG_PATH, "a path of another length than the size demands");
	fresh(5, 100);
	p.parts.path[1].b[0] ^= 1;
	mkcheckpoint_receipt(&p, c.key, &f.block.log_root);
	is_verdict(V_LOG_PATH, "another hash in it");
	fresh(5, 100);
	mkcheckpoint_note(&p, &c, origin, 100, &stranger);
	is_verdict(V_LOG_PATH, "a checkpoint of another root");
	fresh(5, 100);
	c.seq.r[3] ^= 1; /* who knew all but what was drawn */
	mkchain_seal(&c);
	mkchain_parts(&c, FILE_I, &parts);
	is_verdict(V_LOG_PATH, "a log that foresaw the number");
}

static void signatures(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256"), *log = c.log_key;
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	char origin[CHECKPOINT_ORIGIN_MAX];

	origin_of(&c.anchor, origin);
	fresh(5, 100);
	mkcheckpoint_receipt(&p, key, &f.block.log_root);
	is_verdict(V_LOG_SIGNATURE, "a receipt by another key");
	fresh(5, 100);
	c.log_key = other;
	mkcheckpoint_note(&p, &c, origin, 100, &f.block.log_root);
	c.log_key = log;
	is_verdict(V_LOG_SIGNATURE, "a checkpoint that somebody else signed");
	EVP_PKEY_free(key);
	EVP_PKEY_free(other);
}

/* -- witnesses */

static struct note_key witness(EVP_PKEY **ret, const char *name)
{
	uint8_t raw[NOTE_KEY];
	size_t n = sizeof(raw);
	struct note_key k;

	*ret = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	EVP_PKEY_get_raw_public_key(*ret, raw, &n);
	if (note_key_make(name, NOTE_COSIGNATURE, raw, &k) != 0)
		bail("no key");
	return k;
}

static void is_witnessed(const struct note_key *k, size_t n, size_t quorum,
	size_t found, enum verdict want, const char *why)
{
	parts.log = p.log;
	judge();
	verify_witnesses(&report, k, n, quorum);
	is_str(verdict_name(report.verdict), verdict_name(want), "%s", why);
	is_int(report.n_witnesses, found, "with so many");
}

static void witnesses(void)
{
	struct buf text = {0}, json = {0};
	EVP_PKEY *key[3];
	struct note_key k[2];
	size_t i;

	fresh(5, 100);
	k[0] = witness(&key[0], "one.example");
	k[1] = witness(&key[1], "two.example");
	is_witnessed(k, 2, 0, 0, V_VALID, "no witness, and none asked for");
	is_witnessed(k, 2, 1, 0, V_WITNESS, "no witness where one is asked for");
	mkcheckpoint_sign(&p, &k[0], key[0], AT);
	is_witnessed(k, 2, 1, 1, V_VALID, "one of two");
	ok(report.witness[0].time_s == AT && report.witness[0].key == &k[0],
		"and when that was");
	report_text(&report, &text);
	report_json(&report, &json);
	ok(memmem(text.p, text.n, "seen by: one.example\n    at 2026-09-21T", 38) !=
			NULL, "the report names it");
	ok(memmem(json.p, json.n, "\"log_size\":100,\"witnesses\":[{\"name\":"
			"\"one.example\",\"time\":\"2026-09-21T", 69) != NULL,
		"in JSON too");
	is_witnessed(k, 2, 2, 1, V_WITNESS, "both, where one is there");
	mkcheckpoint_sign(&p, &k[1], key[1], AT + 1);
	is_witnessed(k, 2, 2, 2, V_VALID, "both");
	fresh(5, 100);
	witness(&key[2], "one.example"); /* another key, under a good name */
	mkcheckpoint_sign(&p, &k[0], key[2], AT);
	is_witnessed(k, 2, 0, 0, V_WITNESS, "a line of theirs that is wrong");
	is_witnessed(&k[1], 1, 0, 0, V_VALID,
		"which who does not know the witness cannot see");
	p.log = (struct certificate_log){{0}, {0}};
	is_witnessed(k, 2, 1, 0, V_WITNESS, "without a checkpoint there is none");
	for (i = 0; i < sizeof(key) / sizeof(*key); i++)
		EVP_PKEY_free(key[i]);
	buf_free(&text);
	buf_free(&json);
}

/* Whatever is taken says what the good one says, or less. */
static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct verify_cache *cache = ctx;
	struct report r, again;

	verify(in, &c.anchor, NULL, &r);
	verify_cached(cache, in, &c.anchor, NULL, &again);
	if (r.verdict != again.verdict || r.log_size != again.log_size)
		return MUTATE_BROKEN;
	if (r.verdict == V_VALID && r.log_size != 0 && r.log_size != 100)
		return MUTATE_BROKEN;
	return mutate_certificate(in);
}

static void mutations(void)
{
	struct verify_cache *cache = verify_cache_new();
	cleanup(buf) struct buf cert = {0};

	fresh(5, 100);
	parts.log = p.log;
	if (make_certificate(&parts, &cert) != 0)
		bail("no memory");
	mutate("log", BUF_BYTES(&cert), MUTATIONS, feed, cache);
	verify_cache_free(cache);
}

int main(void)
{
	plan(0);
	mkchain_init(&c, 1);
	valid_ones();
	malformed();
	wrong_ones();
	signatures();
	witnesses();
	mutations();
	mkfinal_done(&f);
	mkcheckpoint_done(&p);
	mkchain_done(&c);
	return done();
}
