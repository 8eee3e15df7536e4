#include "tests/lib/sim_impl.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

int sim_event(struct sim *s)
{
	bool hit = ++s->events == s->fail_at;
	enum sim_fault kind = s->kind;

	if (s->down)
		return -EIO;
	if (!hit && s->rate > 0 && prng_below(&s->random, s->rate) == 0) {
		hit = true;
		kind = (enum sim_fault)prng_below(&s->random, SIM_FAULTS);
	}
	if (!hit)
		return 0;
	if (kind == SIM_CRASH_BEFORE || kind == SIM_CRASH_AFTER)
		s->down = true;
	return kind == SIM_FAIL_AFTER || kind == SIM_CRASH_AFTER ? 1 : -EAGAIN;
}

void sim_broken(struct sim *s, const char *rule)
{
	if (s->wrong == NULL)
		s->wrong = rule;
}

static uint64_t now_ms(struct clock *c)
{
	return MKCHAIN_AT + OF(clock, c)->ms;
}

static uint64_t mono_ms(struct clock *c)
{
	return OF(clock, c)->ms;
}

static void fill(struct entropy *e, void *p, size_t n)
{
	prng_fill(&OF(entropy, e)->random, p, n);
}

static int stamp(struct timestamper *t, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct sim *s = OF(timestamper, t);
	struct hash y = block_hash(b);
	struct buf made = {0};
	int e = sim_event(s);

	if (e < 0)
		return e;
	if (timestamp_local_make(s->chain->seed, &y, MKCHAIN_AT + s->ms++,
		    &made) != 0)
		bail("cannot stamp");
	if (e == 1) {
		buf_free(&made);
		return -EAGAIN;
	}
	*ret_type = TIMESTAMP_LOCAL;
	*ret = made;
	return 0;
}

uint8_t sim_byte(struct bytes path, uint64_t off)
{
	return (uint8_t)(path.p[path.n - 1] + off % 251);
}

uint64_t sim_sum(struct bytes path, uint64_t off, uint64_t n, uint64_t sum)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		sum = sum * 31 + sim_byte(path, off + i);
	return sum;
}

static int content_read(struct content_store *c,
	const struct content_name *name, uint64_t off, void *ret, size_t n)
{
	struct bytes path = name->path;
	struct sim *s = OF(content, c);
	uint8_t *p = ret;
	size_t i;

	if (s->content_gone && path.n >= 5 && memcmp(path.p, "large", 5) == 0)
		return -EIO;
	for (i = 0; i < n; i++)
		p[i] = sim_byte(path, off + i);
	return 0;
}

struct sim_object *sim_object(struct sim *s, const char *key)
{
	struct sim_object *o;

	for (o = s->objects; o != NULL; o = o->next)
		if (strcmp(o->key, key) == 0)
			return o;
	return NULL;
}

bool sim_has_number(struct sim *s, uint64_t k)
{
	char key[OBJECT_KEY_MAX];
	struct sim_object *o;

	object_key_number(k, key);
	o = sim_object(s, key);
	return k == 0 || (o != NULL && sim_at_quorum(o));
}

/* The buckets get numbers in their order: a gap could not be passed by who
 * has only them. */
static void in_order(struct sim *s, const char *key)
{
	char at[OBJECT_KEY_MAX];
	uint64_t k;

	for (k = 1; k < s->next_k; k++) {
		object_key_number(k, at);
		if (strcmp(at, key) == 0)
			return;
		if (!sim_has_number(s, k)) {
			sim_broken(s, "a number is put before one below it");
			return;
		}
	}
}

int sim_put(struct sim *s, const char *key, const struct sim_object *want,
	struct bytes data, struct replica_report *report)
{
	struct sim_object *o = sim_object(s, key);
	unsigned i, stored = 0;

	if (key[0] == 'a')
		in_order(s, key);
	if (o == NULL) {
		o = calloc(1, sizeof(*o));
		*o = *want;
		strcpy(o->key, key);
		buf_copy(data, &o->data);
		o->next = s->objects;
		s->objects = o;
	} else if (!bytes_equal(BUF_BYTES(&o->data), data) ||
		o->whole != want->whole || o->length != want->length ||
		o->sum != want->sum) {
		sim_broken(s, "an object is put with other bytes");
		return -EAGAIN;
	}
	for (i = 0; i < SIM_BUCKETS; i++) {
		s->bucket_calls[i]++;
		if ((s->dead >> i & 1) != 0) {
			report->error[i] = -EIO;
			continue;
		}
		o->buckets |= UINT32_C(1) << i;
		report->stored |= UINT32_C(1) << i;
		stored++;
	}
	return stored >= SIM_QUORUM ? 0 : -EAGAIN;
}

static int put_whole(struct replica *r, const char *key, struct bytes data,
	struct replica_report *report)
{
	struct sim *s = OF(replica, r);
	struct sim_object want = {.whole = true};
	int e = sim_event(s), rc;

	if (e < 0)
		return e;
	*report = (struct replica_report){0};
	rc = sim_put(s, key, &want, data, report);
	return rc == 0 && e == 1 ? -EAGAIN : rc;
}

static int put_coded(struct replica *r, const char *key, struct bytes meta,
	uint64_t length, const struct source *payload,
	struct replica_report *report)
{
	struct sim *s = OF(replica, r);
	struct sim_object want = {.length = length};
	uint8_t piece[5000]; /* of no special size */
	uint64_t at, i, n;
	int e = sim_event(s), rc;

	if (e < 0)
		return e;
	*report = (struct replica_report){0};
	for (at = 0; at < length; at += n) {
		n = length - at < sizeof(piece) ? length - at : sizeof(piece);
		rc = payload->read(payload->ctx, at, piece, n);
		if (rc < 0)
			return rc;
		for (i = 0; i < n; i++)
			want.sum = want.sum * 31 + piece[i];
	}
	rc = sim_put(s, key, &want, meta, report);
	return rc == 0 && e == 1 ? -EAGAIN : rc;
}

/* A commit that may fail. */
#define COMMIT(l, call)                                                        \
	do {                                                                   \
		struct sim *s_ = OF(local, l);                                 \
		struct local *r = s_->real;                                    \
		int e_ = sim_event(s_), rc_;                                       \
		if (e_ < 0)                                                    \
			return e_;                                             \
		rc_ = r->ops->call;                                            \
		return rc_ == 0 && e_ == 1 ? -EIO : rc_;                       \
	} while (0)
#define READ(l, call)                                                          \
	do {                                                                   \
		struct local *r = OF(local, l)->real;                          \
		return OF(local, l)->down ? -EIO : r->ops->call;               \
	} while (0)

static int l_set_ready(struct local *l, uint64_t id)
{
	COMMIT(l, set_ready(r, id));
}

static int l_queued(struct local *l, bool ready, uint64_t after,
	local_visit *visit, void *ctx)
{
	READ(l, queued(r, ready, after, visit, ctx));
}

static int l_records(struct local *l, uint64_t height, local_visit *visit,
	void *ctx)
{
	READ(l, records(r, height, visit, ctx));
}

static int l_record(struct local *l, uint64_t id, local_visit *visit,
	void *ctx)
{
	READ(l, record(r, id, visit, ctx));
}

static int l_counts(struct local *l, struct local_counts *ret)
{
	READ(l, counts(r, ret));
}

static int l_put_block(struct local *l, uint64_t height, struct bytes b,
	const uint64_t *ids, size_t n, uint64_t bytes)
{
	COMMIT(l, put_block(r, height, b, ids, n, bytes));
}

static int l_put_stamp(struct local *l, uint64_t height, uint64_t t_type,
	struct bytes t, const struct hash *hmeta)
{
	COMMIT(l, put_stamp(r, height, t_type, t, hmeta));
}

static int l_put_sequence(struct local *l, uint64_t height, uint64_t k,
	struct bytes s, struct bytes object)
{
	COMMIT(l, put_sequence(r, height, k, s, object));
}

static int l_set_final(struct local *l, uint64_t height)
{
	COMMIT(l, set_final(r, height));
}

static int l_requeue(struct local *l, uint64_t height)
{
	COMMIT(l, requeue(r, height));
}

static int l_block(struct local *l, uint64_t height, struct local_block *ret)
{
	READ(l, block(r, height, ret));
}

static int l_tip(struct local *l, enum local_state state, uint64_t *ret)
{
	READ(l, tip(r, state, ret));
}

static int l_number(struct local *l, uint64_t k, struct buf *ret)
{
	READ(l, number(r, k, ret));
}

static int l_set_lag(struct local *l, const char *key, uint32_t buckets,
	uint64_t source)
{
	COMMIT(l, set_lag(r, key, buckets, source));
}

static int l_lags(struct local *l,
	int (*visit)(void *ctx, const char *key, uint32_t buckets,
		uint64_t source),
	void *ctx)
{
	READ(l, lags(r, visit, ctx));
}

/* The calls that the write path makes, and no others. */
static const struct local_ops local_ops = {
	.set_ready = l_set_ready,
	.queued = l_queued,
	.records = l_records,
	.record = l_record,
	.counts = l_counts,
	.put_block = l_put_block,
	.put_stamp = l_put_stamp,
	.put_sequence = l_put_sequence,
	.set_final = l_set_final,
	.requeue = l_requeue,
	.block = l_block,
	.tip = l_tip,
	.number = l_number,
	.set_lag = l_set_lag,
	.lags = l_lags,
};

void sim_init(struct sim *s, struct mkchain *chain, struct local *real,
	uint64_t seed)
{
	static const struct clock_ops clock_ops = {now_ms, mono_ms};
	static const struct entropy_ops entropy_ops = {fill};
	static const struct timestamper_ops timestamper_ops = {.stamp = stamp};
	static const struct replica_ops replica_ops = {
		.put_whole = put_whole, .put_coded = put_coded};
	static const struct content_store_ops content_ops = {content_read};

	*s = (struct sim){
		.clock = {&clock_ops},
		.entropy = {&entropy_ops},
		.timestamper = {&timestamper_ops, "simulated"},
		.sequencer = {&sim_sequencer, "simulated"},
		.replica = {&replica_ops, SIM_BUCKETS, 3, SIM_QUORUM},
		.content = {&content_ops},
		.local = {&local_ops},
		.chain = chain,
		.random = {seed},
		.real = real,
		.ms = 1000,
	};
	buf_copy(BUF_BYTES(&chain->doc), &s->doc);
	sim_genesis(s);
}

void sim_done(struct sim *s)
{
	struct sim_object *o;
	size_t i;

	while ((o = s->objects) != NULL) {
		s->objects = o->next;
		buf_free(&o->data);
		free(o);
	}
	for (i = 0; i < SIM_NUMBERS; i++) {
		buf_free(&s->given[i].s);
		buf_free(&s->given[i].doc);
	}
	buf_free(&s->doc);
	s->real->ops->free(s->real);
}

struct notary_services sim_as_services(struct sim *s)
{
	return (struct notary_services){&s->local, &s->replica,
		&s->timestamper, &s->sequencer, &s->content, &s->clock,
		&s->entropy};
}
