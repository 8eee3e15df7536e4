#include "backends/seq_local.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/seq_impl.h"
#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/timestamp.h"
#include "enclave/sandbox.h"

/* After a start again that failed or did not last. */
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS 10000

static const struct sequencer_ops ops;

static struct seq *self(struct sequencer *q)
{
	return (struct seq *)(void *)q; /* its first member */
}

void seq_say(struct seq *q, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (q->c.say == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	q->c.say(q->c.say_ctx, line);
}

int seq_ask(struct seq *q, const struct wire *w, struct wire *ret)
{
	int rc = seq_link_ask(&q->link, w, ret);

	if (rc == -EPIPE)
		seq_say(q, "sequencer: the enclave is gone");
	else if (rc != 0 && rc != -ENOENT && rc != -ESTALE &&
		 ret->n_items > 0 && ret->item[0].n > 0)
		seq_say(q, "sequencer: refused: %.*s", (int)ret->item[0].n,
			(const char *)ret->item[0].p);
	return rc;
}

static void seq_free(struct seq *q)
{
	if (q == NULL)
		return;
	seq_link_done(&q->link);
	buf_free(&q->doc);
	buf_free(&q->last_s);
	free(q->state_dir);
	free(q->attestor_program);
	free(q->enclave_program);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

static struct seq *seq_new(const struct seq_local_config *c)
{
	struct seq *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->base = (struct sequencer){&ops, "local"};
	pthread_mutex_init(&q->lock, NULL);
	q->c = *c;
	seq_link_init(&q->link);
	q->state_dir = strdup(c->state_dir);
	q->attestor_program = strdup(c->attestor_program);
	q->enclave_program = strdup(c->enclave_program);
	if (q->state_dir != NULL && q->attestor_program != NULL &&
		q->enclave_program != NULL)
		return q;
	seq_free(q);
	return NULL;
}

static int start_processes(struct seq *q, struct bytes installation)
{
	const struct seq_link_start s = {q->attestor_program,
		q->enclave_program, q->state_dir, installation};
	char text[sizeof(q->isolation)];
	int rc = seq_link_start(&q->link, &s);

	if (rc != 0)
		return rc;
	sandbox_text(q->link.isolation, text, sizeof(text));
	/* somebody may be reading it, and it is nearly always the same */
	if (strcmp(text, q->isolation) != 0)
		strcpy(q->isolation, text);
	return 0;
}

/* -- genesis */

static int genesis(struct seq *q, struct seq_genesis *ret)
{
	const struct wire w = {.op = WIRE_GENESIS};
	struct wire answer;
	int rc = seq_ask(q, &w, &answer);

	if (rc == 0 && answer.n_items != 2)
		rc = -EBADMSG;
	if (rc == 0)
		rc = buf_copy(answer.item[0], &ret->key);
	if (rc == 0)
		rc = buf_copy(answer.item[1], &ret->doc);
	if (rc == 0)
		rc = buf_copy(answer.item[1], &q->doc);
	if (rc == 0)
		rc = buf_copy(BUF_BYTES(&q->link.root), &ret->root);
	if (rc == 0)
		rc = buf_copy(BUF_BYTES(&q->link.root_key), &ret->recovery_key);
	return rc;
}

int seq_local_genesis(const struct seq_local_config *c,
	const uint8_t installation[16], struct seq_genesis *ret,
	struct sequencer **ret_q)
{
	struct seq_genesis g = {0};
	struct seq *q = seq_new(c);
	int rc;

	if (q == NULL)
		return -ENOMEM;
	q->c.local = NULL;
	q->c.replica = NULL;
	rc = start_processes(q, BYTES(installation, 16));
	if (rc == 0)
		rc = genesis(q, &g);
	if (rc != 0) {
		seq_genesis_done(&g);
		seq_free(q);
		return rc;
	}
	*ret = g;
	*ret_q = &q->base;
	return 0;
}

void seq_genesis_done(struct seq_genesis *g)
{
	buf_free(&g->key);
	buf_free(&g->doc);
	buf_free(&g->root);
	buf_free(&g->recovery_key);
}

/* Copies an answer's only item, which must be a statement. */
static int take_statement(
	const struct wire *answer, struct buf *ret, struct sequence *ret_s)
{
	struct sequence s;
	int rc;

	if (answer->n_items != 1 || sequence_peek(answer->item[0], &s) != 0)
		return -EBADMSG;
	rc = buf_copy(answer->item[0], ret);
	if (rc == 0)
		*ret_s = s;
	return rc;
}

int seq_local_first(struct sequencer *base, struct bytes b0, uint64_t t_type,
	struct bytes t0, struct bytes params, struct buf *ret_s)
{
	struct seq *q = self(base);
	locked(&q->lock);
	const struct wire w = {.op = WIRE_FIRST, .n_numbers = 1, .n_items = 3,
		.number = {t_type}, .item = {b0, t0, params}};
	struct wire answer;
	struct sequence s;
	int rc = seq_ask(q, &w, &answer);

	if (rc == 0)
		rc = take_statement(&answer, ret_s, &s);
	if (rc == 0)
		q->chain = block_hash(b0);
	return rc;
}

/* -- start */

int seq_enter(struct seq *q, struct bytes doc)
{
	struct attestation a;
	struct attestation_data d;
	struct bytes payload;
	struct buf copy = {0};
	char name[32];
	int rc;

	if (attestation_decode(doc, &a, &payload) != 0 ||
		attestation_data_decode(a.user_data, &d) != 0)
		return -EBADMSG;
	rc = buf_copy(doc, &copy);
	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "doc.%u", (unsigned)d.epoch);
	rc = q->c.local->ops->set_value(q->c.local, name, doc);
	if (rc != 0) {
		buf_free(&copy);
		return rc;
	}
	buf_free(&q->doc);
	q->doc = copy;
	q->epoch = d.epoch;
	q->first_k = d.first_k;
	return 0;
}

/* Makes local end with the hand-over, if it is not there yet; -ESTALE when
 * the chain went on without it. */
static int place_handover(
	struct seq *q, struct bytes s, const struct sequence *seq)
{
	cleanup(buf) struct buf object = {0};
	cleanup(buf) struct buf doc = {0};
	struct sequence held;
	struct number n;
	uint64_t last;
	int rc = seq_adopt(q);

	if (rc == 0)
		rc = q->c.local->ops->last_number(q->c.local, &last);
	if (rc != 0)
		return rc;
	if (last > seq->k)
		return -ESTALE;
	if (last == seq->k) {
		rc = seq_number(q, last, &object, &n, &held);
		return rc != 0 || bytes_equal(n.s, s) ? rc : -ESTALE;
	}
	if (last + 1 < seq->k) {
		seq_say(q, "sequencer: numbers after %llu are lost",
			(unsigned long long)last);
		return -ENODATA;
	}
	rc = seq_document_with(q, seq, &doc);
	return rc != 0 ? rc : seq_store(q, s, BUF_BYTES(&doc), BYTES(NULL, 0));
}

static int arrive(struct seq *q, uint64_t k)
{
	const struct wire w = {.op = WIRE_ARRIVE};
	struct wire answer;
	int rc = seq_ask(q, &w, &answer);

	fault_point("handover.used");
	if (rc == 0)
		rc = answer.n_items == 2 ? seq_enter(q, answer.item[1])
					 : -EBADMSG;
	if (rc == 0) /* it may not have got everywhere last time */
		q->owed = q->owed < q->owed_end && q->owed < k ? q->owed : k;
	if (rc == 0)
		q->owed_end = k + 1;
	return rc;
}

/* -ENOENT: there is no hand-over, or none that can be used. */
static int resume(struct seq *q)
{
	const struct wire w = {.op = WIRE_RESUME, .n_items = 2,
		.item = {q->c.b0, q->c.params}};
	const struct wire abandon = {.op = WIRE_ABANDON};
	cleanup(buf) struct buf s = {0};
	struct sequence seq = {0};
	struct wire answer;
	int rc = seq_ask(q, &w, &answer);

	if (rc == -ENOENT || rc == -EPIPE || rc == -EPERM)
		return rc;
	if (rc == 0)
		rc = take_statement(&answer, &s, &seq);
	fault_point("handover.read");
	if (rc == 0)
		rc = place_handover(q, BUF_BYTES(&s), &seq);
	fault_point("handover.placed");
	if (rc == 0)
		return arrive(q, seq.k);
	if (rc != -ESTALE && rc != -EBADMSG && rc != -EKEYREJECTED)
		return rc;
	seq_say(q, "sequencer: the hand-over cannot be used: %s", strerror(-rc));
	rc = seq_ask(q, &abandon, &answer);
	return rc == 0 ? -ENOENT : rc;
}

static int begin(struct seq *q)
{
	int rc = start_processes(q, BYTES(NULL, 0));

	if (rc == 0)
		rc = seq_owed_before(q);
	if (rc == 0)
		rc = resume(q);
	if (rc == -ENOENT && seq_link_up(&q->link)) {
		seq_say(q, "sequencer: no hand-over, recovering");
		rc = seq_recover(q);
	}
	if (rc != 0) {
		seq_link_stop(&q->link);
		return rc;
	}
	seq_say(q, "sequencer: epoch %u from number %llu, %s",
		(unsigned)q->epoch, (unsigned long long)q->first_k,
		q->isolation);
	return 0;
}

static uint64_t mono(struct seq *q)
{
	return q->c.clock->ops->mono_ms(q->c.clock);
}

/* Starts again, but not in a tight loop: every recovery takes a number. */
static int revive(struct seq *q)
{
	uint64_t now = mono(q);
	int rc;

	if (q->over || q->c.local == NULL || now < q->retry_ms)
		return -EAGAIN;
	if (now - q->retry_ms > PAUSE_MAX_MS)
		q->pause_ms = 0; /* the last one has lasted */
	q->pause_ms = q->pause_ms == 0 ? PAUSE_FIRST_MS
		      : q->pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
						       : q->pause_ms * 2;
	rc = begin(q);
	q->retry_ms = mono(q) + q->pause_ms;
	if (rc != 0)
		seq_say(q, "sequencer: not started again: %s", strerror(-rc));
	return rc == 0 ? 0 : -EAGAIN;
}

int seq_local_start(const struct seq_local_config *c, struct sequencer **ret)
{
	struct seq *q = seq_new(c);
	int rc;

	if (q == NULL)
		return -ENOMEM;
	rc = params_decode(c->params, &q->params);
	q->chain = block_hash(c->b0);
	if (rc == 0)
		rc = begin(q);
	if (rc == -EAGAIN || rc == -EPIPE) {
		q->retry_ms = mono(q) + PAUSE_FIRST_MS;
		rc = 0; /* numbers have time: buckets are away */
	}
	if (rc != 0) {
		seq_free(q);
		return rc;
	}
	*ret = &q->base;
	return 0;
}

/* -- work */

static int settle_owed(struct seq *q)
{
	for (; q->owed < q->owed_end; q->owed++) {
		cleanup(buf) struct buf object = {0};
		int rc = q->c.local->ops->number(q->c.local, q->owed, &object);

		if (rc == 0)
			rc = seq_push(q, q->owed, BUF_BYTES(&object));
		if (rc != 0)
			return -EAGAIN;
	}
	return 0;
}

static int repeat(struct seq *q, struct bytes b, struct bytes t,
	struct buf *ret_s)
{
	struct block block;
	struct hash ht = timestamp_hash(t);
	uint8_t y[SEQUENCE_Y];

	if (q->last_s.n == 0 || block_decode(b, &block) != 0)
		return -ENOENT;
	sequence_y_block(block.u, &ht, y);
	if (memcmp(y, q->last.y, sizeof(y)) != 0)
		return -ENOENT;
	return buf_copy(BUF_BYTES(&q->last_s), ret_s);
}

static int ask_number(struct seq *q, struct bytes b, uint64_t t_type,
	struct bytes t, struct buf *ret_s)
{
	const struct wire w = {.op = WIRE_SEQUENCE, .n_numbers = 1,
		.n_items = 2, .number = {t_type}, .item = {b, t}};
	struct wire answer;
	struct sequence s;
	struct buf copy = {0};
	int rc = seq_ask(q, &w, &answer);

	if (rc == -EMSGSIZE)
		return -EKEYREJECTED; /* no block and stamp is that long */
	if (rc == 0)
		rc = take_statement(&answer, ret_s, &s);
	if (rc == 0)
		rc = buf_copy(BUF_BYTES(ret_s), &copy);
	if (rc != 0) {
		buf_free(ret_s);
		return rc == -ESTALE || rc == -EKEYREJECTED ? rc : -EAGAIN;
	}
	buf_free(&q->last_s);
	q->last_s = copy;
	q->last = s;
	return 0;
}

/* A repeat may be of an epoch that is over. */
static int document_with_last(struct seq *q, struct buf *ret)
{
	if (q->last.epoch != q->epoch)
		return seq_document_with(q, &q->last, ret);
	return q->last.k == q->first_k ? buf_copy(BUF_BYTES(&q->doc), ret) : 0;
}

static int sequence(struct sequencer *base, struct bytes b, uint64_t t_type,
	struct bytes t, struct sequenced *ret)
{
	struct seq *q = self(base);
	locked(&q->lock);
	struct sequenced r = {{0}, {0}};
	int rc = repeat(q, b, t, &r.s);

	if (rc == -ENOENT)
		rc = seq_link_up(&q->link) ? 0 : revive(q);
	if (rc == 0 && r.s.n == 0)
		rc = settle_owed(q);
	if (rc == 0 && r.s.n == 0)
		rc = ask_number(q, b, t_type, t, &r.s);
	if (rc == 0)
		rc = document_with_last(q, &r.doc);
	if (rc != 0) {
		sequenced_done(&r);
		return rc;
	}
	*ret = r;
	return 0;
}

static int document(struct sequencer *base, struct buf *ret)
{
	struct seq *q = self(base);
	locked(&q->lock);

	if (q->doc.n == 0)
		return -EAGAIN;
	return buf_copy(BUF_BYTES(&q->doc), ret);
}

static int checkpoint(
	struct sequencer *base, uint64_t size, struct sequenced_log *ret)
{
	struct seq *q = self(base);
	locked(&q->lock);
	const struct wire w = {.op = WIRE_CHECKPOINT, .n_numbers = 1,
		.number = {size}};
	struct sequenced_log l = {.epoch = q->epoch};
	struct wire answer;
	int rc = seq_link_up(&q->link) ? seq_ask(q, &w, &answer) : -EAGAIN;

	if (rc == 0 && (answer.n_items != 2 ||
			answer.item[1].n != sizeof(l.signature)))
		rc = -EBADMSG;
	if (rc == 0)
		rc = buf_copy(answer.item[0], &l.note);
	if (rc != 0)
		return rc == -ENOENT ? rc : -EAGAIN;
	memcpy(l.signature, answer.item[1].p, sizeof(l.signature));
	*ret = l;
	return 0;
}

static void free_base(struct sequencer *base)
{
	if (base != NULL)
		seq_free(self(base));
}

static const struct sequencer_ops ops = {
	sequence, document, checkpoint, free_base};

/* -- end */

/* A number that is no block's, as it is stored. */
static int handover_object(
	struct seq *q, struct bytes s, const struct sequence *seq,
	struct buf *ret)
{
	struct number n = {.s = s};

	if (seq->epoch == q->epoch && seq->k == q->first_k)
		n.doc = BUF_BYTES(&q->doc);
	return number_encode(&n, ret);
}

int seq_local_handover(struct sequencer *base, struct buf *ret_object)
{
	struct seq *q = self(base);
	locked(&q->lock);
	const struct wire w = {.op = WIRE_HANDOVER};
	cleanup(buf) struct buf object = {0};
	cleanup(buf) struct buf s = {0};
	struct wire answer;
	struct sequence seq;
	bool in_order = false;
	int rc = q->c.local == NULL ? 0 : seq_adopt(q);

	if (rc == 0 && q->c.local != NULL)
		in_order = seq_owed_before(q) == 0;
	if (rc == 0)
		rc = seq_ask(q, &w, &answer);
	q->over = rc == 0;
	if (rc == 0)
		rc = take_statement(&answer, &s, &seq);
	if (rc == 0)
		rc = handover_object(q, BUF_BYTES(&s), &seq, &object);
	seq_link_stop(&q->link);
	fault_point("handover.got");
	if (rc == 0 && q->c.local != NULL)
		rc = seq_owe(q, seq.k);
	fault_point("handover.owed");
	if (rc == 0 && q->c.local != NULL)
		rc = q->c.local->ops->put_number(
			q->c.local, seq.k, BUF_BYTES(&object));
	fault_point("handover.kept");
	/* What does not get there now is put at the next start. */
	if (rc == 0 && in_order && q->c.replica != NULL &&
		settle_owed(q) == 0)
		seq_push(q, seq.k, BUF_BYTES(&object));
	if (rc == 0 && ret_object != NULL) {
		*ret_object = object;
		object = (struct buf){0}; /* the caller has it */
	}
	return rc;
}

pid_t seq_local_attestor_pid(struct sequencer *base)
{
	struct seq *q = self(base);
	locked(&q->lock);

	return q->link.attestor;
}

pid_t seq_local_enclave_pid(struct sequencer *base)
{
	struct seq *q = self(base);
	locked(&q->lock);

	return q->link.enclave;
}

const char *seq_local_isolation(struct sequencer *base)
{
	struct seq *q = self(base);
	locked(&q->lock);

	return q->isolation;
}
