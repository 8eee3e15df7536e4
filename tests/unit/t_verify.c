#include <openssl/ec.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/report.h"
#include "core/timestamp.h"
#include "core/verify.h"
#include "tests/lib/judged.h"
#include "tests/tap/tap.h"

static void valid_ones(void)
{
	cleanup(buf) struct buf cert = {0};
	struct report r;
	size_t i;

	for (i = 0; i < MKCHAIN_FILES; i++) {
		buf_free(&cert);
		mkchain_cert(&c, i, &cert);
		content = mkchain_content(&c, i);
		verify(BUF_BYTES(&cert), &c.anchor, &content, &r);
		is_verdict(r.verdict, V_VALID, "a good certificate is valid");
		ok(r.content_checked && r.height == 1 && r.k == 1 &&
				r.cert.index == i,
			"at its place, against its content");
	}
	ok(r.after_ms == MKCHAIN_AT && r.by_ms == MKCHAIN_AT + 250,
		"between its two times");
	verify(BUF_BYTES(&cert), &c.anchor, NULL, &r);
	ok(r.verdict == V_VALID && !r.content_checked,
		"without the content it says that it did not look at it");
	verify(BUF_BYTES(&cert), NULL, &content, &r);
	is_verdict(r.verdict, V_NO_ANCHOR, "without an anchor it is not valid");
	fresh(2);
	is_verdict(judge(), V_VALID, "a later epoch's is valid");
}

static void content_and_anchor(void)
{
	struct hash other = c.anchor;
	cleanup(buf) struct buf cert = {0};
	struct report r;

	content.size++;
	is_verdict(judge(), V_SIZE, "a byte more");
	content.size--;
	content.root.b[5] ^= 1;
	is_verdict(judge(), V_CONTENT, "another content root");
	content.root.b[5] ^= 1;
	content.sha256.b[5] ^= 1;
	is_verdict(judge(), V_DIGEST, "another SHA-256");
	content.sha256.b[5] ^= 1;
	is_verdict(judge(), V_VALID, "and all as it was");
	other.b[31] ^= 1;
	mkchain_cert(&c, FILE_I, &cert);
	verify(BUF_BYTES(&cert), &other, &content, &r);
	is_verdict(r.verdict, V_ANCHOR, "another anchor");
	parts.chain.b[0] ^= 1;
	is_verdict(judge(), V_ANCHOR, "a chain named that is not b0's");
	parts.chain.b[0] ^= 1;
	verify(BYTES("x", 1), &other, &content, &r);
	is_verdict(r.verdict, V_MALFORMED, "no certificate at all");
}

static void genesis_parts(void)
{
	cleanup(buf) struct buf raw = {0}, b0 = {0};
	struct params p = c.params;
	struct block b;

	p.installation[0] ^= 1;
	if (params_encode(&p, &raw) != 0)
		bail("cannot encode");
	parts.params = BUF_BYTES(&raw);
	is_verdict(judge(), V_PARAMS, "other parameters than b0 holds");
	parts.params = BYTES("junk", 4);
	is_verdict(judge(), V_MALFORMED, "parameters that are none");
	parts.params = BUF_BYTES(&c.params_raw);
	if (block_decode(parts.b0, &b) != 0)
		bail("cannot decode");
	b.u[0] ^= 1;
	block_encode(&b, &b0);
	parts.b0 = BUF_BYTES(&b0);
	is_verdict(judge(), V_ANCHOR, "another b0 under the chain's name");
	parts.chain = block_hash(parts.b0);
	is_verdict(judge(), V_ANCHOR, "or under its own");
	parts.chain = c.anchor;
	parts.b0 = BYTES("junk", 4);
	is_verdict(judge(), V_MALFORMED, "a b0 that is none");
}

static void path_parts(void)
{
	uint64_t i;

	for (i = 0; i < MKCHAIN_FILES + 2; i++) {
		parts.index = i;
		is_verdict(judge(), i == FILE_I ? V_VALID : V_PATH,
			"the index is proved");
	}
	parts.index = FILE_I;
	parts.n++;
	is_verdict(judge(), V_PATH, "so is the number of records");
	parts.n--;
	parts.path[0].b[0] ^= 1;
	is_verdict(judge(), V_PATH, "another path");
	parts.path[0].b[0] ^= 1;
	parts.path_len--;
	is_verdict(judge(), V_PATH, "a shorter path");
	parts.path_len += 2;
	is_verdict(judge(), V_PATH, "a longer path");
	parts.path_len--;
	parts.d = BUF_BYTES(&c.d[0]);
	content = mkchain_content(&c, 0);
	is_verdict(judge(), V_PATH, "another file's record");
	parts.d = BYTES("junk", 4);
	is_verdict(judge(), V_MALFORMED, "a record that is none");
}

static void block_parts(void)
{
	cleanup(buf) struct buf other = {0};
	struct block b = c.block;

	b.u[3] ^= 1;
	block_encode(&b, &other);
	parts.b = BUF_BYTES(&other);
	is_verdict(judge(), V_TIMESTAMP_BLOCK, "another block, same tree");
	buf_free(&other);
	b = c.block;
	b.mh.b[3] ^= 1;
	block_encode(&b, &other);
	parts.b = BUF_BYTES(&other);
	is_verdict(judge(), V_PATH, "another tree");
	parts.b = BYTES("junk", 4);
	is_verdict(judge(), V_MALFORMED, "a block that is none");
	parts.b = parts.b0;
	is_verdict(judge(), V_PATH, "block zero holds no file");
}

static void time_parts(void)
{
	static const uint8_t stranger[32] = {9};
	cleanup(buf) struct buf t = {0}, low = {0}, later = {0};

	mkchain_stamp(stranger, BUF_BYTES(&c.b), MKCHAIN_AT + 250, &t);
	parts.t_upper = BUF_BYTES(&t);
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE, "a stranger's upper time");
	parts.t_upper = BYTES("junk", 4);
	is_verdict(judge(), V_TIMESTAMP_MALFORMED, "an upper time that is none");
	parts.t_upper = BUF_BYTES(&c.t0);
	is_verdict(judge(), V_TIMESTAMP_BLOCK, "another block's upper time");
	mkchain_stamp(c.seed, BUF_BYTES(&c.b), MKCHAIN_AT + 1, &later);
	parts.t_upper = BUF_BYTES(&later);
	is_verdict(judge(), V_SEQUENCE_BLOCK, "a second time of this block");
	parts.t_upper = BUF_BYTES(&c.t);
	parts.t_upper_type = TIMESTAMP_RFC3161;
	is_verdict(judge(), V_TIMESTAMP_TYPE, "a time of another kind");
	parts.t_upper_type = TIMESTAMP_LOCAL;

	parts.t_lower = BUF_BYTES(&c.t);
	is_verdict(judge(), V_LINK, "another lower time");
	mkchain_stamp(stranger, BUF_BYTES(&c.b0), MKCHAIN_AT, &low);
	c.block.th = timestamp_hash(BUF_BYTES(&low));
	reseal();
	parts.t_lower = BUF_BYTES(&low);
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE,
		"a stranger's lower time that the block links to");
	parts.t_lower_type = TIMESTAMP_JWT;
	is_verdict(judge(), V_TIMESTAMP_TYPE, "a lower time of another kind");
}

static void number_parts(void)
{
	EVP_PKEY *stranger = EVP_EC_gen("P-256");
	struct sequence good = c.seq;
	cleanup(buf) struct buf s = {0};

	mkchain_sign(&c, &c.seq, stranger, &s);
	parts.s = BUF_BYTES(&s);
	is_verdict(judge(), V_SEQUENCE_SIGNATURE, "a stranger's number");
	parts.s = BYTES("junk", 4);
	is_verdict(judge(), V_SEQUENCE_MALFORMED, "a number that is none");
	c.seq.chain.b[0] ^= 1;
	renumber();
	is_verdict(judge(), V_SEQUENCE_CHAIN, "another chain's number");
	c.seq = good;
	c.seq.y[0] ^= 1;
	renumber();
	is_verdict(judge(), V_SEQUENCE_BLOCK, "another block's number");
	c.seq = good;
	c.seq.has_height = false;
	renumber();
	is_verdict(judge(), V_SEQUENCE_HEIGHT, "off the main chain");
	c.seq = good;
	c.seq.height = 0;
	c.seq.log_size = 1;
	renumber();
	is_verdict(judge(), V_SEQUENCE_HEIGHT, "at height 0");
	c.seq = good;
	c.seq.log_size++;
	renumber();
	is_verdict(judge(), V_SEQUENCE_HEIGHT, "a log of another size");
	c.seq = good;
	c.seq.type = SEQUENCE_HANDOVER;
	c.seq.has_height = false;
	memset(c.seq.y, 0, 16);
	renumber();
	is_verdict(judge(), V_SEQUENCE_HEIGHT, "a hand-over is no block");
	c.seq = good;
	c.seq.epoch = 1;
	renumber();
	is_verdict(judge(), V_SEQUENCE_EPOCH, "a number of a later epoch");
	EVP_PKEY_free(stranger);
}

static void redocument(EVP_PKEY *key, const struct attestation_data *d)
{
	buf_free(&c.doc);
	mkchain_document(&c, key, d, &c.doc);
	parts.doc = BUF_BYTES(&c.doc);
}

/* What a thief of the local root could make of epoch 0. */
static void first_document(void)
{
	struct attestation_data d = mkchain_data(&c);
	EVP_PKEY *thief = EVP_EC_gen("P-256");

	parts.doc = BYTES("junk", 4);
	is_verdict(judge(), V_ATTESTATION_MALFORMED, "a document that is none");
	redocument(c.key, &d);
	is_verdict(judge(), V_VALID,
		"the same words signed again: named by payload, not signature");
	d.recoveries = 1;
	redocument(c.key, &d);
	is_verdict(judge(), V_ATTESTATION_DATA,
		"other words are not the document that b0 names");
	d.recoveries = 0;
	redocument(thief, &d);
	buf_free(&c.s);
	mkchain_sign(&c, &c.seq, thief, &c.s);
	parts.s = BUF_BYTES(&c.s);
	is_verdict(judge(), V_ATTESTATION_DATA, "nor is another key's");
	EVP_PKEY_free(thief);
}

static void commit(void)
{
	if (attestation_hash(BUF_BYTES(&c.doc), &c.block.attestation) != 0)
		bail("no document");
	c.block.has_attestation = true;
	reseal();
}

static void later_documents(void)
{
	struct attestation_data good = mkchain_data(&c), d = good;

	c.block.has_attestation = false;
	reseal();
	is_verdict(judge(), V_ATTESTATION_LINK, "a block that does not name it");
	c.block.has_attestation = true;
	c.block.attestation.b[0] ^= 1;
	reseal();
	is_verdict(judge(), V_ATTESTATION_LINK, "a block that names another");
	d.chain.b[0] ^= 1;
	redocument(c.key, &d);
	commit();
	is_verdict(judge(), V_ATTESTATION_DATA, "another chain's document");
	d = good;
	d.first_k = c.seq.k + 1;
	redocument(c.key, &d);
	commit();
	is_verdict(judge(), V_SEQUENCE_EPOCH, "a number before its office");
	d = good;
	d.epoch++;
	redocument(c.key, &d);
	commit();
	is_verdict(judge(), V_SEQUENCE_EPOCH, "a number of another epoch");
	redocument(c.key, &good);
	commit();
	is_verdict(judge(), V_VALID, "and all as it should be");
}

/* Another installation's root, attestor and all. */
static void foreign_document(void)
{
	static const uint8_t id[16] = {1}, image[48] = {8};
	struct attestation_data d = mkchain_data(&c);
	struct attestor *own = c.attestor;
	cleanup(buf) struct buf pem = {0};

	if (attestor_root_make(id, MKCHAIN_AT, &pem) != 0 ||
		attestor_new(BUF_BYTES(&pem), image, 0, MKCHAIN_AT,
			&c.attestor) != 0)
		bail("no second attestor");
	redocument(c.key, &d);
	attestor_free(c.attestor);
	c.attestor = own;
	commit();
	is_verdict(judge(), V_ATTESTATION_ROOT, "another root's document");
	redocument(c.key, &d);
	commit();
	c.doc.p[c.doc.n - 1] ^= 1;
	is_verdict(judge(), V_ATTESTATION_SIGNATURE, "a document changed");
}

/* Chains whose own block zero asks for something else. */
static void other_chains(void)
{
	struct params good = c.params;
	EVP_PKEY *other = EVP_EC_gen("P-256");
	cleanup(buf) struct buf spki = {0};

	refound();
	is_verdict(judge(), V_VALID, "a chain founded anew is valid");
	if (cose_key_spki(other, &spki) != 0)
		bail("no key");
	EVP_PKEY_free(other);
	c.params.sequencer_key = BUF_BYTES(&spki);
	refound();
	is_verdict(judge(), V_ATTESTATION_KEY,
		"a first document of another key than block zero names");
	c.params = good;
	c.params.first_document.b[0] ^= 1;
	refound();
	is_verdict(judge(), V_ATTESTATION_DATA,
		"another first document than block zero names");
	c.params = good;
	c.params.any_image = false;
	c.params.n_images = 1;
	c.params.image[0].n = 1;
	c.params.image[0].pcr[0].number = 16;
	refound();
	is_verdict(judge(), V_ATTESTATION_IMAGE, "another image is wanted");
	c.params.trust = TRUST_NITRO;
	refound();
	is_verdict(judge(), V_ATTESTATION_CLASS, "hardware is wanted");
	c.params = good;
	c.params.authority[1] = c.params.authority[0];
	c.params.n_authorities = 2;
	c.params.quorum = 2;
	refound();
	is_verdict(judge(), V_TIMESTAMP_QUORUM,
		"two timestamps a block are wanted");
	c.params = good;
	c.params.authority[0].type = TIMESTAMP_RFC3161;
	refound();
	is_verdict(judge(), V_TIMESTAMP_TYPE, "another kind of them is wanted");
	parts.t_upper_type = TIMESTAMP_RFC3161;
	is_verdict(judge(), V_TIMESTAMP_SIGNATURE, "and who gives them is none");
	c.params = good;
}

static void no_content(void)
{
	struct record d = {.kind = RECORD_MKDIR, .path = BYTES("dir", 3)};
	struct certificate saved = parts;
	cleanup(buf) struct buf raw = {0};

	if (record_encode(&d, &raw) != 0)
		bail("cannot encode");
	parts.d = BUF_BYTES(&raw);
	is_verdict(judge(), V_NO_CONTENT, "a folder's record has no content");
	d.kind = RECORD_TOMBSTONE;
	buf_free(&raw);
	if (record_encode(&d, &raw) != 0)
		bail("cannot encode");
	parts.d = BUF_BYTES(&raw);
	is_verdict(judge(), V_NO_CONTENT, "nor has a tombstone");
	parts = saved;
}

static int from_buf(void *file, uint64_t off, uint8_t *ret, size_t n)
{
	memcpy(ret, ((struct buf *)file)->p + off, n);
	return 0;
}

static void ranges(void)
{
	struct certificate saved = parts;
	struct content whole = content;
	struct range_source src = {from_buf, &c.file[3]};
	uint8_t edge[2 * RANGE_EDGE_MAX];

	mkchain_parts(&c, 3, &parts);
	whole = mkchain_content(&c, 3);
	if (range_make(100, 5000, whole.size, &src, edge, &parts.range) != 0)
		bail("cannot make a range");
	content = (struct content){.size = 4900, .from = 100, .to = 5000,
		.root = whole.root};
	is_verdict(judge(), V_VALID, "a range is valid");
	content.size--;
	is_verdict(judge(), V_SIZE, "a piece too short is not");
	content.size++;
	content.root.b[0] ^= 1;
	is_verdict(judge(), V_CONTENT, "nor other bytes");
	content.root.b[0] ^= 1;
	content.from--;
	is_verdict(judge(), V_RANGE, "nor another range");
	content = whole;
	is_verdict(judge(), V_PART, "and a whole file is not judged by it");
	parts.range.n--;
	is_verdict(judge(), V_MALFORMED, "a hash too few is malformed");
	parts.range.n++;
	parts.range.to = whole.size + 1;
	is_verdict(judge(), V_MALFORMED, "so is a range past the end");
	parts = saved;
	content = mkchain_content(&c, saved.index);
}

int main(void)
{
	plan(0);
	EACH(valid_ones, 0);
	EACH(content_and_anchor, 0);
	EACH(genesis_parts, 0);
	EACH(path_parts, 0);
	EACH(block_parts, 0);
	EACH(time_parts, 0);
	EACH(number_parts, 0);
	EACH(first_document, 0);
	EACH(later_documents, 2);
	EACH(foreign_document, 1);
	EACH(other_chains, 0);
	EACH(no_content, 0);
	EACH(ranges, 0);
	judged_done();
	return done();
}
