#include "tests/lib/example.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "backends/rlnc.h"
#include "backends/share.h"
#include "core/attestor.h"
#include "core/block.h"
#include "core/cborread.h"
#include "core/cborwrite.h"
#include "core/certificate.h"
#include "core/chunktree.h"
#include "core/cose.h"
#include "core/governance.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/mlog.h"
#include "core/object.h"
#include "core/params.h"
#include "core/record.h"
#include "core/sequence.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

#define S(text) BYTES(text, sizeof(text) - 1)
#define NOW_MS UINT64_C(1767225600000) /* 2026-01-01 00:00 UTC */
#define NOW_NS INT64_C(1767225600000000000)
#define LARGE (UINT64_C(20) << 20) /* bytes, all zero */
#define RECORDS 6	/* of the block */

static const char *const titles[EXAMPLES] = {
	[EX_CONTENT] = "content",
	[EX_RECORD_MKDIR] = "record-mkdir",
	[EX_RECORD_PUT] = "record-put",
	[EX_RECORD_SYMLINK] = "record-symlink",
	[EX_RECORD_LINK] = "record-link",
	[EX_RECORD_TOMBSTONE] = "record-tombstone",
	[EX_RECORD_LARGE] = "record-large",
	[EX_RECORD_PRESET] = "record-preset",
	[EX_RECORD_VERSION] = "record-version",
	[EX_RECORD_RENAMED] = "record-renamed",
	[EX_RECORD_APPEND] = "record-append",
	[EX_RECORD_RETENTION] = "record-retention",
	[EX_RECORD_HOLD] = "record-hold",
	[EX_RECORD_DELETION] = "record-deletion",
	[EX_RECORD_COMPLIANCE] = "record-compliance",
	[EX_PARAMS] = "params",
	[EX_BLOCK_ZERO] = "block-zero",
	[EX_BLOCK_ONE] = "block-one",
	[EX_TIMESTAMP_ZERO] = "timestamp-zero",
	[EX_TIMESTAMP_ONE] = "timestamp-one",
	[EX_SEQUENCE_ZERO] = "sequence-zero",
	[EX_SEQUENCE_ONE] = "sequence-one",
	[EX_LOG_ENTRY] = "log-entry",
	[EX_RECOVERY] = "recovery",
	[EX_DOCUMENT] = "document",
	[EX_DOCUMENT_DATA] = "document-data",
	[EX_META] = "meta",
	[EX_EXTENT_META] = "extent-meta",
	[EX_NUMBER] = "number",
	[EX_GENESIS] = "genesis",
	[EX_SHARE_HEADER] = "share-header",
	[EX_FINAL_BY] = "final-by",
	[EX_CERTIFICATE] = "certificate",
};

/* What is made on the way and is not an encoding of its own. */
struct maker {
	struct example *e;
	EVP_PKEY *key;		/* K_S */
	struct attestor *attestor;
	struct buf spki, root_spki;
	struct sequence zero, one;
	struct mlog log;
	struct hash dh[RECORDS], extent_top;
};

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("cannot make the example's %s: %d", what, rc);
}

const char *example_title(enum example_name e)
{
	return titles[e];
}

static struct bytes part(const struct maker *m, enum example_name e)
{
	return BUF_BYTES(&m->e->part[e]);
}

static void pattern(uint8_t *p, size_t n, uint8_t from)
{
	for (; n > 0; n--)
		*p++ = from++;
}

static void make_record(struct maker *m, enum example_name e,
	struct record *r, uint8_t salt)
{
	pattern(r->salt, RECORD_SALT, salt);
	if (!r->has_about && r->kind != RECORD_TOMBSTONE)
		r->mtime_ns = NOW_NS + 123456789;
	must(record_encode(r, &m->e->part[e]), titles[e]);
}

static struct hash zeros_root(uint64_t n, struct hash *ret_top)
{
	static const uint8_t zero[1 << 20];
	struct chunktree *t = chunktree_new();
	uint64_t at;

	if (t == NULL)
		bail("no memory");
	for (at = 0; at < n; at += sizeof(zero))
		chunktree_add(t, BYTES(zero, sizeof(zero)));
	*ret_top = chunktree_top(t);
	chunktree_free(t);
	return chunktree_root_of(n, ret_top);
}

static void make_records(struct maker *m)
{
	static const struct record_xattr x[] = {{S("user.author"), S("me")}};
	struct bytes content = part(m, EX_CONTENT);
	struct hash sha = hash_sha256(content);
	struct buf xattrs = {0};
	struct record put = {.kind = RECORD_PUT, .path = S("letters/hello.txt"),
		.size = content.n, .mode = 0644, .n_digests = 1,
		.digest = {{S("sha-256"), HASH_BYTES(&sha)}},
		.has_owner = true, .uid = 1000, .gid = 100};
	struct record dir = {.kind = RECORD_MKDIR, .path = S("letters"),
		.mode = 0755};
	struct record sym = {.kind = RECORD_SYMLINK, .path = S("latest"),
		.mode = 0777, .target = S("letters/hello.txt")};
	struct record link = {.kind = RECORD_LINK, .path = S("copy.txt"),
		.size = content.n, .mode = 0644, .target = put.path};
	struct record gone = {.kind = RECORD_TOMBSTONE, .path = S("drafts")};
	struct record big = {.kind = RECORD_PUT, .path = S("zeros"),
		.size = LARGE, .mode = 0600, .unclean = true};

	must(record_xattrs_encode(x, 1, &xattrs), "attributes");
	put.xattrs = BUF_BYTES(&xattrs);
	put.root = link.root = chunktree_root_bytes(content);
	big.root = zeros_root(LARGE, &m->extent_top);
	make_record(m, EX_RECORD_MKDIR, &dir, 0x00);
	make_record(m, EX_RECORD_PUT, &put, 0x10);
	make_record(m, EX_RECORD_SYMLINK, &sym, 0x20);
	make_record(m, EX_RECORD_LINK, &link, 0x30);
	make_record(m, EX_RECORD_TOMBSTONE, &gone, 0x50);
	make_record(m, EX_RECORD_LARGE, &big, 0x40);
	buf_free(&xattrs);
}

/* Classes other than seal; no block of the example holds these. */
static void make_classes(struct maker *m)
{
	struct hash tail = chunktree_root_bytes(S("world\n"));
	struct hash about = hash_sha3(part(m, EX_RECORD_PUT));
	struct record dir = {.kind = RECORD_MKDIR, .path = S("letters"),
		.mode = 0755, .preset = S("mirror")};
	struct record put = {.kind = RECORD_PUT, .path = S("letters/hello.txt"),
		.mode = 0644, .root = chunktree_root_bytes(BYTES(NULL, 0)),
		.class = RECORD_CLASS_VERSION, .has_previous = true,
		.previous = about};
	struct record gone = {.kind = RECORD_TOMBSTONE, .path = put.path,
		.change = RECORD_RENAMED, .target = S("letters/hallo.txt"),
		.has_about = true};
	struct record grown = put;

	make_record(m, EX_RECORD_PRESET, &dir, 0xc0);
	make_record(m, EX_RECORD_VERSION, &put, 0x90);
	gone.about = hash_sha3(part(m, EX_RECORD_VERSION));
	make_record(m, EX_RECORD_RENAMED, &gone, 0xa0);
	grown.kind = RECORD_APPEND;
	grown.class = RECORD_CLASS_APPEND;
	grown.size = part(m, EX_CONTENT).n;
	grown.root = chunktree_root_bytes(part(m, EX_CONTENT));
	grown.from = grown.size - 6;
	grown.tail = tail;
	make_record(m, EX_RECORD_APPEND, &grown, 0xb0);
}

/* With an order by the governance key. */
static void make_ordered(struct maker *m, enum example_name name,
	struct record *r, uint8_t salt)
{
	struct buf order = {0};

	must(governance_sign(m->key, &m->e->anchor, r, &order), "order");
	r->authority = BUF_BYTES(&order);
	make_record(m, name, r, salt);
	buf_free(&order);
}

/* Records about the file and the vault, which no block of the example holds. */
static void make_keeping(struct maker *m)
{
	struct hash about = hash_sha3(part(m, EX_RECORD_PUT));
	struct record keep = {.kind = RECORD_RETENTION,
		.path = S("letters/hello.txt"), .has_about = true,
		.about = about, .until = UINT64_C(2000000000)};
	struct record hold = keep, gone;

	hold.kind = RECORD_HOLD;
	hold.until = 0;
	gone = hold;
	gone.kind = RECORD_DELETION;
	hold.hold_case = S("Case 12/2026");
	gone.reason = S("erased at the request of its subject");
	make_record(m, EX_RECORD_RETENTION, &keep, 0x60);
	make_record(m, EX_RECORD_HOLD, &hold, 0x70);
	make_ordered(m, EX_RECORD_DELETION, &gone, 0x80);
	gone = (struct record){.kind = RECORD_COMPLIANCE, .has_about = true,
		.about = m->e->anchor, .reason = S("decided by the board")};
	make_ordered(m, EX_RECORD_COMPLIANCE, &gone, 0xc0);
}

static void make_sequencer(struct maker *m)
{
	struct attestation_data first = {.epoch = 0};
	uint8_t installation[16], image[48];
	struct buf pem = {0};

	pattern(installation, sizeof(installation), 0xe0);
	pattern(image, sizeof(image), 0x80);
	pattern(first.log_key, sizeof(first.log_key), 0x60);
	m->key = EVP_EC_gen("P-256");
	must(m->key == NULL, "sequencer key");
	must(cose_key_spki(m->key, &m->spki), "K_S");
	must(attestor_root_make(installation, NOW_MS, &pem), "root");
	must(attestor_new(BUF_BYTES(&pem), image, 0, NOW_MS, &m->attestor),
		"attestor");
	must(attestor_root_key(m->attestor, &m->root_spki), "recovery key");
	must(attestation_data_encode(&first, &m->e->part[EX_DOCUMENT_DATA]),
		"user data");
	must(attestor_document(m->attestor, NULL, BUF_BYTES(&m->spki),
			part(m, EX_DOCUMENT_DATA), BYTES(NULL, 0), NOW_MS,
			&m->e->part[EX_DOCUMENT]), "document");
	buf_free(&pem);
}

static const uint8_t seed[32] = {1, 2, 3}; /* of the timestamp key */

static void make_params(struct maker *m)
{
	static const char *const names[] = {"0", "1", "2", "3", "4", "5"};
	uint8_t authority[32];
	struct params p = {.trust = TRUST_LOCAL, .any_image = true,
		.n_roots = 1, .n_authorities = 1, .quorum = 1, .share_k = 3,
		.share_n = 6, .share_w = 8, .share_cell = RLNC_CELL,
		.n_buckets = 6, .recovery_m = 1, .n_recovery = 1,
		.n_digests = 1, .digest = {S("sha-256")}};
	size_t i;

	must(timestamp_local_public(seed, authority), "authority");
	p.sequencer_key = BUF_BYTES(&m->spki);
	must(attestation_hash(part(m, EX_DOCUMENT), &p.first_document),
		"document's name");
	p.root[0] = attestation_root_hash(attestor_root(m->attestor));
	p.authority[0].key = BYTES(authority, sizeof(authority));
	p.authority[0].name = S("local");
	for (i = 0; i < 6; i++)
		p.bucket[i] = BYTES(names[i], 1);
	p.recovery_key[0] = BUF_BYTES(&m->root_spki);
	pattern(p.installation, sizeof(p.installation), 0xe0);
	must(params_encode(&p, &m->e->part[EX_PARAMS]), "parameters");
}

static struct hash tree_root(const struct hash *dh, size_t n)
{
	struct merkle *tree;
	struct hash root;

	must(merkle_new(dh, n, &tree), "tree");
	root = merkle_root(tree);
	merkle_free(tree);
	return root;
}

/* Stamps the block, numbers it at height k, and adds it to the log. */
static void finish_block(struct maker *m, const struct block *b,
	enum example_name block, enum example_name stamp,
	enum example_name number, struct sequence *s)
{
	struct hash hb, ht, leaf;
	struct buf payload = {0};

	must(block_encode(b, &m->e->part[block]), titles[block]);
	hb = block_hash(part(m, block));
	must(timestamp_local_make(seed, &hb, NOW_MS + 1000 * s->k,
			&m->e->part[stamp]), titles[stamp]);
	ht = timestamp_hash(part(m, stamp));
	if (s->k == 0)
		m->e->anchor = hb;
	s->chain = m->e->anchor;
	s->has_height = true;
	s->height = s->k;
	sequence_y_block(b->u, &ht, s->y);
	pattern(s->r, SEQUENCE_R, (uint8_t)(0xd0 + s->k));
	leaf = sequence_log_leaf(s->height, s->k, &hb, &ht, s->r);
	mlog_add(&m->log, &leaf);
	s->log_size = m->log.size;
	s->log_root = mlog_root(&m->log);
	must(sequence_encode(s, &payload), "statement");
	must(cose_sign(COSE_ES256, m->key, BUF_BYTES(&payload),
			&m->e->part[number]), titles[number]);
	buf_free(&payload);
}

static void make_log_entry(struct maker *m, const struct sequence *s)
{
	struct cborw w = {0};
	struct hash hb = block_hash(part(m, EX_BLOCK_ONE)),
		ht = timestamp_hash(part(m, EX_TIMESTAMP_ONE));

	cborw_array(&w, 5);
	cborw_uint(&w, s->height);
	cborw_uint(&w, s->k);
	cborw_hash(&w, &hb);
	cborw_hash(&w, &ht);
	cborw_bytes(&w, BYTES(s->r, SEQUENCE_R));
	must(cborw_end(&w, &m->e->part[EX_LOG_ENTRY]), "log entry");
}

static void make_chain(struct maker *m)
{
	struct hash leaf = hash_sha3(part(m, EX_PARAMS));
	struct block b0 = {.mh = tree_root(&leaf, 1)}, b1 = {.has_log = true,
		.has_attestation = true};
	size_t i;

	pattern(b0.u, BLOCK_U, 0xa0);
	finish_block(m, &b0, EX_BLOCK_ZERO, EX_TIMESTAMP_ZERO,
		EX_SEQUENCE_ZERO, &m->zero);
	for (i = 0; i < RECORDS; i++)
		m->dh[i] = hash_sha3(part(m, (enum example_name)(EX_RECORD_MKDIR + i)));
	pattern(b1.u, BLOCK_U, 0xb0);
	b1.mh = tree_root(m->dh, RECORDS);
	b1.th = timestamp_hash(part(m, EX_TIMESTAMP_ZERO));
	b1.log_size = m->log.size;
	b1.log_root = mlog_root(&m->log);
	must(attestation_hash(part(m, EX_DOCUMENT), &b1.attestation),
		"document's name");
	m->one.k = 1;
	m->one.prev_head = sequence_head(&m->zero);
	finish_block(m, &b1, EX_BLOCK_ONE, EX_TIMESTAMP_ONE, EX_SEQUENCE_ONE,
		&m->one);
	make_log_entry(m, &m->one);
}

/* A second block, which names the log with the first one in it. */
static void make_final_by(struct maker *m)
{
	struct block b2 = {.has_log = true, .log_size = 2,
		.log_root = m->one.log_root, .mh = m->dh[0],
		.th = timestamp_hash(part(m, EX_TIMESTAMP_ONE))};
	struct hash hb0 = block_hash(part(m, EX_BLOCK_ZERO)), hb2;
	struct hash ht0 = timestamp_hash(part(m, EX_TIMESTAMP_ZERO)), leaf;
	struct buf b = {0}, t = {0};
	struct cborw w = {0};

	pattern(b2.u, BLOCK_U, 0xc0);
	must(block_encode(&b2, &b), "block two");
	hb2 = block_hash(BUF_BYTES(&b));
	must(timestamp_local_make(seed, &hb2, NOW_MS + 2000, &t), "its stamp");
	leaf = sequence_log_leaf(0, 0, &hb0, &ht0, m->zero.r);
	cborw_array(&w, 3);
	cborw_bytes(&w, BUF_BYTES(&b));
	cborw_array(&w, 2);
	cborw_uint(&w, TIMESTAMP_LOCAL);
	cborw_bytes(&w, BUF_BYTES(&t));
	cborw_array(&w, 1);
	cborw_hash(&w, &leaf);
	must(cborw_end(&w, &m->e->part[EX_FINAL_BY]), "final by");
	buf_free(&b);
	buf_free(&t);
}

/* What an operator would sign if the enclave died after number 1. */
static void make_recovery(struct maker *m)
{
	struct recovery r = {.chain = m->e->anchor, .epoch = 1, .k = 2,
		.prev_head = sequence_head(&m->one)};
	struct buf payload = {0};

	r.key = hash_sha3(BUF_BYTES(&m->spki));
	must(recovery_encode(&r, &payload), "recovery record");
	must(attestor_root_sign(m->attestor, BUF_BYTES(&payload),
			&m->e->part[EX_RECOVERY]), "recovery");
	buf_free(&payload);
}

static void make_share_header(struct maker *m, const struct hash *hmeta)
{
	uint64_t length = part(m, EX_CONTENT).n;
	struct share_header h = {.k = 3, .n = 6, .index = 4, .cell = RLNC_CELL,
		.length = length, .meta_length = part(m, EX_META).n,
		.payload_length = rlnc_share_length(length, 3, RLNC_CELL),
		.hy = *hmeta};
	uint8_t raw[SHARE_HEADER];
	struct rlnc_rows rows;

	must(rlnc_draw(hmeta, 3, 6, true, &rows, NULL), "coefficients");
	memcpy(h.row, rows.row[h.index], sizeof(h.row));
	share_header_encode(&h, raw);
	must(buf_copy(BYTES(raw, sizeof(raw)), &m->e->part[EX_SHARE_HEADER]),
		"share header");
}

static void make_objects(struct maker *m)
{
	struct bytes d[RECORDS];
	struct meta_extents large = {EX_RECORD_LARGE - EX_RECORD_MKDIR,
		HASH_BYTES(&m->extent_top)};
	struct meta meta = {part(m, EX_BLOCK_ONE), TIMESTAMP_LOCAL,
		part(m, EX_TIMESTAMP_ONE), RECORDS, d, 1, &large};
	struct extent_meta extent = {m->extent_top, LARGE};
	struct number number = {.s = part(m, EX_SEQUENCE_ONE),
		.has_meta = true};
	struct genesis genesis = {part(m, EX_BLOCK_ZERO), TIMESTAMP_LOCAL,
		part(m, EX_TIMESTAMP_ZERO), part(m, EX_SEQUENCE_ZERO),
		part(m, EX_PARAMS), part(m, EX_DOCUMENT)};
	size_t i;

	for (i = 0; i < RECORDS; i++)
		d[i] = part(m, (enum example_name)(EX_RECORD_MKDIR + i));
	must(meta_encode(&meta, &m->e->part[EX_META]), "META");
	must(extent_meta_encode(&extent, &m->e->part[EX_EXTENT_META]),
		"extent META");
	number.meta = hash_sha3(part(m, EX_META));
	must(number_encode(&number, &m->e->part[EX_NUMBER]), "number");
	must(genesis_encode(&genesis, &m->e->part[EX_GENESIS]), "genesis");
	make_share_header(m, &number.meta);
}

static void make_certificate_of_put(struct maker *m)
{
	struct certificate c = {.chain = m->e->anchor,
		.b0 = part(m, EX_BLOCK_ZERO), .params = part(m, EX_PARAMS),
		.d = part(m, EX_RECORD_PUT), .b = part(m, EX_BLOCK_ONE),
		.s = part(m, EX_SEQUENCE_ONE), .doc = part(m, EX_DOCUMENT),
		.index = 1, .n = RECORDS,
		.t_upper = part(m, EX_TIMESTAMP_ONE),
		.t_lower = part(m, EX_TIMESTAMP_ZERO)};
	struct cborr r;
	uint64_t n;
	struct merkle *tree;

	c.has_final = true;
	cborr_init(&r, part(m, EX_FINAL_BY));
	cborr_array(&r, 3, 3, &n);
	cborr_bytes(&r, BLOCK_MAX, &c.final.b);
	cborr_array(&r, 2, 2, &n);
	cborr_uint(&r, &c.final.t_type);
	cborr_bytes(&r, TIMESTAMP_MAX, &c.final.t);
	cborr_array(&r, 1, 1, &n);
	cborr_hash(&r, &c.final.path[0]);
	c.final.path_len = 1;
	must(cborr_end(&r), "final by");
	must(merkle_new(m->dh, RECORDS, &tree), "tree");
	c.path_len = merkle_path(tree, c.index, c.path);
	merkle_free(tree);
	must(make_certificate(&c, &m->e->part[EX_CERTIFICATE]), "certificate");
}

void example_make(struct example *ret)
{
	struct maker m = {.e = ret};

	*ret = (struct example){0};
	must(buf_copy(S("hello, world\n"), &ret->part[EX_CONTENT]), "content");
	make_records(&m);
	make_sequencer(&m);
	make_params(&m);
	make_chain(&m);
	make_recovery(&m);
	make_classes(&m);
	make_keeping(&m);
	make_objects(&m);
	make_final_by(&m);
	make_certificate_of_put(&m);
	attestor_free(m.attestor);
	EVP_PKEY_free(m.key);
	buf_free(&m.spki);
	buf_free(&m.root_spki);
}

void example_done(struct example *e)
{
	size_t i;

	for (i = 0; i < EXAMPLES; i++)
		buf_free(&e->part[i]);
}
