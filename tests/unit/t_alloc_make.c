/* As t_alloc, for what is made and written, and for trees and logs.
 *	t_alloc_make [TRIALS]	of each operation; default 100, 0 all */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local_sqlite.h"
#include "core/attestor.h"
#include "core/cborwrite.h"
#include "core/certpath.h"
#include "core/chain.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/digest.h"
#include "core/hash.h"
#include "core/hashtab.h"
#include "core/json.h"
#include "core/mlogtree.h"
#include "core/note.h"
#include "core/published.h"
#include "core/range.h"
#include "core/record.h"
#include "core/report.h"
#include "core/sequence.h"
#include "core/text.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/allocloop.h"
#include "tests/lib/mkcheckpoint.h"
#include "tests/lib/mkdoc.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1700000000000)

/* -- writers: the first error stays, and the end says it */

static int run_cbor(void)
{
	struct cborw w = {0};
	cleanup(buf) struct buf out = {0};

	cborw_array(&w, 5);
	cborw_uint(&w, 1);
	cborw_int(&w, -1);
	cborw_text(&w, "text");
	cborw_bool(&w, true);
	cborw_null(&w);
	cborw_raw(&w, BYTES("\x01", 1));
	return cborw_end(&w, &out);
}

/* Each call makes the room for its own bytes. */
#define WRITES(noun, what)                                                     \
	static int run_##noun(void)                                            \
	{                                                                      \
		struct cborw w = {0};                                          \
		cleanup(buf) struct buf out = {0};                             \
                                                                               \
		what;                                                          \
		return cborw_end(&w, &out);                                    \
	}
WRITES(cbor_uint, cborw_uint(&w, 1))
WRITES(cbor_int, cborw_int(&w, -1))
WRITES(cbor_text, cborw_text(&w, "text"))
WRITES(cbor_bool, cborw_bool(&w, true))
WRITES(cbor_null, cborw_null(&w))
WRITES(cbor_raw, cborw_raw(&w, BYTES("\x01", 1)))

static int run_json(void)
{
	char long_name[512];
	struct json j = {0};
	cleanup(buf) struct buf out = {0};
	char *text = NULL;
	unsigned i;
	int rc;

	memset(long_name, 'n', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	json_object(&j, NULL);
	for (i = 0; i < 64; i++) { /* each of them is the first beyond its room */
		json_uint(&j, long_name, i);
		json_uint_or_null(&j, i % 2 == 0 ? long_name : "n", true, i);
		json_bool(&j, long_name, true);
		json_array(&j, "a");
		json_close_array(&j);
	}
	json_text(&j, "text", "value");
	json_close_object(&j);
	rc = json_end(&j, &out);
	if (rc == 0)
		rc = json_find_text(BUF_BYTES(&out), "text", &text);
	if (rc == 0 && strcmp(text, "value") != 0)
		rc = -EILSEQ;
	free(text);
	return rc;
}

static int run_text(void)
{
	struct text t = {0};
	cleanup(buf) struct buf out = {0};

	text_name(&t, BYTES("a\nb", 3));
	return text_end(&t, &out);
}

static int run_unread(void)
{
	cleanup(buf) struct buf out = {0};

	return report_json_unread("it is not there", &out);
}

static int run_xattrs(void)
{
	const struct record_xattr x[] = {
		{BYTES("user.b", 6), BYTES("1", 1)},
		{BYTES("user.a", 6), BYTES("2", 1)}};
	cleanup(buf) struct buf out = {0};

	return record_xattrs_encode(x, 2, &out);
}

static int run_recovery(void)
{
	const struct recovery r = {.epoch = 1, .k = 2};
	cleanup(buf) struct buf out = {0};

	return recovery_encode(&r, &out);
}

static int run_stamps(void)
{
	const struct timestamp_one one[] = {
		{0, TIMESTAMP_LOCAL, BYTES("a", 1)},
		{1, TIMESTAMP_LOCAL, BYTES("b", 1)}};
	cleanup(buf) struct buf out = {0};

	return timestamp_set_encode(one, 2, &out);
}

static int run_public(void)
{
	static const uint8_t seed[32] = {1};
	uint8_t key[32];

	return timestamp_local_public(seed, key);
}

/* -- digests and trees */

static int run_digest(void)
{
	uint8_t value[DIGEST_MAX];
	struct digester *d = digester_new(BYTES("sha-512", 7));

	if (d == NULL)
		return -ENOMEM;
	digester_add(d, BYTES("a", 1));
	digester_add_zeros(d, 100);
	if (digester_end(d, value) == 0)
		return -ENOMEM;
	return digest_of(BYTES("sha3-512", 8), BYTES("a", 1), value) != 0 ? 0 :
		-ENOMEM;
}

static int run_hashers(void)
{
	struct hasher *h = hasher_new(HASH_SHA3_256), *copy = NULL;
	struct chunktree *t = chunktree_new(), *same = NULL;
	int rc;

	if (h != NULL)
		copy = hasher_copy(h);
	if (t != NULL) {
		chunktree_add_zeros(t, 10000);
		same = chunktree_copy(t);
	}
	rc = copy != NULL && same != NULL ? 0 : -ENOMEM;
	hasher_free(h);
	hasher_free(copy);
	chunktree_free(t);
	chunktree_free(same);
	return rc;
}

static int run_table(void)
{
	struct hashtab t = {0};
	int rc = hashtab_reserve(&t, 1000);

	hashtab_done(&t, NULL);
	return rc;
}

static int run_mlogtree(void)
{
	struct mlogtree *t = mlogtree_new();
	struct hash leaf = {{1}};
	unsigned i;
	int rc = t == NULL ? -ENOMEM : 0;

	for (i = 0; rc == 0 && i < 5000; i++)
		rc = mlogtree_add(t, &leaf);
	if (rc != 0 && t != NULL && mlogtree_size(t) != i - 1)
		rc = -EILSEQ; /* what failed is not in it */
	mlogtree_free(t);
	return rc;
}

static int read_zeros(void *ctx, uint64_t off, uint8_t *ret, size_t n)
{
	(void)ctx;
	(void)off;
	memset(ret, 0, n);
	return 0;
}

static int run_range(void)
{
	static uint8_t edge[2 * RANGE_EDGE_MAX];
	const struct range_source src = {read_zeros, NULL};
	struct range r;
	struct hash root;
	int rc = range_make(5000, 9000, 100000, &src, edge, &r);

	if (rc == 0)
		rc = range_root(&r, 100000, &src, &root);
	return rc == 0 && !range_fits(&r, 100000) ? -EILSEQ : rc;
}

/* -- the log */

static EVP_PKEY *log_key;
static struct note_key log_name;
static struct buf note;

static int run_note_key(void)
{
	char text[NOTE_VKEY_MAX];
	struct note_key back;

	note_key_text(&log_name, text);
	return note_key_decode(BYTES(text, strlen(text)), &back);
}

static int run_merge(void)
{
	cleanup(buf) struct buf out = {0};

	return note_merge(BUF_BYTES(&note), BUF_BYTES(&note), &out);
}

static struct local *local;

static int run_published(void)
{
	static const uint8_t signature[RECEIPT_SIGNATURE];
	const struct published p = {.size = 1, .epoch = 0,
		.note = BUF_BYTES(&note),
		.signature = BYTES(signature, sizeof(signature))};
	cleanup(buf) struct buf out = {0}, keep = {0};
	struct published back;
	int rc = published_encode(&p, &out);

	if (rc == 0)
		rc = published_store(local, &p);
	return rc == 0 ? published_load(local, &keep, &back) : rc;
}

static struct buf cosigned;
static struct mkchain chain;
static struct note_key witness;

static struct report judged; /* points into cosigned */

static int run_witnesses(void)
{
	static struct report r;

	r = judged;
	verify_witnesses(&r, &witness, 1, 1);
	return r.verdict == V_VALID ? 0 : r.verdict == V_NO_MEMORY ? -ENOMEM :
		-EILSEQ;
}

/* -- the attestor */

static int run_attestor(void)
{
	static const uint8_t installation[16] = {7}, image[48] = {8};
	cleanup(buf) struct buf pem = {0}, doc = {0}, key = {0}, s = {0};
	struct attestor *a = NULL;
	struct hash root;
	int rc = attestor_root_make(installation, NOW, &pem);

	if (rc == 0)
		rc = attestor_new(BUF_BYTES(&pem), image, 0, NOW, &a);
	if (rc == 0)
		rc = attestor_root_read(BUF_BYTES(&pem), &root);
	if (rc == 0)
		rc = attestor_root_key(a, &key);
	if (rc == 0)
		rc = attestor_document(a, NULL, BUF_BYTES(&key), BYTES("d", 1),
			BYTES(NULL, 0), NOW, &doc);
	if (rc == 0)
		rc = attestor_root_sign(a, BYTES("r", 1), &s);
	attestor_free(a);
	return rc;
}

static int run_chain(void)
{
	struct hash b0 = {{1}}, h = {{2}};
	struct chain *c = chain_new(&b0, true), *d = chain_resume(3, 3, &h);
	int rc = c != NULL && d != NULL ? 0 : -ENOMEM;

	chain_free(c);
	chain_free(d);
	return rc;
}

static const struct alloc_operation operations[] = {
	{"cborw_end", run_cbor, 0},
	{"cborw_uint", run_cbor_uint, 0},
	{"cborw_int", run_cbor_int, 0},
	{"cborw_text", run_cbor_text, 0},
	{"cborw_bool", run_cbor_bool, 0},
	{"cborw_null", run_cbor_null, 0},
	{"cborw_raw", run_cbor_raw, 0},
	{"json", run_json, 0},
	{"text_name", run_text, 0},
	{"report_json_unread", run_unread, 0},
	{"record_xattrs_encode", run_xattrs, 0},
	{"recovery_encode", run_recovery, 0},
	{"timestamp_set_encode", run_stamps, 0},
	{"timestamp_local_public", run_public, 0},
	{"digester and digest_of", run_digest, 0},
	{"hasher_copy and chunktree_copy", run_hashers, 0},
	{"hashtab_reserve", run_table, 0},
	{"mlogtree", run_mlogtree, 0},
	{"range_make and range_root", run_range, 0},
	{"note_key_text", run_note_key, 0},
	{"note_merge", run_merge, 0},
	{"published", run_published, 0},
	{"verify_witnesses", run_witnesses, 0},
	{"attestor", run_attestor, 0},
	{"chain_new and chain_resume", run_chain, 0},
};

/* A certificate with receipt and checkpoint, signed by a witness as well. */
static void make_cosigned(void)
{
	static struct certificate parts;
	struct mkfinal f = {0};
	struct mkcheckpoint p = {0};

	mkchain_init(&chain, 0);
	chain.seq.height = 5;
	chain.seq.log_size = 6;
	chain.seq.k = 7;
	mkchain_seal(&chain);
	mkfinal_init(&f, &chain, 8, MKCHAIN_AT + 5000);
	mkcheckpoint_init(&p, &chain, &f);
	mkcheckpoint_sign(&p, &witness, log_key, 1790000123);
	mkchain_parts(&chain, 2, &parts);
	parts.log = p.log;
	if (make_certificate(&parts, &cosigned) != 0 ||
		buf_copy(BUF_BYTES(&p.note), &note) != 0)
		bail("no certificate");
	if (verify(BUF_BYTES(&cosigned), &chain.anchor, NULL, &judged) != 0)
		bail("not judged");
	mkcheckpoint_done(&p);
	mkfinal_done(&f);
}

static void make(void)
{
	uint8_t raw[NOTE_KEY], pub[NOTE_KEY];

	memset(raw, 5, sizeof(raw));
	log_key = EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
	if (log_key == NULL || timestamp_local_public(raw, pub) != 0 ||
		note_key_make("log", NOTE_ED25519, pub, &log_name) != 0 ||
		note_key_make("witness", NOTE_COSIGNATURE, pub, &witness) != 0 ||
		local_sqlite_open(":memory:", true, false, &local) != 0)
		bail("an input cannot be made");
	make_cosigned();
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1)
		alloc_trials = strtoul(argv[1], NULL, 10);
	plan(0);
	make();
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		alloc_both(&operations[i]);
	local->ops->free(local);
	EVP_PKEY_free(log_key);
	buf_free(&note);
	buf_free(&cosigned);
	mkchain_done(&chain);
	return done();
}
