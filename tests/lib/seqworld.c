#include "tests/lib/seqworld.h"

#include <stdlib.h>
#include <string.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %d", what, rc);
}

static void make_params(struct seqworld *w, struct bytes key,
	struct bytes doc, struct bytes root, struct bytes recovery_key,
	const uint8_t *pcr16)
{
	struct params *p = calloc(1, sizeof(*p));
	uint8_t authority[32];

	must(p == NULL, "no memory");
	must(timestamp_local_public(w->tsa_seed, authority), "tsa key");
	*p = (struct params){.trust = TRUST_LOCAL,
		.sequencer_key = key,
		.any_image = pcr16 == NULL,
		.n_roots = 1,
		.root = {attestation_root_hash(root)},
		.n_authorities = 1,
		.authority = {{TIMESTAMP_LOCAL, BYTES(authority, 32),
			BYTES("t", 1)}},
		.quorum = 1,
		.share_k = 1,
		.share_n = 2,
		.share_w = 8,
		.share_cell = 4096,
		.n_buckets = 2,
		.bucket = {BYTES("0", 1), BYTES("1", 1)},
		.recovery_m = 1,
		.n_recovery = 1,
		.recovery_key = {recovery_key}};
	if (pcr16 != NULL) {
		p->n_images = 1;
		p->image[0].n = 1;
		p->image[0].pcr[0].number = 16;
		memcpy(p->image[0].pcr[0].value, pcr16, 48);
	}
	must(attestation_hash(doc, &p->first_document), "first document");
	must(params_encode(p, &w->params), "params");
	free(p);
}

void seqworld_init(struct seqworld *w, struct bytes key, struct bytes doc,
	struct bytes root, struct bytes recovery_key, const uint8_t *pcr16)
{
	struct block b = {0};
	struct hash dh, y;

	*w = (struct seqworld){.prng = {prng_seed()},
		.ms = UINT64_C(1700000000000)};
	prng_fill(&w->prng, w->tsa_seed, sizeof(w->tsa_seed));
	make_params(w, key, doc, root, recovery_key, pcr16);
	dh = hash_sha3(BUF_BYTES(&w->params));
	must(merkle_fold(&dh, 0, 1, NULL, 0, &b.mh), "block zero's tree");
	prng_fill(&w->prng, b.u, sizeof(b.u));
	must(block_encode(&b, &w->b0), "block zero");
	y = w->chain = block_hash(BUF_BYTES(&w->b0));
	must(timestamp_local_make(w->tsa_seed, &y, w->ms++, &w->t0), "stamp");
}

void seqworld_done(struct seqworld *w)
{
	buf_free(&w->params);
	buf_free(&w->b0);
	buf_free(&w->t0);
}

void seqworld_block(struct seqworld *w, const struct hash *th,
	const struct hash *document, struct buf *ret_b, struct buf *ret_t)
{
	struct block b = {.th = *th, .has_attestation = true,
		.attestation = *document};
	struct hash y;

	prng_fill(&w->prng, b.u, sizeof(b.u));
	b.mh = prng_hash(&w->prng);
	must(block_encode(&b, ret_b), "block");
	y = block_hash(BUF_BYTES(ret_b));
	must(timestamp_local_make(w->tsa_seed, &y, w->ms++, ret_t), "stamp");
}

void seqaudit_init(struct seqaudit *a, const struct seqworld *w)
{
	*a = (struct seqaudit){.chain = w->chain};
	must(params_decode(BUF_BYTES(&w->params), &a->params), "params");
}

void seqaudit_done(struct seqaudit *a)
{
	buf_free(&a->key);
}

static bool named_by(const struct seqaudit *a, enum sequence_type type,
	struct bytes key)
{
	struct hash h = hash_sha3(key);
	uint8_t y[SEQUENCE_Y];

	sequence_y_other(&h, y);
	return type == SEQUENCE_HANDOVER && memcmp(y, a->y, sizeof(y)) == 0;
}

static const char *record(const struct seqaudit *a, struct bytes raw,
	const struct sequence *s, struct bytes key)
{
	struct cose_sign1 c;
	struct recovery r;
	struct hash h, hkey = hash_sha3(key);
	uint8_t y[SEQUENCE_Y];
	EVP_PKEY *by = cose_key(a->params.recovery_key[0]);
	bool good = by != NULL && cose_decode(raw, 512, &c) == 0 &&
		    cose_check(&c, by) == 0 &&
		    recovery_decode(c.payload, &r) == 0;

	EVP_PKEY_free(by);
	if (!good)
		return "a recovery without a signed record";
	h = hash_sha3(c.payload);
	sequence_y_other(&h, y);
	return memcmp(y, s->y, sizeof(y)) == 0 && r.epoch == s->epoch &&
			       r.k == s->k && hash_equal(&r.key, &hkey) &&
			       hash_equal(&r.prev_head, &a->head) &&
			       hash_equal(&r.chain, &a->chain)
		? NULL
		: "a record of another recovery";
}

static const char *epoch(struct seqaudit *a, const struct number *n,
	const struct sequence *s)
{
	struct attestation doc;
	struct attestation_data d;
	const char *wrong = NULL;
	uint32_t recoveries = a->recoveries;

	if (s->k > 0 && s->epoch != a->epoch + 1)
		return "an epoch is missing";
	if (n->doc.n == 0)
		return "an epoch's first number without a document";
	if (attestation_check(&a->params, n->doc, &doc) != V_VALID ||
		attestation_data_decode(doc.user_data, &d) != 0)
		return "a document that does not hold";
	if (s->type == SEQUENCE_RECOVERY) {
		recoveries++;
		wrong = record(a, n->recovery, s, doc.public_key);
	} else if (s->k > 0 && !named_by(a, a->type, doc.public_key)) {
		wrong = "a new key that no hand-over names";
	}
	if (wrong == NULL && (d.epoch != s->epoch || d.first_k != s->k ||
				     !hash_equal(&d.head, &a->head) ||
				     d.recoveries != recoveries))
		wrong = "a document with another claim";
	if (wrong != NULL)
		return wrong;
	a->epoch = s->epoch;
	a->recoveries = recoveries;
	buf_free(&a->key);
	must(buf_copy(doc.public_key, &a->key), "copy");
	return NULL;
}

const char *seqaudit_add(struct seqaudit *a, struct bytes object)
{
	struct number n;
	struct sequence s;
	const char *wrong = NULL;

	if (number_decode(object, &n) != 0 || sequence_peek(n.s, &s) != 0)
		return "not a number object";
	if (!hash_equal(&s.chain, &a->chain) || s.k != a->k)
		return "of another chain, or not the next number";
	if (!hash_equal(&s.prev_head, &a->head))
		return "a head that does not link";
	if (s.k == 0 || s.epoch != a->epoch)
		wrong = epoch(a, &n, &s);
	else if (n.doc.n > 0 || n.recovery.n > 0 ||
		 s.type == SEQUENCE_RECOVERY || a->type == SEQUENCE_HANDOVER)
		wrong = "the old key goes on after its end";
	if (wrong != NULL)
		return wrong;
	if (sequence_open(n.s, BUF_BYTES(&a->key), &s) != V_VALID)
		return "not signed by its epoch's key";
	if (s.type == SEQUENCE_BLOCK && (!s.has_height ||
						s.height != a->blocks++))
		return "a height that is not the next";
	if (s.log_size != a->blocks)
		return "a log that does not grow with the blocks";
	a->head = sequence_head(&s);
	a->type = s.type;
	memcpy(a->y, s.y, sizeof(a->y));
	a->k++;
	return NULL;
}
