/*
 * Starting again without a hand-over: what local and the buckets know is
 * brought together, shown to a new enclave as evidence, and its recovery's
 * number is stored.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/seq_impl.h"
#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/memory.h"
#include "core/mlog.h"
#include "core/owed.h"
#include "core/timestamp.h"

int seq_document(struct seq *q, uint32_t epoch, struct buf *ret)
{
	char name[32];

	snprintf(name, sizeof(name), "doc.%u", (unsigned)epoch);
	return q->c.local->ops->value(q->c.local, name, ret);
}

int seq_document_with(struct seq *q, const struct sequence *s,
	struct buf *ret)
{
	cleanup(buf) struct buf doc = {0};
	struct attestation a;
	struct attestation_data d;
	struct bytes payload;
	int rc = seq_document(q, s->epoch, &doc);

	if (rc == -ENOENT)
		return 0;
	if (rc != 0)
		return rc;
	if (attestation_decode(BUF_BYTES(&doc), &a, &payload) != 0 ||
		attestation_data_decode(a.user_data, &d) != 0)
		return -EBADMSG;
	if (s->k == 0 || d.first_k != s->k)
		return 0; /* block zero's stands in the genesis object */
	*ret = doc;
	doc = (struct buf){0}; /* the caller has it */
	return 0;
}

int seq_number(struct seq *q, uint64_t k, struct buf *ret_object,
	struct number *ret, struct sequence *ret_s)
{
	int rc = q->c.local->ops->number(q->c.local, k, ret_object);

	if (rc != 0)
		return rc;
	if (number_decode(BUF_BYTES(ret_object), ret) != 0 ||
		sequence_peek(ret->s, ret_s) != 0)
		return -EBADMSG;
	return 0;
}

static uint32_t all_buckets(const struct seq *q)
{
	return (UINT32_C(1) << q->c.replica->n) - 1;
}

int seq_owe(struct seq *q, uint64_t k)
{
	char key[OBJECT_KEY_MAX];

	if (q->c.replica == NULL)
		return 0;
	object_key_number(k, key);
	return q->c.local->ops->set_lag(
		q->c.local, key, all_buckets(q), k);
}

int seq_push(struct seq *q, uint64_t k, struct bytes object)
{
	struct replica *r = q->c.replica;
	struct replica_report report = {0};
	char key[OBJECT_KEY_MAX];
	int rc;

	object_key_number(k, key);
	rc = r->ops->put_whole(r, key, object, &report);
	fault_point("owed.put");
	q->c.local->ops->set_lag(q->c.local, key,
		all_buckets(q) & ~report.stored, k);
	return rc;
}

int seq_owed_before(struct seq *q)
{
	struct local *l = q->c.local;
	uint64_t first, last;
	int rc;

	if (q->c.replica == NULL)
		return 0;
	rc = l->ops->last_number(l, &last);
	if (rc == 0)
		rc = owed_lowest(l, q->c.replica, 0, last + 1, &first);
	if (rc != 0 || first > last)
		return rc;
	if (q->owed >= q->owed_end || first < q->owed)
		q->owed = first;
	q->owed_end = last + 1;
	return 0;
}

/* -- adoption */

/* The block that s numbers, if local has it stamped and not yet numbered. */
static bool waits_for(struct seq *q, const struct sequence *s,
	struct local_block *ret)
{
	struct block b;
	struct hash ht;
	uint8_t y[SEQUENCE_Y];

	if (s->type != SEQUENCE_BLOCK || !s->has_height ||
		q->c.local->ops->block(q->c.local, s->height, ret) != 0)
		return false;
	if (ret->state == LOCAL_STAMPED &&
		block_decode(BUF_BYTES(&ret->b), &b) == 0) {
		ht = timestamp_hash(BUF_BYTES(&ret->t));
		sequence_y_block(b.u, &ht, y);
		if (memcmp(y, s->y, sizeof(y)) == 0)
			return true;
	}
	local_block_done(ret);
	*ret = (struct local_block){0};
	return false;
}

static int into_local(struct seq *q, const struct sequence *s,
	struct bytes raw_s, struct bytes object)
{
	struct local *l = q->c.local;
	struct local_block block = {0};
	int rc;

	if (waits_for(q, s, &block)) {
		rc = l->ops->put_sequence(l, s->height, s->k, raw_s, object);
	} else {
		/* First: a debt without its number is harmless. */
		rc = seq_owe(q, s->k);
		fault_point("other.owed");
		if (rc == 0)
			rc = l->ops->put_number(l, s->k, object);
	}
	fault_point("other.kept");
	local_block_done(&block);
	if (rc != 0)
		return rc;
	if (q->owed >= q->owed_end)
		q->owed = s->k;
	q->owed_end = s->k + 1;
	return 0;
}

int seq_store(struct seq *q, struct bytes s, struct bytes doc,
	struct bytes record)
{
	const struct number n = {.s = s, .doc = doc, .recovery = record};
	cleanup(buf) struct buf object = {0};
	struct sequence seq;
	int rc = sequence_peek(s, &seq);

	if (rc == 0)
		rc = number_encode(&n, &object);
	return rc != 0 ? rc : into_local(q, &seq, s, BUF_BYTES(&object));
}

/* The statement that the caller of sequence() got and did not store. */
static int adopt_last(struct seq *q, uint64_t last)
{
	struct number n = {.s = BUF_BYTES(&q->last_s)};
	cleanup(buf) struct buf object = {0};
	cleanup(buf) struct buf doc = {0};
	struct local_block block = {0};
	int rc;

	if (q->last_s.n == 0 || q->last.k != last + 1)
		return 0;
	n.has_meta = waits_for(q, &q->last, &block);
	if (n.has_meta)
		n.meta = block.hmeta;
	local_block_done(&block);
	rc = seq_document_with(q, &q->last, &doc);
	n.doc = BUF_BYTES(&doc);
	if (rc == 0)
		rc = number_encode(&n, &object);
	return rc != 0 ? rc
		       : into_local(q, &q->last, n.s, BUF_BYTES(&object));
}

struct wanted {
	struct seq *q;
	uint64_t k;
	struct hash head;	/* of number k - 1 */
	int error;	/* a copy could not be judged, and may be the number */
};

static bool signed_by_epoch(struct wanted *w, const struct number *n,
	const struct sequence *s)
{
	cleanup(buf) struct buf doc = {0};
	struct attestation a;
	struct sequence opened;
	struct bytes d = n->doc;
	int rc = d.n == 0 ? seq_document(w->q, s->epoch, &doc) : 0;

	if (rc != 0 && rc != -ENOENT)
		w->error = rc;
	if (d.n == 0)
		d = BUF_BYTES(&doc);
	return d.n > 0 &&
	       attestation_check(&w->q->params, d, &a) == V_VALID &&
	       sequence_open(n->s, a.public_key, &opened) == V_VALID;
}

static bool is_wanted(void *ctx, struct bytes object)
{
	struct wanted *w = ctx;
	struct number n;
	struct sequence s;
	unsigned before = memory_failures();
	bool good = number_decode(object, &n) == 0 &&
		sequence_peek(n.s, &s) == 0 &&
		hash_equal(&s.chain, &w->q->chain) && s.k == w->k &&
		hash_equal(&s.prev_head, &w->head) &&
		signed_by_epoch(w, &n, &s);

	if (!good && memory_failures() != before)
		w->error = -ENOMEM;
	return good;
}

static int keep_document(struct seq *q, const struct number *n,
	const struct sequence *s)
{
	char name[32];

	if (n->doc.n == 0)
		return 0;
	snprintf(name, sizeof(name), "doc.%u", (unsigned)s->epoch);
	return q->c.local->ops->set_value(q->c.local, name, n->doc);
}

/* 1: number k was in some bucket and is in local now; 0: the slot is free. */
static int adopt_one(struct seq *q, struct wanted *w)
{
	struct replica *r = q->c.replica;
	cleanup(buf) struct buf object = {0};
	char key[OBJECT_KEY_MAX];
	struct sequence s;
	struct number n;
	int rc;

	object_key_number(w->k, key);
	w->error = 0;
	rc = r->ops->get_whole(r, key, NUMBER_MAX, is_wanted, w, &object, NULL);
	if ((rc == -ENOENT || rc == -EBADMSG) && w->error != 0)
		return w->error; /* the slot may be taken */
	if (rc == -EBADMSG)
		seq_say(q, "sequencer: what lies at %s is no number", key);
	if (rc != 0)
		return rc == -ENOENT || rc == -EBADMSG ? 0 : rc;
	if (number_decode(BUF_BYTES(&object), &n) != 0 ||
		sequence_peek(n.s, &s) != 0)
		return -EBADMSG; /* cannot be: accepted a moment ago */
	rc = keep_document(q, &n, &s);
	fault_point("adopt.found");
	if (rc == 0)
		rc = into_local(q, &s, n.s, BUF_BYTES(&object));
	return rc == 0 ? 1 : rc;
}

static int newest(struct seq *q, struct sequence *ret)
{
	cleanup(buf) struct buf object = {0};
	struct number n;
	uint64_t k;
	int rc = q->c.local->ops->last_number(q->c.local, &k);

	return rc != 0 ? rc : seq_number(q, k, &object, &n, ret);
}

int seq_adopt(struct seq *q)
{
	struct sequence s;
	struct wanted w = {.q = q};
	int rc = newest(q, &s);

	if (rc == 0)
		rc = adopt_last(q, s.k);
	while (rc == 0) {
		rc = newest(q, &s);
		if (rc != 0)
			break;
		w.k = s.k + 1;
		w.head = sequence_head(&s);
		rc = adopt_one(q, &w);
		if (rc <= 0)
			break;
		rc = 0; /* and the next slot */
	}
	return rc;
}

/* -- evidence */

/* The main log after local's newest numbered block. */
static int main_log(struct seq *q, struct mlog *ret)
{
	struct local *l = q->c.local;
	uint64_t height, tip;
	int rc = l->ops->tip(l, LOCAL_SEQUENCED, &tip);

	*ret = (struct mlog){0};
	for (height = 0; rc == 0 && height <= tip; height++) {
		struct local_block b = {0};
		struct sequence s;
		struct hash hb, ht, leaf;

		rc = l->ops->block(l, height, &b);
		if (rc == 0)
			rc = sequence_peek(BUF_BYTES(&b.s), &s);
		if (rc == 0) {
			hb = block_hash(BUF_BYTES(&b.b));
			ht = timestamp_hash(BUF_BYTES(&b.t));
			leaf = sequence_log_leaf(height, s.k, &hb, &ht, s.r);
			mlog_add(ret, &leaf);
		}
		local_block_done(&b);
	}
	return rc;
}

/* The newest number that is a block's: evidence begins there. */
static int newest_block(struct seq *q, uint64_t last, uint64_t *ret)
{
	for (;; last--) {
		cleanup(buf) struct buf object = {0};
		struct number n;
		struct sequence s;
		int rc = seq_number(q, last, &object, &n, &s);

		if (rc == 0 && s.type == SEQUENCE_BLOCK) {
			*ret = last;
			return 0;
		}
		if (rc != 0 || last == 0)
			return rc != 0 ? rc : -ENODATA;
	}
}

static int give_one(struct seq *q, uint64_t k, bool *first, uint32_t *epoch)
{
	cleanup(buf) struct buf object = {0};
	cleanup(buf) struct buf doc = {0};
	struct wire w = {.op = WIRE_EVIDENCE, .n_items = 3}, answer;
	struct sequence s;
	struct number n;
	int rc = seq_number(q, k, &object, &n, &s);

	if (rc != 0)
		return rc;
	if (*first || s.epoch != *epoch) {
		if (n.doc.n > 0)
			rc = buf_copy(n.doc, &doc);
		else
			rc = seq_document(q, s.epoch, &doc);
	}
	if (rc != 0)
		return rc;
	*first = false;
	*epoch = s.epoch;
	w.item[0] = n.s;
	w.item[1] = BUF_BYTES(&doc);
	w.item[2] = n.recovery;
	return seq_ask(q, &w, &answer);
}

static int give_evidence(struct seq *q)
{
	const struct wire w = {.op = WIRE_RECOVER, .n_items = 2,
		.item = {q->c.b0, q->c.params}};
	struct wire answer;
	uint64_t last, k;
	uint32_t epoch = 0;
	bool first = true;
	int rc = q->c.local->ops->last_number(q->c.local, &last);

	if (rc == 0)
		rc = newest_block(q, last, &k);
	if (rc == 0)
		rc = seq_ask(q, &w, &answer);
	for (; rc == 0 && k <= last; k++)
		rc = give_one(q, k, &first, &epoch);
	return rc;
}

static int settle(struct seq *q, const struct mlog *log)
{
	const struct wire w = {.op = WIRE_SETTLE, .n_numbers = 1, .n_items = 1,
		.number = {log->size},
		.item = {BYTES(log->edge, mlog_edges(log) * HASH_LEN)}};
	struct wire answer;
	int rc = seq_ask(q, &w, &answer);

	if (rc == 0 && answer.n_items != 3)
		rc = -EBADMSG;
	fault_point("recovery.got");
	if (rc == 0)
		rc = seq_enter(q, answer.item[1]);
	fault_point("recovery.entered");
	if (rc == 0)
		rc = seq_store(q, answer.item[0], answer.item[1],
			answer.item[2]);
	return rc;
}

int seq_recover(struct seq *q)
{
	struct mlog log;
	int rc = seq_adopt(q);

	if (rc == 0)
		rc = main_log(q, &log);
	if (rc == 0)
		rc = give_evidence(q);
	return rc == 0 ? settle(q, &log) : rc;
}
