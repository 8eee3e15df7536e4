#include "fs/succession.h"

#include <errno.h>
#include <string.h>

#include "core/attestation.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"

void succession_init(struct succession *s, const struct params *p,
	const struct hash *chain)
{
	*s = (struct succession){.params = p, .chain = *chain};
}

void succession_done(struct succession *s)
{
	buf_free(&s->key);
}

static int refuse(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EKEYREJECTED;
}

/* The document's own worth, and what it claims. */
static int open_document(const struct succession *s, struct bytes doc,
	struct attestation *ret, struct attestation_data *ret_data,
	const char **ret_why)
{
	if (doc.n == 0)
		return refuse(ret_why, "the document of a new epoch is "
			"missing");
	enum verdict v = attestation_check(s->params, doc, ret);
	if (v != V_VALID)
		return refuse(ret_why, verdict_text(v));
	if (attestation_data_decode(ret->user_data, ret_data) != 0)
		return refuse(ret_why, verdict_text(V_ATTESTATION_DATA));
	return 0;
}

/* Number 0: the parameters name both key and document. */
static int check_first(const struct succession *s, const struct number *n,
	struct succession_step *step, const char **ret_why)
{
	struct attestation a;
	struct attestation_data d;
	struct hash h;
	int err = open_document(s, n->doc, &a, &d, ret_why);
	if (err != 0)
		return err;
	if (attestation_hash(n->doc, &h) != 0 ||
	    !hash_equal(&h, &s->params->first_document) ||
	    !bytes_equal(a.public_key, s->params->sequencer_key))
		return refuse(ret_why, "the parameters name another first key "
			"or document");
	if (step->s.k != 0 || step->s.epoch != 0 ||
	    step->s.type != SEQUENCE_BLOCK || !hash_is_zero(&step->s.prev_head))
		return refuse(ret_why, "the first number is not block zero's");
	step->key = a.public_key;
	step->doc = n->doc;
	step->recoveries = d.recoveries;
	return 0;
}

static bool y_names(const struct sequence *s, struct bytes what)
{
	uint8_t y[SEQUENCE_Y];
	struct hash h = hash_sha3(what);
	sequence_y_other(&h, y);
	return memcmp(y, s->y, sizeof y) == 0;
}

/* Signed by a recovery key, for exactly this number and key? */
static int check_recovery(const struct succession *s, struct bytes record,
	const struct sequence *q, struct bytes key, const char **ret_why)
{
	struct cose_sign1 c;
	struct recovery r;
	struct hash hkey = hash_sha3(key);
	bool is_signed = false;
	if (cose_decode(record, SEQUENCE_MAX, &c) != 0 ||
	    recovery_decode(c.payload, &r) != 0)
		return refuse(ret_why, "the recovery record is malformed");
	for (size_t i = 0; i < s->params->n_recovery && !is_signed; i++) {
		EVP_PKEY *k = cose_key(s->params->recovery_key[i]);
		is_signed = k != NULL && cose_check(&c, k) == 0;
		EVP_PKEY_free(k);
	}
	if (!is_signed)
		return refuse(ret_why, "no recovery key of the parameters "
			"signed the recovery record");
	if (!hash_equal(&r.chain, &q->chain) || r.epoch != q->epoch ||
	    r.k != q->k || !hash_equal(&r.prev_head, &q->prev_head) ||
	    !hash_equal(&r.key, &hkey) || !y_names(q, c.payload))
		return refuse(ret_why, "the recovery record is of another "
			"recovery");
	return 0;
}

static int check_new_epoch(const struct succession *s, const struct number *n,
	struct succession_step *step, const char **ret_why)
{
	struct attestation a;
	struct attestation_data d;
	const struct sequence *q = &step->s;
	int err = open_document(s, n->doc, &a, &d, ret_why);
	if (err != 0)
		return err;
	if (!hash_equal(&d.chain, &s->chain) || d.epoch != q->epoch ||
	    d.first_k != q->k || !hash_equal(&d.head, &q->prev_head))
		return refuse(ret_why, verdict_text(V_ATTESTATION_DATA));
	step->recoveries = s->recoveries;
	if (q->type == SEQUENCE_RECOVERY) {
		step->recoveries++;
		err = check_recovery(s, n->recovery, q, a.public_key, ret_why);
		if (err != 0)
			return err;
	} else if (s->last.type != SEQUENCE_HANDOVER ||
		   !y_names(&s->last, a.public_key))
		return refuse(ret_why, "no hand-over names the key of the new "
			"epoch");
	if (d.recoveries != step->recoveries)
		return refuse(ret_why, "the document counts other recoveries");
	step->key = a.public_key;
	step->doc = n->doc;
	return 0;
}

static int check_next(const struct succession *s, const struct number *n,
	struct succession_step *step, const char **ret_why)
{
	const struct sequence *q = &step->s;
	struct hash head = sequence_head(&s->last);
	if (q->k != s->last.k + 1)
		return refuse(ret_why, "it is not the next number");
	if (!hash_equal(&q->prev_head, &head))
		return refuse(ret_why, "its head does not link to the number "
			"before");
	if (s->last.epoch < UINT32_MAX && q->epoch == s->last.epoch + 1)
		return check_new_epoch(s, n, step, ret_why);
	if (q->epoch != s->last.epoch || q->type == SEQUENCE_RECOVERY ||
	    s->last.type == SEQUENCE_HANDOVER)
		return refuse(ret_why, "an epoch begins without hand-over or "
			"recovery");
	step->recoveries = s->recoveries;
	return 0;
}

static int judge(const struct succession *s, const struct number *n,
	struct succession_step *ret, const char **ret_why)
{
	struct succession_step step = {0};
	if (sequence_peek(n->s, &step.s) != 0)
		return refuse(ret_why, verdict_text(V_SEQUENCE_MALFORMED));
	if (!hash_equal(&step.s.chain, &s->chain))
		return refuse(ret_why, verdict_text(V_SEQUENCE_CHAIN));
	int err = s->any ? check_next(s, n, &step, ret_why)
			 : check_first(s, n, &step, ret_why);
	if (err != 0)
		return err;
	struct bytes key = step.key.n > 0 ? step.key : BUF_BYTES(&s->key);
	enum verdict v = sequence_open(n->s, key, &step.s);
	if (v != V_VALID)
		return refuse(ret_why, verdict_text(v));
	*ret = step;
	return 0;
}

int succession_check(const struct succession *s, const struct number *n,
	struct succession_step *ret, const char **ret_why)
{
	unsigned before = memory_failures();
	const char *why = "";
	int err = memory_error(judge(s, n, ret, &why), before);
	if (err != 0)
		*ret_why = err == -ENOMEM ? verdict_text(V_NO_MEMORY) : why;
	return err;
}

int succession_go(struct succession *s, const struct succession_step *step)
{
	if (step->key.n > 0) {
		struct buf key = {0};
		int err = buf_copy(step->key, &key);
		if (err != 0)
			return err;
		buf_free(&s->key);
		s->key = key;
	}
	s->last = step->s;
	s->recoveries = step->recoveries;
	s->any = true;
	return 0;
}
