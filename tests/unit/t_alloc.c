/* Allocations of what core does with genuine input fail, each alone and
 * with all behind it.  The answer then is that there was no memory, never that
 * something is wrong with the input; nothing leaks (the build with the address
 * sanitizer sees that), and what an error leaves untouched is untouched.
 *	t_alloc [TRIALS]	of each operation, spread over its allocations;
 *				default 100, 0 tries every one */
#include <errno.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/governance.h"
#include "core/hash.h"
#include "core/json.h"
#include "core/memory.h"
#include "core/note.h"
#include "core/object.h"
#include "core/parts.h"
#include "core/range.h"
#include "core/receipt.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify_cache.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/allocloop.h"
#include "tests/lib/example.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/mkdoc.h"
#include "tests/lib/mkjwt.h"
#include "tests/lib/mktsa.h"
#include "tests/tap/tap.h"

static struct report judged;

static struct example ex;
static struct mkchain chain;
static struct buf cert;
static struct content content;
static EVP_PKEY *key;

static struct bytes part(enum example_name e)
{
	return BUF_BYTES(&ex.part[e]);
}

/* A verdict as an error: V_NO_MEMORY is -ENOMEM and a wrong one -EILSEQ. */
static int of_verdict(enum verdict v)
{
	return v == V_VALID ? 0 : v == V_NO_MEMORY ? -ENOMEM : -EILSEQ;
}

/* -- judging */

static int run_verify(void)
{
	struct report r;
	int rc = verify(BUF_BYTES(&cert), &chain.anchor, &content, &r);

	return rc != 0 ? rc : of_verdict(r.verdict);
}

/* What failed for want of memory is judged again, and not remembered. */
static int run_verify_cached(void)
{
	struct verify_cache *c = verify_cache_new();
	struct report r;
	int rc, again;

	if (c == NULL)
		return -ENOMEM;
	rc = verify_cached(c, BUF_BYTES(&cert), &chain.anchor, &content, &r);
	if (rc == 0)
		rc = of_verdict(r.verdict);
	again = verify_cached(c, BUF_BYTES(&cert), &chain.anchor, &content, &r);
	if (again == 0 && r.verdict != V_VALID)
		rc = -EILSEQ;
	verify_cache_free(c);
	return rc != 0 ? rc : again;
}

static int run_report(void)
{
	cleanup(buf) struct buf text = {0};
	int rc = report_text(&judged, &text);

	buf_free(&text);
	return rc == 0 ? report_json(&judged, &text) : rc;
}

static int run_parts(void)
{
	static struct parts_list list;
	int rc = parts_make(&judged, &list);

	if (rc == 0 && parts_find(&list, "t_upper.cbor") == NULL)
		rc = -EILSEQ;
	parts_done(&list);
	return rc;
}

static struct {
	struct params p;
	struct bytes block;
	struct buf t, key;
	uint64_t type;
} stamps[4];
static size_t stamp_now;

static int run_stamp(void)
{
	struct timestamp got = {.p_ms = 1};
	enum verdict v = timestamp_validate(&stamps[stamp_now].p,
		stamps[stamp_now].type, BUF_BYTES(&stamps[stamp_now].t),
		stamps[stamp_now].block, &got);

	if (v != V_VALID && got.p_ms != 1)
		return -EILSEQ;
	return of_verdict(v);
}

static struct params doc_params;
static struct buf doc;

static int run_attestation(void)
{
	struct attestation a = {.timestamp_ms = 1};
	enum verdict v = attestation_check(&doc_params, BUF_BYTES(&doc), &a);

	if (v != V_VALID && a.timestamp_ms != 1)
		return -EILSEQ;
	return of_verdict(v);
}

static int run_sequence(void)
{
	cleanup(buf) struct buf spki = {0};
	struct sequence s;
	int rc = cose_key_spki(chain.key, &spki);

	return rc != 0 ? rc : of_verdict(sequence_open(BUF_BYTES(&chain.s),
					 BUF_BYTES(&spki), &s));
}

/* -- signing */

static int run_cose(void)
{
	cleanup(buf) struct buf s = {0}, whole = {0};
	struct cose_sign1 c;
	int rc = cose_sign(COSE_ES256, key, BYTES("payload", 7), &s);

	if (rc == 0)
		rc = cose_decode(BUF_BYTES(&s), 7, &c);
	if (rc == 0)
		rc = cose_signed(&c, &whole);
	return rc == 0 ? cose_check(&c, key) : rc;
}

static struct params order_params;
static struct record order;

static int run_governance(void)
{
	cleanup(buf) struct buf authority = {0};
	struct record r = order;
	int rc = governance_sign(key, &ex.anchor, &r, &authority);

	r.authority = BUF_BYTES(&authority);
	return rc == 0 ? governance_check(&order_params, &ex.anchor, &r) : rc;
}

static int run_receipt(void)
{
	uint8_t signature[RECEIPT_SIGNATURE];
	cleanup(buf) struct buf raw = {0};
	struct receipt r = {.size = 2, .path_len = 1}, back;
	struct hash leaf = mlog_leaf(BYTES("entry", 5)), root;
	int rc = mlog_fold(&leaf, 0, 2, r.path, 1, &root);

	if (rc == 0)
		rc = receipt_sign(key, &root, signature);

	r.signature = BYTES(signature, sizeof(signature));
	if (rc == 0)
		rc = receipt_encode(&r, &raw);
	if (rc == 0)
		rc = receipt_decode(BUF_BYTES(&raw), &back);
	return rc == 0 ? receipt_check(&back, BYTES("entry", 5), key, &root)
		       : rc;
}

static EVP_PKEY *log_key;
static struct note_key log_name;

static int run_note(void)
{
	cleanup(buf) struct buf text = {0};
	struct hash root = {{1}};
	uint64_t when;
	struct note *n = calloc(1, sizeof(*n));
	int rc = n == NULL ? -ENOMEM : checkpoint_text("log", 1, &root, &text);
	size_t signed_n = text.n;

	if (rc == 0)
		rc = buf_add(&text, "\n", 1);
	if (rc == 0)
		rc = note_sign(BYTES(text.p, signed_n), &log_name, log_key, 0,
			&text);
	if (rc == 0)
		rc = note_decode(BUF_BYTES(&text), n);
	if (rc == 0)
		rc = note_check(n, &log_name, &when);
	free(n);
	return rc;
}

static int run_stamp_make(void)
{
	cleanup(buf) struct buf t = {0};
	struct hash y = {{1}};

	return timestamp_local_make(chain.seed, &y, 1, &t);
}

/* -- encoders: what was decoded is written as it was read */

static int same(int rc, struct buf *got, enum example_name e)
{
	if (rc == 0 && !bytes_equal(BUF_BYTES(got), part(e)))
		rc = -EILSEQ;
	else if (rc != 0 && got->p != NULL)
		rc = -EILSEQ; /* touched */
	buf_free(got);
	return rc;
}

#define ENCODER(noun, type, name, example)                                     \
	static int run_##noun(void)                                            \
	{                                                                      \
		struct type v = {0};                                           \
		struct buf out = {0};                                          \
		int rc = name##_decode(part(example), &v);                     \
                                                                               \
		return rc != 0 ? rc :                                          \
				 same(name##_encode(&v, &out), &out, example);  \
	}
ENCODER(record, record, record, EX_RECORD_PUT)
ENCODER(record_large, record, record, EX_RECORD_LARGE)
ENCODER(record_hold, record, record, EX_RECORD_HOLD)
ENCODER(params, params, params, EX_PARAMS)
ENCODER(block, block, block, EX_BLOCK_ONE)
ENCODER(extent_meta, extent_meta, extent_meta, EX_EXTENT_META)
ENCODER(number, number, number, EX_NUMBER)
ENCODER(genesis, genesis, genesis, EX_GENESIS)
ENCODER(data, attestation_data, attestation_data, EX_DOCUMENT_DATA)

static int run_meta(void)
{
	struct meta m = {0};
	struct buf out = {0};
	int rc = meta_decode(part(EX_META), &m);

	if (rc == 0)
		rc = same(meta_encode(&m, &out), &out, EX_META);
	meta_done(&m);
	return rc;
}

static int run_certificate(void)
{
	struct certificate c;
	struct buf out = {0};
	int rc = certificate_decode(part(EX_CERTIFICATE), &c);

	return rc != 0 ? rc
		       : same(make_certificate(&c, &out), &out, EX_CERTIFICATE);
}

/* -- trees */

static int run_merkle(void)
{
	struct merkle *m = NULL;
	int rc = merkle_new(chain.dh, MKCHAIN_FILES, &m);

	merkle_free(m);
	return rc;
}

static int run_chunktree(void)
{
	struct chunktree *t = chunktree_new();

	if (t == NULL)
		return -ENOMEM;
	chunktree_add(t, BUF_BYTES(&chain.file[3]));
	chunktree_free(t);
	return 0;
}

static int run_hasher(void)
{
	struct hasher *h = hasher_new(HASH_SHA256);

	hasher_free(h);
	return h != NULL ? 0 : -ENOMEM;
}

/* -- inputs */

static void named(size_t i, uint64_t type, const char *name)
{
	stamps[i].type = type;
	stamps[i].p.quorum = 1;
	stamps[i].p.n_authorities = 1;
	stamps[i].p.authority[0].type = (uint8_t)type;
	stamps[i].p.authority[0].key = BUF_BYTES(&stamps[i].key);
	stamps[i].p.authority[0].name = BYTES(name, strlen(name));
	stamps[i].block = BYTES("block", 5);
}

static void make_tsa(size_t i, const char *type)
{
	struct mktsa m;

	mktsa_init(&m, type);
	mktsa_der(m.root, &stamps[i].key);
	mktsa_stamp(&m, &(struct mktsa_token){0}, BYTES("block", 5),
		&stamps[i].t);
	mktsa_done(&m);
	named(i, TIMESTAMP_RFC3161, "tsa *");
}

static void make_jwt(size_t i, EVP_PKEY *k, const char *header)
{
	struct hash y = hash_sha3(BYTES("block", 5));
	char hex[HASH_HEX + 1], claims[256];

	buf_add(&stamps[i].key, "{\"keys\":[", 9);
	mkjwt_jwk(k, "", &stamps[i].key);
	buf_add(&stamps[i].key, "]}", 2);
	hex_encode(HASH_BYTES(&y), hex);
	snprintf(claims, sizeof(claims), "{\"iss\":\"i\",\"token_use\":\"id\","
		"\"iat\":1767323045,\"email\":\"%s@bky.sh\"}", hex);
	mkjwt_sign(k, header, claims, &stamps[i].t);
	named(i, TIMESTAMP_JWT, "i");
}

static const struct alloc_operation operations[] = {
	{"verify", run_verify, 0},
	{"verify_cached", run_verify_cached, 0},
	{"report_text and report_json", run_report, 0},
	{"parts_make", run_parts, 0},
	{"sequence_open", run_sequence, 0},
	{"cose_sign, cose_signed and cose_check", run_cose, 0},
	{"governance_sign and governance_check", run_governance, 0},
	{"receipt_sign and receipt_check", run_receipt, 0},
	{"note_sign and note_check", run_note, 0},
	{"timestamp_local_make", run_stamp_make, 0},
	{"record_encode", run_record, 0},
	{"record_encode, large", run_record_large, 0},
	{"record_encode, a hold", run_record_hold, 0},
	{"params_encode", run_params, 0},
	{"block_encode", run_block, 0},
	{"extent_meta_encode", run_extent_meta, 0},
	{"number_encode", run_number, 0},
	{"genesis_encode", run_genesis, 0},
	{"attestation_data_encode", run_data, 0},
	{"meta_decode and meta_encode", run_meta, 0},
	{"make_certificate", run_certificate, 0},
	{"merkle_new", run_merkle, 0},
	{"chunktree", run_chunktree, 0},
	{"hasher_new", run_hasher, 0},
};

static void documents(void)
{
	static const struct alloc_operation o[] = {
		{"attestation_check, local", run_attestation, 0},
		{"attestation_check, nitro", run_attestation, 0}};
	struct mkdoc d[] = {mkdoc_local(), mkdoc_nitro()};
	enum trust_class trust[] = {TRUST_LOCAL, TRUST_NITRO};
	struct hash root;
	size_t i;

	for (i = 0; i < 2; i++) {
		mkdoc_make(&d[i], &doc, &root);
		doc_params = mkdoc_params(&d[i], trust[i], &root);
		alloc_both(&o[i]);
		buf_free(&doc);
	}
}

static void timestamps(void)
{
	static const struct alloc_operation o[] = {
		{"timestamp_validate, RFC 3161 by ECDSA", run_stamp, 0},
		{"timestamp_validate, RFC 3161 by RSA", run_stamp, 0},
		{"timestamp_validate, ES256 token", run_stamp, 0},
		{"timestamp_validate, RS256 token", run_stamp, 0}};
	EVP_PKEY *rsa = mktsa_key("RSA");

	make_tsa(0, "P-256");
	make_tsa(1, "RSA");
	make_jwt(2, key, "{\"alg\":\"ES256\"}");
	make_jwt(3, rsa, "{\"alg\":\"RS256\"}");
	EVP_PKEY_free(rsa);
	for (stamp_now = 0; stamp_now < 4; stamp_now++) {
		alloc_both(&o[stamp_now]);
		buf_free(&stamps[stamp_now].t);
		buf_free(&stamps[stamp_now].key);
	}
}

static void make(struct buf *spki)
{
	uint8_t raw[NOTE_KEY], pub[NOTE_KEY];

	example_make(&ex);
	mkchain_init(&chain, 0);
	mkchain_cert(&chain, 3, &cert);
	content = mkchain_content(&chain, 3);
	if (verify(BUF_BYTES(&cert), &chain.anchor, &content, &judged) != 0)
		bail("no memory");
	key = EVP_EC_gen("P-256");
	memset(raw, 5, sizeof(raw));
	log_key = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	if (timestamp_local_public(raw, pub) != 0 ||
		note_key_make("log", NOTE_ED25519, pub, &log_name) != 0 ||
		cose_key_spki(key, spki) != 0 ||
		record_decode(part(EX_RECORD_DELETION), &order) != 0)
		bail("an input cannot be made");
	order_params.n_governance = 1;
	order_params.governance_key[0] = BUF_BYTES(spki);
}

/* The loop sees libcrypto's allocations too, or it would prove little. */
static void seen(void)
{
	unsigned before = memory_failures();
	EVP_MD_CTX *ctx;

	allocfail_arm(1, false);
	ctx = EVP_MD_CTX_new();
	ok(allocfail_disarm() && ctx == NULL, "libcrypto's allocations fail");
	is_int(memory_failures() - before, 1, "and are counted");
	EVP_MD_CTX_free(ctx);
}

int main(int argc, char **argv)
{
	cleanup(buf) struct buf spki = {0};
	size_t i;

	if (argc > 1)
		alloc_trials = strtoul(argv[1], NULL, 10);
	plan(0);
	make(&spki);
	seen();
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		alloc_both(&operations[i]);
	documents();
	timestamps();
	EVP_PKEY_free(key);
	EVP_PKEY_free(log_key);
	buf_free(&cert);
	mkchain_done(&chain);
	example_done(&ex);
	return done();
}
