/* The sequencer of sim_services. */
#include "tests/lib/sim_impl.h"

#include <errno.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

/* Does a quorum hold a META with exactly this block and stamp? */
static bool is_stored(struct sim *s, struct bytes b, struct bytes t)
{
	struct sim_object *o;
	struct meta m;

	for (o = s->objects; o != NULL; o = o->next) {
		bool same;

		if (o->key[0] != 'p' || !sim_at_quorum(o) ||
			meta_decode(BUF_BYTES(&o->data), &m) != 0)
			continue;
		same = bytes_equal(m.b, b) && bytes_equal(m.t, t);
		meta_done(&m);
		if (same)
			return true;
	}
	return false;
}

static struct sim_given *give(struct sim *s, struct sequence *q)
{
	struct sim_given *g;

	if (s->next_k >= SIM_NUMBERS)
		bail("the simulation has no more numbers");
	g = &s->given[s->next_k];
	q->chain = s->chain->anchor;
	q->epoch = s->epoch;
	q->k = s->next_k;
	q->prev_head = s->head;
	q->log_size = s->log.size;
	q->log_root = mlog_root(&s->log);
	mkchain_sign(s->chain, q, s->chain->key, &g->s);
	memcpy(g->y, q->y, SEQUENCE_Y);
	if (s->doc_due)
		buf_copy(BUF_BYTES(&s->doc), &g->doc);
	s->doc_due = false;
	s->head = sequence_head(q);
	s->next_k++;
	return g;
}

static struct sim_given *number(struct sim *s, const struct block *block,
	struct bytes b, struct bytes t, const uint8_t y[SEQUENCE_Y])
{
	struct hash hb = block_hash(b), ht = timestamp_hash(t), leaf;
	struct sequence q = {.type = SEQUENCE_BLOCK, .has_height = true,
		.height = s->height + 1};

	(void)block;
	memcpy(q.y, y, SEQUENCE_Y);
	prng_fill(&s->random, q.r, sizeof(q.r));
	leaf = sequence_log_leaf(q.height, s->next_k, &hb, &ht, q.r);
	mlog_add(&s->log, &leaf);
	s->tail = ht;
	s->height++;
	if (!is_stored(s, b, t))
		sim_broken(s, "a block is numbered before the quorum holds it");
	return give(s, &q);
}

/* The debts come first, in their order, as sequence() of the real one does. */
static int settle(struct sim *s)
{
	struct sim_object want = {.whole = true};
	uint64_t k;

	for (k = 1; k < s->next_k; k++) {
		cleanup(buf) struct buf object = {0};
		struct replica_report report = {0};
		char key[OBJECT_KEY_MAX];
		int rc;

		if (sim_has_number(s, k))
			continue;
		object_key_number(k, key);
		rc = s->real->ops->number(s->real, k, &object);
		if (rc == -ENOENT)
			continue; /* nobody's */
		if (rc == 0)
			rc = sim_put(s, key, &want, BUF_BYTES(&object), &report);
		if (rc != 0)
			return -EAGAIN;
		s->real->ops->set_lag(s->real, key, SIM_ALL & ~report.stored,
			k);
	}
	return 0;
}

/* The enclave's rules (enclave/numbering.h N1, N2). */
static int judge(struct sim *s, struct bytes b, uint64_t t_type,
	struct bytes t, struct sim_given **ret)
{
	struct hash ht = timestamp_hash(t), doc;
	uint8_t y[SEQUENCE_Y];
	struct timestamp ts;
	struct block block;
	uint64_t k;

	if (block_decode(b, &block) != 0 ||
		timestamp_validate(&s->chain->params, t_type, t, b, &ts) !=
			V_VALID)
		return -EKEYREJECTED;
	sequence_y_block(block.u, &ht, y);
	for (k = 1; k < s->next_k; k++)
		if (memcmp(s->given[k].y, y, SEQUENCE_Y) == 0) {
			*ret = &s->given[k];
			return 0;
		}
	if (settle(s) != 0)
		return -EAGAIN;
	if (attestation_hash(BUF_BYTES(&s->doc), &doc) != 0)
		bail("cannot name a document");
	if (!hash_equal(&block.th, &s->tail) || !block.has_attestation ||
		!hash_equal(&block.attestation, &doc))
		return -ESTALE;
	*ret = number(s, &block, b, t, y);
	return 0;
}

static int sequence(struct sequencer *q, struct bytes b, uint64_t t_type,
	struct bytes t, struct sequenced *ret)
{
	struct sim *s = OF(sequencer, q);
	struct sim_given *g = NULL;
	int e = sim_event(s), rc;

	if (e < 0)
		return e;
	rc = judge(s, b, t_type, t, &g);
	if (rc < 0)
		return rc;
	if (e == 1)
		return -EAGAIN;
	buf_copy(BUF_BYTES(&g->s), &ret->s);
	buf_copy(BUF_BYTES(&g->doc), &ret->doc);
	return 0;
}

static int document(struct sequencer *q, struct buf *ret)
{
	struct sim *s = OF(sequencer, q);
	int e = sim_event(s);

	return e != 0 ? -EAGAIN : buf_copy(BUF_BYTES(&s->doc), ret);
}

const struct sequencer_ops sim_sequencer = {
	.sequence = sequence, .document = document};

/* The newest number, which nobody may have stored: the recovery does. */
static void adopt(struct sim *s)
{
	const struct sim_given *g = &s->given[s->next_k - 1];
	struct number n = {.s = BUF_BYTES(&g->s), .has_meta = true,
		.doc = BUF_BYTES(&g->doc)};
	struct local *l = s->real;
	struct local_block b = {0};
	cleanup(buf) struct buf object = {0};
	struct sequence q;
	uint64_t last = 0;

	if (l->ops->last_number(l, &last) != 0)
		bail("no number");
	if (last + 1 >= s->next_k)
		return;
	if (sequence_peek(n.s, &q) != 0 ||
		l->ops->block(l, q.height, &b) != 0)
		bail("a number without its block");
	n.meta = b.hmeta;
	if (number_encode(&n, &object) != 0 ||
		l->ops->put_sequence(l, q.height, q.k, n.s,
			BUF_BYTES(&object)) != 0)
		bail("cannot adopt");
	local_block_done(&b);
}

void sim_recover(struct sim *s)
{
	struct attestation_data data = {.chain = s->chain->anchor};
	struct sequence q = {.type = SEQUENCE_RECOVERY};
	struct number n = {0};
	cleanup(buf) struct buf object = {0};
	char key[OBJECT_KEY_MAX];
	struct sim_given *g;

	adopt(s);
	s->epoch++;
	data.epoch = data.recoveries = s->epoch;
	data.first_k = s->next_k;
	data.head = s->head;
	buf_free(&s->doc);
	mkchain_document(s->chain, s->chain->key, &data, &s->doc);
	s->doc_due = true;
	prng_fill(&s->random, q.y + 16, HASH_LEN);
	g = give(s, &q);
	n.s = BUF_BYTES(&g->s);
	n.doc = BUF_BYTES(&g->doc);
	object_key_number(s->next_k - 1, key);
	if (number_encode(&n, &object) != 0 ||
		s->real->ops->set_lag(s->real, key, SIM_ALL,
			s->next_k - 1) != 0 ||
		s->real->ops->put_number(s->real, s->next_k - 1,
			BUF_BYTES(&object)) != 0)
		bail("cannot recover");
}

void sim_genesis(struct sim *s)
{
	struct sequence q = {.type = SEQUENCE_BLOCK, .has_height = true};
	struct bytes b = BUF_BYTES(&s->chain->b0), t = BUF_BYTES(&s->chain->t0);
	struct hash hb = block_hash(b), ht = timestamp_hash(t), leaf;
	struct local_block b0 = {.n = 1};
	struct number n = {0};
	cleanup(buf) struct buf object = {0};
	struct sim_given *g;
	struct block block;

	if (block_decode(b, &block) != 0)
		bail("block zero is malformed");
	sequence_y_block(block.u, &ht, q.y);
	leaf = sequence_log_leaf(0, 0, &hb, &ht, q.r);
	mlog_add(&s->log, &leaf);
	s->tail = ht;
	g = give(s, &q);
	n.s = BUF_BYTES(&g->s);
	buf_copy(b, &b0.b);
	buf_copy(t, &b0.t);
	buf_copy(n.s, &b0.s);
	if (number_encode(&n, &object) != 0 ||
		s->real->ops->put_genesis(s->real, &b0, BUF_BYTES(&object)) !=
			0)
		bail("cannot keep block zero");
	local_block_done(&b0);
}
