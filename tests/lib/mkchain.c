#include "tests/lib/mkchain.h"

#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

#define STEP_MS 250

static void need(bool good, const char *what)
{
	if (!good)
		bail("mkchain cannot %s", what);
}

void mkchain_sign(struct mkchain *c, const struct sequence *s, EVP_PKEY *key,
	struct buf *ret)
{
	cleanup(buf) struct buf pay = {0};

	(void)c;
	need(sequence_encode(s, &pay) == 0, "encode a number");
	need(cose_sign(COSE_ES256, key, BUF_BYTES(&pay), ret) == 0, "sign it");
}

void mkchain_stamp(const uint8_t seed[32], struct bytes b, uint64_t p_ms,
	struct buf *ret)
{
	struct hash y = block_hash(b);

	need(timestamp_local_make(seed, &y, p_ms, ret) == 0, "stamp");
}

void mkchain_document(struct mkchain *c, EVP_PKEY *key,
	const struct attestation_data *data, struct buf *ret)
{
	cleanup(buf) struct buf spki = {0}, user = {0};

	need(cose_key_spki(key, &spki) == 0, "encode a key");
	need(attestation_data_encode(data, &user) == 0, "encode user data");
	need(attestor_document(c->attestor, NULL, BUF_BYTES(&spki),
		     BUF_BYTES(&user), BYTES(NULL, 0), MKCHAIN_AT, ret) == 0,
		"attest");
}

static void fill_params(struct mkchain *c, const struct hash *doc0)
{
	struct params *p = &c->params;
	size_t i;

	*p = (struct params){
		.trust = TRUST_LOCAL,
		.sequencer_key = BUF_BYTES(&c->key0),
		.first_document = *doc0,
		.any_image = true,
		.n_roots = 1,
		.n_authorities = 1,
		.authority = {{.type = TIMESTAMP_LOCAL,
			.key = BYTES(c->pub, 32),
			.name = BYTES("local clock", 11)}},
		.quorum = 1,
		.share_k = 3,
		.share_n = 6,
		.share_w = 8,
		.share_cell = 65536,
		.n_buckets = 6,
		.recovery_m = 1,
		.n_recovery = 1,
		.recovery_key = {BUF_BYTES(&c->key0)},
		.n_digests = 3,
		.digest = {BYTES("sha-256", 7), BYTES("sha-384", 7),
			BYTES("sha-512", 7)},
	};
	p->root[0] = attestation_root_hash(attestor_root(c->attestor));
	for (i = 0; i < 6; i++)
		p->bucket[i] = BYTES(&"012345"[i], 1);
}

static void genesis(struct mkchain *c)
{
	struct block b0 = {.u = {1}};
	struct hash leaf;

	buf_free(&c->params_raw);
	buf_free(&c->b0);
	buf_free(&c->t0);
	need(params_encode(&c->params, &c->params_raw) == 0, "encode params");
	leaf = hash_sha3(BUF_BYTES(&c->params_raw));
	need(merkle_fold(&leaf, 0, 1, NULL, 0, &b0.mh) == 0, "make a tree");
	need(block_encode(&b0, &c->b0) == 0, "encode b0");
	c->anchor = block_hash(BUF_BYTES(&c->b0));
	mkchain_stamp(c->seed, BUF_BYTES(&c->b0), MKCHAIN_AT, &c->t0);
}

static void make_file(struct mkchain *c, size_t i)
{
	static const size_t sizes[MKCHAIN_FILES] = {100, 0, 4096, 9000, 1};
	char path[64];
	struct content content;
	struct record r = {.kind = RECORD_PUT, .mode = 0644};

	need(buf_reserve(&c->file[i], sizes[i] + 1) == 0, "make a file");
	memset(c->file[i].p, (int)('a' + i), sizes[i]);
	c->file[i].n = sizes[i];
	content = mkchain_content(c, i);
	snprintf(path, sizeof(path), "folder/file-%zu", i);
	memset(r.salt, (int)i, sizeof(r.salt));
	r.path = BYTES(path, strlen(path));
	r.size = content.size;
	r.root = content.root;
	r.mtime_ns = 1789999999000000000;
	r.n_digests = 1;
	r.digest[0].name = BYTES("sha-256", 7);
	r.digest[0].value = HASH_BYTES(&content.sha256);
	need(record_encode(&r, &c->d[i]) == 0, "encode a record");
	c->dh[i] = hash_sha3(BUF_BYTES(&c->d[i]));
}

struct content mkchain_content(const struct mkchain *c, size_t i)
{
	struct bytes v = BUF_BYTES(&c->file[i]);

	return (struct content){.size = v.n, .root = chunktree_root_bytes(v),
		.sha256 = hash_sha256(v)};
}

void mkchain_seal(struct mkchain *c)
{
	struct hash ht;

	buf_free(&c->b);
	buf_free(&c->t);
	buf_free(&c->s);
	need(block_encode(&c->block, &c->b) == 0, "encode b");
	mkchain_stamp(c->seed, BUF_BYTES(&c->b), MKCHAIN_AT + STEP_MS, &c->t);
	ht = timestamp_hash(BUF_BYTES(&c->t));
	sequence_y_block(c->block.u, &ht, c->seq.y);
	mkchain_sign(c, &c->seq, c->key, &c->s);
}

static struct hash tree_root(const struct mkchain *c)
{
	struct merkle *m;
	struct hash root;

	need(merkle_new(c->dh, MKCHAIN_FILES, &m) == 0, "make a tree");
	root = merkle_root(m);
	merkle_free(m);
	return root;
}

static void make_block(struct mkchain *c, uint32_t epoch)
{
	c->block = (struct block){.u = {2}, .mh = tree_root(c)};
	c->block.th = timestamp_hash(BUF_BYTES(&c->t0));
	if (epoch > 0) {
		c->block.has_attestation = true;
		need(attestation_hash(BUF_BYTES(&c->doc),
			     &c->block.attestation) == 0,
			"name the document");
	}
	c->seq = (struct sequence){
		.chain = c->anchor,
		.epoch = epoch,
		.k = 1 + 2 * epoch,
		.type = SEQUENCE_BLOCK,
		.has_height = true,
		.height = 1,
		.log_size = 2,
	};
	mkchain_seal(c);
}

static struct content zeros(uint64_t size)
{
	static const uint8_t piece[1 << 16];
	struct chunktree *tree = chunktree_new();
	struct hasher *sha256 = hasher_new(HASH_SHA256);
	struct content c = {.size = size};
	struct bytes p;

	need(tree != NULL && sha256 != NULL, "hash");
	for (; size > 0; size -= p.n) {
		p = BYTES(piece, size < sizeof(piece) ? size : sizeof(piece));
		chunktree_add(tree, p);
		hasher_add(sha256, p);
	}
	c.root = chunktree_root(tree);
	c.sha256 = hasher_end(sha256);
	chunktree_free(tree);
	hasher_free(sha256);
	return c;
}

void mkchain_zeros(struct mkchain *c, struct bytes path, uint64_t size)
{
	struct content content = zeros(size);
	struct record r = {.kind = RECORD_PUT, .mode = 0644, .size = size,
		.root = content.root, .path = path,
		.n_digests = 1,
		.digest = {{BYTES("sha-256", 7), HASH_BYTES(&content.sha256)}}};

	buf_free(&c->d[0]);
	need(record_encode(&r, &c->d[0]) == 0, "encode a record");
	c->dh[0] = hash_sha3(BUF_BYTES(&c->d[0]));
	c->block.mh = tree_root(c);
	mkchain_seal(c);
}

void mkchain_large(struct mkchain *c, uint64_t size)
{
	char path[RECORD_PATH_MAX];
	size_t i;

	for (i = 0; i < sizeof(path); i++)
		path[i] = "\x01\xff\n\x1b"[i % 4];
	mkchain_zeros(c, BYTES(path, sizeof(path)), size);
}

void mkchain_refound(struct mkchain *c)
{
	genesis(c);
	c->block.th = timestamp_hash(BUF_BYTES(&c->t0));
	c->seq.chain = c->anchor;
	mkchain_seal(c);
}

struct attestation_data mkchain_data(const struct mkchain *c)
{
	struct attestation_data d = {.epoch = c->seq.epoch};

	memcpy(d.log_key, c->log_pub, sizeof(d.log_key));
	if (d.epoch == 0)
		return d;
	d.chain = c->anchor;
	d.first_k = 2 * d.epoch;
	d.head = hash_sha3(BYTES("head", 4));
	d.recoveries = d.epoch;
	return d;
}

void mkchain_init(struct mkchain *c, uint32_t epoch)
{
	static const uint8_t id[16] = {7}, image[48] = {8}, log[32] = {9};
	cleanup(buf) struct buf pem = {0};
	struct attestation_data d0 = {0}, d;
	struct hash doc0;
	size_t i, n = sizeof(c->log_pub);

	*c = (struct mkchain){.seed = {3}};
	c->key = EVP_EC_gen("P-256");
	need(attestor_root_make(id, MKCHAIN_AT, &pem) == 0, "make a root");
	need(attestor_new(BUF_BYTES(&pem), image, 0, MKCHAIN_AT,
		     &c->attestor) == 0,
		"start an attestor");
	need(timestamp_local_public(c->seed, c->pub) == 0, "make a key");
	need(cose_key_spki(c->key, &c->key0) == 0, "encode a key");
	c->log_key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, log,
		sizeof(log));
	need(c->log_key != NULL && EVP_PKEY_get_raw_public_key(c->log_key,
		     c->log_pub, &n) == 1, "make a log's key");
	memcpy(d0.log_key, c->log_pub, sizeof(d0.log_key));
	mkchain_document(c, c->key, &d0, &c->doc);
	need(attestation_hash(BUF_BYTES(&c->doc), &doc0) == 0, "name it");
	fill_params(c, &doc0);
	genesis(c);
	for (i = 0; i < MKCHAIN_FILES; i++)
		make_file(c, i);
	c->seq.epoch = epoch;
	if (epoch > 0) {
		EVP_PKEY_free(c->key);
		c->key = EVP_EC_gen("P-256");
		d = mkchain_data(c);
		buf_free(&c->doc);
		mkchain_document(c, c->key, &d, &c->doc);
	}
	make_block(c, epoch);
}

void mkchain_done(struct mkchain *c)
{
	size_t i;

	EVP_PKEY_free(c->key);
	EVP_PKEY_free(c->log_key);
	attestor_free(c->attestor);
	buf_free(&c->key0);
	buf_free(&c->params_raw);
	buf_free(&c->b0);
	buf_free(&c->t0);
	buf_free(&c->doc);
	for (i = 0; i < MKCHAIN_FILES; i++) {
		buf_free(&c->file[i]);
		buf_free(&c->d[i]);
	}
	buf_free(&c->b);
	buf_free(&c->t);
	buf_free(&c->s);
}

void mkchain_parts(const struct mkchain *c, size_t i, struct certificate *ret)
{
	struct merkle *m;

	*ret = (struct certificate){
		.chain = c->anchor,
		.b0 = BUF_BYTES(&c->b0),
		.params = BUF_BYTES(&c->params_raw),
		.d = BUF_BYTES(&c->d[i]),
		.index = i,
		.n = MKCHAIN_FILES,
		.b = BUF_BYTES(&c->b),
		.t_upper = BUF_BYTES(&c->t),
		.t_lower = BUF_BYTES(&c->t0),
		.s = BUF_BYTES(&c->s),
		.doc = BUF_BYTES(&c->doc),
	};
	need(merkle_new(c->dh, MKCHAIN_FILES, &m) == 0, "make a tree");
	ret->path_len = merkle_path(m, i, ret->path);
	merkle_free(m);
}

void mkchain_cert(const struct mkchain *c, size_t i, struct buf *ret)
{
	struct certificate parts;

	mkchain_parts(c, i, &parts);
	need(make_certificate(&parts, ret) == 0, "make a certificate");
}
