#include "enclave/numbering.h"

#include <errno.h>
#include <openssl/ec.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/merkle.h"
#include "core/note.h"
#include "core/timestamp.h"
#include "enclave/numbering_inner.h"

struct numbering *numbering_new(struct entropy *e)
{
	struct numbering *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->entropy = e;
	n->why = "";
	return n;
}

void numbering_free(struct numbering *n)
{
	if (n == NULL)
		return;
	numbering_forget_key(n);
	buf_free(&n->params_raw);
	buf_free(&n->signer);
	free(n);
}

enum numbering_state numbering_state(const struct numbering *n)
{
	return n->state;
}

const char *numbering_why(const struct numbering *n)
{
	return n->why;
}

int numbering_refuse(struct numbering *n, int rc, const char *why)
{
	n->why = why;
	return rc;
}

static int in_state(struct numbering *n, enum numbering_state want)
{
	if (n->state == want)
		return 0;
	return numbering_refuse(n, -EPROTO, "not asked for in this state");
}

int numbering_key(struct numbering *n)
{
	unsigned before = memory_failures();

	numbering_forget_key(n);
	n->key = EVP_EC_gen("P-256");
	if (n->key == NULL || cose_key_spki(n->key, &n->key_spki) != 0) {
		numbering_forget_key(n);
		return numbering_refuse(n, memory_error(-EIO, before),
			"no key could be made");
	}
	return numbering_log_key(n);
}

int numbering_log_key(struct numbering *n)
{
	size_t len = sizeof(n->log_public);
	unsigned before = memory_failures();

	n->log_key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (n->log_key == NULL ||
		EVP_PKEY_get_raw_public_key(
			n->log_key, n->log_public, &len) != 1) {
		numbering_forget_key(n);
		return numbering_refuse(n, memory_error(-EIO, before),
			"no log key could be made");
	}
	return 0;
}

void numbering_forget_key(struct numbering *n)
{
	EVP_PKEY_free(n->key); /* wipes the private half */
	n->key = NULL;
	EVP_PKEY_free(n->log_key);
	n->log_key = NULL;
	buf_free(&n->key_spki);
	n->attested = false;
}

/* The number given to y before, if it is still remembered. */
static const struct numbering_kept *kept_find(
	const struct numbering *n, const uint8_t y[SEQUENCE_Y])
{
	size_t i;

	for (i = 0; i < n->n_kept; i++)
		if (memcmp(n->kept[i].y, y, SEQUENCE_Y) == 0)
			return &n->kept[i];
	return NULL;
}

void numbering_keep(
	struct numbering *n, const uint8_t y[SEQUENCE_Y], struct bytes s)
{
	struct numbering_kept *k = &n->kept[n->at];

	if (s.n > sizeof(k->s))
		return; /* cannot be: SEQUENCE_MAX bounds what is signed */
	memcpy(k->y, y, SEQUENCE_Y);
	memcpy(k->s, s.p, s.n);
	k->n = (uint16_t)s.n;
	n->at = (n->at + 1) % NUMBERING_CACHE;
	if (n->n_kept < NUMBERING_CACHE)
		n->n_kept++;
}

int numbering_sign(struct numbering *n, struct sequence *s,
	const struct mlog *log, struct buf *ret_s)
{
	cleanup(buf) struct buf payload = {0};
	cleanup(buf) struct buf signed_s = {0};
	unsigned before = memory_failures();
	int rc;

	s->chain = n->chain;
	s->epoch = n->epoch;
	s->k = n->next_k;
	s->prev_head = n->head;
	s->log_size = log->size;
	s->log_root = mlog_root(log);
	rc = sequence_encode(s, &payload);
	if (rc == 0)
		rc = cose_sign(COSE_ES256, n->key, BUF_BYTES(&payload),
			&signed_s);
	if (rc != 0)
		return numbering_refuse(n, memory_error(rc, before),
			"no statement could be signed");
	n->log = *log;
	n->head = sequence_head(s);
	n->next_k++;
	*ret_s = signed_s;
	signed_s = (struct buf){0}; /* the caller has it */
	return 0;
}

/* N1 but for the parent: b and t are what they should be. */
static int judge(struct numbering *n, const struct params *p, struct bytes b,
	uint64_t t_type, struct bytes t, struct block *ret)
{
	struct timestamp stamp;
	enum verdict v;

	if (b.n > BLOCK_MAX || block_decode(b, ret) != 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"the block is malformed");
	v = t.n > TIMESTAMP_MAX
		    ? V_TIMESTAMP_MALFORMED
		    : timestamp_validate(p, t_type, t, b, &stamp);
	if (v == V_TIMESTAMP_BLOCK)
		return numbering_refuse(n, -EKEYREJECTED,
			"the timestamp is over another block");
	if (v == V_NO_MEMORY)
		return numbering_refuse(n, -ENOMEM, verdict_text(v));
	if (v != V_VALID)
		return numbering_refuse(n, -EKEYREJECTED,
			"the timestamp does not validate");
	return 0;
}

/* Numbers a block that has been judged, at that height. */
static int number_block(struct numbering *n, struct bytes b, struct bytes t,
	const struct block *block, uint64_t height, struct buf *ret_s)
{
	struct sequence s = {.type = SEQUENCE_BLOCK, .has_height = true,
		.height = height};
	struct mlog log = n->log;
	struct hash hb = block_hash(b), ht = timestamp_hash(t), leaf;
	int rc;

	sequence_y_block(block->u, &ht, s.y);
	n->entropy->ops->fill(n->entropy, s.r, sizeof(s.r));
	leaf = sequence_log_leaf(height, n->next_k, &hb, &ht, s.r);
	mlog_add(&log, &leaf);
	rc = numbering_sign(n, &s, &log, ret_s);
	if (rc != 0)
		return rc;
	n->tail = ht;
	n->height = height;
	numbering_keep(n, s.y, BUF_BYTES(ret_s));
	return 0;
}

static int repeat(const struct numbering *n, const struct block *b,
	struct bytes t, struct buf *ret_s)
{
	uint8_t y[SEQUENCE_Y];
	struct hash ht = timestamp_hash(t);
	const struct numbering_kept *k;

	sequence_y_block(b->u, &ht, y);
	k = kept_find(n, y);
	if (k == NULL)
		return -ENOENT;
	return buf_copy(BYTES(k->s, k->n), ret_s);
}

int numbering_sequence(struct numbering *n, struct bytes b, uint64_t t_type,
	struct bytes t, struct buf *ret_s, struct hash *ret_tail)
{
	struct block block;
	int rc = in_state(n, NUMBERING_ACTIVE);

	if (rc == 0)
		rc = judge(n, &n->params, b, t_type, t, &block);
	if (rc != 0)
		return rc;
	rc = repeat(n, &block, t, ret_s);
	if (rc != -ENOENT)
		return rc;
	*ret_tail = n->tail;
	if (!hash_equal(&block.th, &n->tail))
		return numbering_refuse(n, -ESTALE,
			"the block's parent is not the tail");
	if (!block.has_attestation ||
		!hash_equal(&block.attestation, &n->document))
		return numbering_refuse(n, -ESTALE,
			"the block commits to another document than this enclave's");
	return number_block(n, b, t, &block, n->height + 1, ret_s);
}

/* The root of the main log at that size, if the machine has it: now, or from
 * a statement that it remembers. */
static int root_at(const struct numbering *n, uint64_t size, struct hash *ret)
{
	struct sequence s;
	size_t i;

	if (size == n->log.size) {
		*ret = mlog_root(&n->log);
		return 0;
	}
	for (i = 0; i < n->n_kept; i++)
		if (sequence_peek(BYTES(n->kept[i].s, n->kept[i].n), &s) == 0 &&
			s.log_size == size) {
			*ret = s.log_root;
			return 0;
		}
	return -ENOENT;
}

static int sign_note(const struct numbering *n, uint64_t size,
	const struct hash *root, struct buf *ret)
{
	char origin[CHECKPOINT_ORIGIN_MAX];
	cleanup(buf) struct buf note = {0};
	struct note_key k;
	size_t text;
	int rc;

	checkpoint_origin(&n->chain, origin);
	rc = note_key_make(origin, NOTE_ED25519, n->log_public, &k);
	if (rc == 0)
		rc = checkpoint_text(origin, size, root, &note);
	text = note.n;
	if (rc == 0)
		rc = buf_add(&note, "\n", 1);
	if (rc == 0)
		rc = note_sign(BYTES(note.p, text), &k, n->log_key, 0, &note);
	if (rc != 0)
		return rc;
	*ret = note;
	note = (struct buf){0}; /* the caller has it */
	return 0;
}

int numbering_checkpoint(struct numbering *n, uint64_t size,
	struct buf *ret_note, uint8_t ret_signature[RECEIPT_SIGNATURE])
{
	struct hash root;
	int rc = in_state(n, NUMBERING_ACTIVE);

	if (rc == 0)
		rc = root_at(n, size, &root);
	if (rc == -ENOENT)
		return numbering_refuse(n, rc,
			"the log of that size is not held any more");
	if (rc == 0)
		rc = receipt_sign(n->key, &root, ret_signature);
	if (rc == 0)
		rc = sign_note(n, size, &root, ret_note);
	return rc;
}

int numbering_genesis(struct numbering *n)
{
	int rc = in_state(n, NUMBERING_EMPTY);

	if (rc == 0)
		rc = numbering_key(n);
	if (rc == 0)
		n->state = NUMBERING_BORN;
	return rc;
}

int numbering_chain(struct numbering *n, struct bytes b0, struct bytes params)
{
	struct block block;
	struct params p;
	struct hash dh = hash_sha3(params), mh;

	if (b0.n > BLOCK_MAX || block_decode(b0, &block) != 0 ||
		!hash_is_zero(&block.th))
		return numbering_refuse(n, -EKEYREJECTED,
			"this is not a block zero");
	if (params.n > PARAMS_MAX || params_decode(params, &p) != 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"the parameters are malformed");
	if (merkle_fold(&dh, 0, 1, NULL, 0, &mh) != 0 ||
		!hash_equal(&mh, &block.mh))
		return numbering_refuse(n, -EKEYREJECTED,
			"block zero does not hold these parameters");
	buf_free(&n->params_raw);
	if (buf_copy(params, &n->params_raw) != 0 ||
		params_decode(BUF_BYTES(&n->params_raw), &n->params) != 0)
		return numbering_refuse(n, -ENOMEM, "no memory");
	n->chain = block_hash(b0);
	return 0;
}

static int own_parameters(struct numbering *n)
{
	if (!bytes_equal(n->params.sequencer_key, BUF_BYTES(&n->key_spki)))
		return numbering_refuse(n, -EKEYREJECTED,
			"the parameters name another sequencer key");
	if (!n->attested || !hash_equal(&n->params.first_document,
				    &n->document))
		return numbering_refuse(n, -EKEYREJECTED,
			"the parameters name another first document");
	return 0;
}

int numbering_first(struct numbering *n, struct bytes b0, uint64_t t_type,
	struct bytes t0, struct bytes params, struct buf *ret_s)
{
	struct block block;
	int rc;

	if (n->state == NUMBERING_ACTIVE) { /* N2 */
		rc = judge(n, &n->params, b0, t_type, t0, &block);
		if (rc == 0 && repeat(n, &block, t0, ret_s) == 0)
			return 0;
	}
	rc = in_state(n, NUMBERING_BORN);
	if (rc == 0)
		rc = numbering_chain(n, b0, params);
	if (rc == 0)
		rc = own_parameters(n);
	if (rc == 0)
		rc = judge(n, &n->params, b0, t_type, t0, &block);
	if (rc == 0)
		rc = number_block(n, b0, t0, &block, 0, ret_s);
	if (rc == 0)
		n->state = NUMBERING_ACTIVE;
	return rc;
}

int numbering_claim(
	struct numbering *n, struct buf *ret_key, struct buf *ret_data)
{
	struct attestation_data d = {.chain = n->chain, .epoch = n->epoch,
		.first_k = n->next_k, .head = n->head,
		.recoveries = n->recoveries};
	cleanup(buf) struct buf key = {0};
	int rc;

	if (n->state != NUMBERING_BORN && n->state != NUMBERING_ARRIVING &&
		n->state != NUMBERING_PROVED)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	if (n->state == NUMBERING_BORN)
		d.chain = (struct hash){{0}}; /* b0 names this document */
	memcpy(d.log_key, n->log_public, sizeof(d.log_key));
	rc = buf_copy(BUF_BYTES(&n->key_spki), &key);
	if (rc == 0)
		rc = attestation_data_encode(&d, ret_data);
	if (rc != 0)
		return rc;
	*ret_key = key;
	key = (struct buf){0}; /* the caller has it */
	return 0;
}

static bool same_claim(
	const struct attestation_data *a, const struct numbering *n)
{
	return hash_equal(&a->chain, &n->chain) && a->epoch == n->epoch &&
	       a->first_k == n->next_k && hash_equal(&a->head, &n->head) &&
	       a->recoveries == n->recoveries &&
	       memcmp(a->log_key, n->log_public, sizeof(n->log_public)) == 0;
}

int numbering_check_claim(struct numbering *n, struct bytes doc)
{
	struct attestation a;
	struct attestation_data d;
	enum verdict v = attestation_check(&n->params, doc, &a);

	if (v == V_NO_MEMORY)
		return numbering_refuse(n, -ENOMEM, verdict_text(v));
	if (v != V_VALID)
		return numbering_refuse(n, -EKEYREJECTED,
			"the chain's parameters do not accept this document");
	if (!bytes_equal(a.public_key, BUF_BYTES(&n->key_spki)))
		return numbering_refuse(n, -EKEYREJECTED,
			"the document speaks for another key");
	if (attestation_data_decode(a.user_data, &d) != 0 || !same_claim(&d, n))
		return numbering_refuse(n, -EKEYREJECTED,
			"the document makes another claim");
	if (attestation_hash(doc, &n->document) != 0)
		return numbering_refuse(n, -EBADMSG,
			"the document is malformed");
	return 0;
}

/* In epoch 0 there are no parameters yet: they will name the document, and
 * first() holds them to it. */
static int born_attested(struct numbering *n, struct bytes doc)
{
	struct attestation a;
	struct bytes payload;

	if (attestation_decode(doc, &a, &payload) != 0)
		return numbering_refuse(n, -EBADMSG,
			"the document is malformed");
	if (!bytes_equal(a.public_key, BUF_BYTES(&n->key_spki)))
		return numbering_refuse(n, -EKEYREJECTED,
			"the document speaks for another key");
	n->document = hash_sha3(payload);
	n->attested = true;
	return 0;
}

int numbering_attested(struct numbering *n, struct bytes doc)
{
	int rc;

	if (n->state == NUMBERING_BORN)
		return born_attested(n, doc);
	rc = in_state(n, NUMBERING_ARRIVING);
	if (rc == 0)
		rc = numbering_check_claim(n, doc);
	if (rc == 0)
		n->state = NUMBERING_ACTIVE;
	return rc;
}

int numbering_policy(struct numbering *n, uint8_t ret[NUMBERING_POLICY],
	size_t *ret_n)
{
	unsigned before = memory_failures(), len = NUMBERING_POLICY;

	*ret_n = 0;
	if (n->params_raw.n == 0 || n->state == NUMBERING_BORN)
		return 0;
	if (EVP_Digest(n->params_raw.p, n->params_raw.n, ret, &len,
		    EVP_sha384(), NULL) != 1)
		return memory_error(-EIO, before);
	*ret_n = len;
	return 0;
}
