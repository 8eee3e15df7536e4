/*
 * Recovery: where the chain stands is read from its own statements.  They are
 * checked as a verifier would check them; that none was withheld cannot be
 * seen here, which is why a recovery key must sign and why every later
 * document counts the recoveries.
 */
#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "enclave/numbering_inner.h"

int numbering_recover(
	struct numbering *n, struct bytes b0, struct bytes params)
{
	int rc;

	if (n->state != NUMBERING_EMPTY)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	rc = numbering_chain(n, b0, params);
	if (rc != 0)
		return rc;
	n->any = false;
	n->n_kept = n->at = 0;
	n->state = NUMBERING_READING;
	return 0;
}

/* In epoch 0 the parameters name the document; later ones name the chain. */
static int entered(struct numbering *n, const struct sequence *s,
	struct bytes doc, const struct attestation_data *d)
{
	struct hash h;

	if (d->epoch != s->epoch || d->first_k > s->k)
		return numbering_refuse(n, -EKEYREJECTED,
			"the document is of another epoch");
	if (s->epoch > 0)
		return hash_equal(&d->chain, &n->chain)
			? 0
			: numbering_refuse(n, -EKEYREJECTED,
				  "the document is of another chain");
	if (attestation_hash(doc, &h) != 0 ||
		!hash_equal(&h, &n->params.first_document))
		return numbering_refuse(n, -EKEYREJECTED,
			"the parameters name another first document");
	return 0;
}

/* From here on statements are signed by the key of this document. */
static int enter_epoch(struct numbering *n, const struct sequence *s,
	struct bytes doc, struct attestation_data *ret)
{
	struct attestation a;
	enum verdict v;
	int rc;

	if (doc.n == 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"an epoch's document is missing");
	v = attestation_check(&n->params, doc, &a);
	if (v == V_NO_MEMORY)
		return numbering_refuse(n, -ENOMEM, verdict_text(v));
	if (v != V_VALID)
		return numbering_refuse(n, -EKEYREJECTED,
			"the chain's parameters do not accept this document");
	if (attestation_data_decode(a.user_data, ret) != 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"the document makes no claim");
	rc = entered(n, s, doc, ret);
	if (rc != 0)
		return rc;
	buf_free(&n->signer);
	return buf_copy(a.public_key, &n->signer);
}

/* Is the record signed by a recovery key, and over what? */
static int record_open(
	struct numbering *n, struct bytes record, struct bytes *ret_payload)
{
	struct cose_sign1 c;
	unsigned before = memory_failures();
	size_t i;

	if (cose_decode(record, SEQUENCE_MAX, &c) != 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"the recovery record is malformed");
	for (i = 0; i < n->params.n_recovery; i++) {
		EVP_PKEY *key = cose_key(n->params.recovery_key[i]);
		int rc = key == NULL ? -EKEYREJECTED : cose_check(&c, key);

		EVP_PKEY_free(key);
		if (rc == 0) {
			*ret_payload = c.payload;
			return 0;
		}
	}
	if (memory_failures() != before)
		return numbering_refuse(n, -ENOMEM, verdict_text(V_NO_MEMORY));
	return numbering_refuse(n, -EKEYREJECTED,
		"no recovery key signed the record");
}

static bool record_fits(struct bytes payload, const struct sequence *s,
	struct bytes key)
{
	struct recovery r;
	struct hash h = hash_sha3(payload), hkey = hash_sha3(key);
	uint8_t y[SEQUENCE_Y];

	sequence_y_other(&h, y);
	return recovery_decode(payload, &r) == 0 &&
	       hash_equal(&r.chain, &s->chain) && r.epoch == s->epoch &&
	       r.k == s->k && hash_equal(&r.prev_head, &s->prev_head) &&
	       hash_equal(&r.key, &hkey) && memcmp(y, s->y, sizeof(y)) == 0;
}

static bool handed_to(const struct sequence *last, struct bytes key)
{
	struct hash h = hash_sha3(key);
	uint8_t y[SEQUENCE_Y];

	sequence_y_other(&h, y);
	return last->type == SEQUENCE_HANDOVER &&
	       memcmp(y, last->y, sizeof(y)) == 0;
}

/* A new epoch begins by a hand-over or by a recovery, and in no other way. */
static int succeed(struct numbering *n, const struct sequence *s,
	struct bytes doc, struct bytes record)
{
	struct attestation_data d;
	struct bytes payload;
	int rc = enter_epoch(n, s, doc, &d);
	uint32_t recoveries = n->recoveries;

	if (rc != 0)
		return rc;
	if (d.first_k != s->k || !hash_equal(&d.head, &s->prev_head))
		return numbering_refuse(n, -EKEYREJECTED,
			"the document begins at another number");
	if (s->type == SEQUENCE_RECOVERY) {
		rc = record_open(n, record, &payload);
		if (rc != 0)
			return rc;
		if (!record_fits(payload, s, BUF_BYTES(&n->signer)))
			return numbering_refuse(n, -EKEYREJECTED,
				"the recovery record is of another recovery");
		recoveries++;
	} else if (!handed_to(&n->last, BUF_BYTES(&n->signer))) {
		return numbering_refuse(n, -EKEYREJECTED,
			"no hand-over names this epoch's key");
	}
	if (d.recoveries != recoveries)
		return numbering_refuse(n, -EKEYREJECTED,
			"the document counts other recoveries");
	n->recoveries = recoveries;
	return 0;
}

/* The first statement: any block's. */
static int anchor(struct numbering *n, const struct sequence *s,
	struct bytes doc)
{
	struct attestation_data d;
	int rc;

	if (s->type != SEQUENCE_BLOCK)
		return numbering_refuse(n, -EKEYREJECTED,
			"the evidence does not begin with a block");
	rc = enter_epoch(n, s, doc, &d);
	if (rc == 0)
		n->recoveries = d.recoveries;
	return rc;
}

static int follows(struct numbering *n, const struct sequence *s,
	struct bytes doc, struct bytes record)
{
	struct hash head = sequence_head(&n->last);

	if (s->k != n->last.k + 1)
		return numbering_refuse(n, -EKEYREJECTED,
			"a number is missing");
	if (!hash_equal(&s->prev_head, &head))
		return numbering_refuse(n, -EKEYREJECTED,
			"a head does not link to the number before");
	if (s->epoch == n->last.epoch + 1)
		return succeed(n, s, doc, record);
	if (s->epoch != n->last.epoch || s->type == SEQUENCE_RECOVERY ||
		n->last.type == SEQUENCE_HANDOVER)
		return numbering_refuse(n, -EKEYREJECTED,
			"an epoch begins without hand-over or recovery");
	return 0;
}

/* Heights and log sizes go up by one with each block and not otherwise. */
static int grows(struct numbering *n, const struct sequence *s)
{
	uint64_t before = n->any ? n->last.log_size : s->log_size - 1;
	bool good;

	if (s->type == SEQUENCE_BLOCK)
		good = s->has_height && s->log_size == before + 1 &&
		       s->height == before;
	else
		good = s->log_size == before &&
		       hash_equal(&s->log_root, &n->last.log_root);
	return good ? 0
		    : numbering_refuse(n, -EKEYREJECTED,
			      "the main log does not grow with the blocks");
}

static int check(struct numbering *n, struct bytes raw, struct bytes doc,
	struct bytes record, struct sequence *ret)
{
	enum verdict v;
	int rc;

	if (sequence_peek(raw, ret) != 0)
		return numbering_refuse(n, -EKEYREJECTED,
			"a statement is malformed");
	if (!hash_equal(&ret->chain, &n->chain))
		return numbering_refuse(n, -EKEYREJECTED,
			"a statement is of another chain");
	rc = n->any ? follows(n, ret, doc, record) : anchor(n, ret, doc);
	if (rc == 0)
		rc = grows(n, ret);
	if (rc != 0)
		return rc;
	v = sequence_open(raw, BUF_BYTES(&n->signer), ret);
	if (v == V_NO_MEMORY)
		return numbering_refuse(n, -ENOMEM, verdict_text(v));
	if (v != V_VALID)
		return numbering_refuse(n, -EKEYREJECTED,
			"a statement is not signed by its epoch's key");
	return 0;
}

int numbering_evidence(struct numbering *n, struct bytes s, struct bytes doc,
	struct bytes record)
{
	struct sequence seq;
	int rc;

	if (n->state != NUMBERING_READING)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	rc = check(n, s, doc, record, &seq);
	if (rc != 0) {
		n->state = NUMBERING_EMPTY;
		return rc;
	}
	n->last = seq;
	n->any = true;
	if (seq.type == SEQUENCE_BLOCK) {
		memcpy(n->tail.b, seq.y + SEQUENCE_Y - HASH_LEN, HASH_LEN);
		n->height = seq.height;
		numbering_keep(n, seq.y, s);
	}
	return 0;
}

int numbering_settle(struct numbering *n, const struct mlog *log)
{
	struct hash root = mlog_root(log);
	int rc = 0;

	if (n->state != NUMBERING_READING)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	if (!n->any)
		rc = numbering_refuse(n, -EKEYREJECTED, "there is no evidence");
	else if (log->size != n->last.log_size ||
		 !hash_equal(&root, &n->last.log_root))
		rc = numbering_refuse(n, -EKEYREJECTED,
			"the main log is not the one last signed");
	else if (n->last.epoch == UINT32_MAX || n->last.k == UINT64_MAX)
		rc = numbering_refuse(n, -EOVERFLOW, "no number is left");
	else
		rc = numbering_key(n);
	if (rc != 0) {
		n->state = NUMBERING_EMPTY;
		return rc;
	}
	n->log = *log;
	n->head = sequence_head(&n->last);
	n->next_k = n->last.k + 1;
	n->epoch = n->last.epoch + 1;
	n->recoveries++;
	n->state = NUMBERING_PROVED;
	return 0;
}

int numbering_record(struct numbering *n, struct buf *ret_payload)
{
	struct recovery r = {.chain = n->chain, .epoch = n->epoch,
		.k = n->next_k, .prev_head = n->head};

	if (n->state != NUMBERING_PROVED)
		return numbering_refuse(n, -EPROTO,
			"not asked for in this state");
	r.key = hash_sha3(BUF_BYTES(&n->key_spki));
	return recovery_encode(&r, ret_payload);
}

int numbering_recovered(struct numbering *n, struct bytes doc,
	struct bytes record, struct buf *ret_s)
{
	struct sequence s = {.type = SEQUENCE_RECOVERY};
	struct mlog log = n->log;
	cleanup(buf) struct buf mine = {0};
	struct bytes payload;
	struct hash h;
	int rc = numbering_record(n, &mine); /* checks the state */

	if (rc == 0)
		rc = numbering_check_claim(n, doc);
	if (rc == 0)
		rc = record_open(n, record, &payload);
	if (rc != 0)
		return rc;
	if (!bytes_equal(payload, BUF_BYTES(&mine)))
		return numbering_refuse(n, -EKEYREJECTED,
			"the recovery record is of another recovery");
	h = hash_sha3(payload);
	sequence_y_other(&h, s.y);
	n->entropy->ops->fill(n->entropy, s.r, sizeof(s.r));
	rc = numbering_sign(n, &s, &log, ret_s);
	if (rc == 0)
		n->state = NUMBERING_ACTIVE;
	return rc;
}
