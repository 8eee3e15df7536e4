/* The write path under faults and crashes at every arrow. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local_sqlite.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/timestamp.h"
#include "tests/lib/sim_services.h"
#include "tests/tap/tap.h"

#define STEPS_MAX 20000	/* of one run: more is a run that does not end */
#define LARGE (PACK_FILE_MAX + 5)

static struct mkchain chain;

static void cleanup_local_block(struct local_block *b)
{
	local_block_done(b);
}

struct run {
	struct sim sim;
	struct notary *notary;
	struct notary_limits limits;
	uint64_t queued;	/* records */
	unsigned reopened;
	const char *wrong;
};

static void wrong(struct run *r, const char *what)
{
	if (r->wrong == NULL)
		r->wrong = what;
}

static void reopen(struct run *r)
{
	struct notary_services s = sim_as_services(&r->sim);

	notary_free(r->notary);
	r->notary = NULL;
	r->sim.down = false;
	r->reopened++;
	if (notary_open(&s, BUF_BYTES(&chain.params_raw), r->limits,
		    &r->notary) != 0)
		bail("the notary does not open");
}

static void start(struct run *r, uint64_t seed, struct notary_limits limits)
{
	struct local *real = NULL;

	*r = (struct run){.limits = limits};
	if (local_sqlite_open(":memory:", true, false, &real) != 0)
		bail("no database");
	sim_init(&r->sim, &chain, real, seed);
	reopen(r);
}

static void end(struct run *r)
{
	notary_free(r->notary);
	sim_done(&r->sim);
}

/* Queues one record; large ones wait for their extents. */
static void queue(struct run *r, enum record_kind kind, uint64_t size)
{
	struct local *l = r->sim.real;
	struct record record = {.kind = kind, .size = size, .mode = 0644};
	struct local_record q = {.kind = kind, .ready = true, .size = size};
	struct hash tops[4];
	cleanup(buf) struct buf d = {0};
	char path[64];
	uint64_t id = 0;

	snprintf(path, sizeof(path), "%s-%" PRIu64 "/file%c",
		size > PACK_FILE_MAX ? "large" : "small", r->queued,
		(char)('a' + r->queued % 26));
	record.path = q.path = BYTES(path, strlen(path));
	prng_fill(&r->sim.random, record.salt, sizeof(record.salt));
	if (kind == RECORD_PUT)
		record.root = prng_hash(&r->sim.random);
	if (record_encode(&record, &d) != 0)
		bail("cannot encode a record");
	q.d = BUF_BYTES(&d);
	if (size > PACK_FILE_MAX) {
		prng_fill(&r->sim.random, tops, sizeof(tops));
		q.ready = false;
		q.extents = BYTES(tops, chunktree_extents(size) * HASH_LEN);
	}
	if (l->ops->queue(l, &q, 1, &id) != 0)
		bail("cannot queue");
	r->queued++;
}

/* A mixture: folders, empty, small and (if asked) one large file. */
static void queue_some(struct run *r, unsigned n, bool large)
{
	unsigned i;

	for (i = 0; i < n; i++)
		queue(r, i % 5 == 4 ? RECORD_MKDIR : RECORD_PUT,
			i % 5 == 4 ? 0 : i * 37 % 3000);
	if (large)
		queue(r, RECORD_PUT, LARGE);
}

static int (*const steps[])(struct notary *) = {batchit_step, zipit_step,
	extentit_step, storeit_step, sequenceit_step, lagit_step};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static bool all_final(struct run *r)
{
	struct local_counts c;

	return r->sim.real->ops->counts(r->sim.real, &c) == 0 &&
		c.queued_records == 0;
}

static void check_flight(struct run *r)
{
	struct local *l = r->sim.real;
	uint64_t tip = 0, final = 0;

	if (l->ops->tip(l, LOCAL_BATCHED, &tip) != 0 ||
		l->ops->tip(l, LOCAL_FINAL, &final) != 0 ||
		tip - final > r->limits.in_flight)
		wrong(r, "more blocks in flight than the limit");
}

/* One step, chosen at random, as a driver might; a crash reopens. */
static int step(struct run *r)
{
	int rc;

	r->sim.ms += prng_below(&r->sim.random, 20);
	rc = steps[prng_below(&r->sim.random, STEPS)](r->notary);
	check_flight(r);
	if (r->sim.down)
		reopen(r);
	return rc;
}

static void run(struct run *r)
{
	unsigned i;

	for (i = 0; i < STEPS_MAX && !all_final(r); i++)
		step(r);
	if (!all_final(r))
		wrong(r, "not everything became final");
}

/* -- What must hold at the end, from buckets and local. */

struct seen {
	struct run *r;
	uint8_t *times;		/* each id was seen in a block */
	uint32_t index;		/* next of this block */
	uint64_t sum, length;	/* of the payload */
	const struct meta *m;
};

static int see(void *ctx, const struct local_record *q)
{
	struct seen *s = ctx;

	if (q->id > s->r->queued || s->times[q->id]++ != 0)
		wrong(s->r, "a record is in two blocks");
	if (q->index != s->index || q->index >= s->m->n ||
		!bytes_equal(q->d, s->m->d[q->index]))
		wrong(s->r, "META does not hold the records in order");
	if (q->kind == RECORD_PUT && q->size <= PACK_FILE_MAX) {
		s->sum = sim_sum(q->path, 0, q->size, s->sum);
		s->length += q->size;
	}
	s->index++;
	return 0;
}

/* The block at this height is in the buckets, and holds what local says. */
static void check_block(struct run *r, uint64_t h, uint8_t *times)
{
	struct local *l = r->sim.real;
	cleanup(local_block) struct local_block b = {0};
	struct sim_object *o;
	struct hash *dh, hmeta;
	struct merkle *tree = NULL;
	struct block block;
	struct meta m = {0};
	struct seen s = {.r = r, .times = times, .m = &m};
	char key[OBJECT_KEY_MAX];
	size_t i;

	if (l->ops->block(l, h, &b) != 0 || b.state != LOCAL_FINAL) {
		wrong(r, "a block is missing");
		return;
	}
	object_key_pack(&b.hmeta, key);
	o = sim_object(&r->sim, key);
	if (o == NULL || __builtin_popcount(o->buckets) < SIM_QUORUM ||
		meta_decode(BUF_BYTES(&o->data), &m) != 0) {
		wrong(r, "a final block is not in the buckets");
		return;
	}
	hmeta = hash_sha3(BUF_BYTES(&o->data));
	dh = calloc(m.n, sizeof(*dh));
	for (i = 0; i < m.n; i++)
		dh[i] = hash_sha3(m.d[i]);
	if (!hash_equal(&hmeta, &b.hmeta) || m.n == 0 ||
		!bytes_equal(m.b, BUF_BYTES(&b.b)) ||
		!bytes_equal(m.t, BUF_BYTES(&b.t)) ||
		block_decode(m.b, &block) != 0 ||
		merkle_new(dh, m.n, &tree) != 0)
		wrong(r, "META is not that of the block");
	else if (memcmp(merkle_root(tree).b, block.mh.b, HASH_LEN) != 0)
		wrong(r, "the block is not over the tree of its records");
	if (l->ops->records(l, h, see, &s) != 0 || s.index != m.n ||
		s.sum != o->sum || s.length != o->length)
		wrong(r, "the payload is not the contents in order");
	merkle_free(tree);
	free(dh);
	meta_done(&m);
}

static void feed_pack(struct chain *c, struct bytes data)
{
	struct meta m;
	struct block b;
	struct timestamp t;
	struct hash hb, ht;

	if (meta_decode(data, &m) != 0 || block_decode(m.b, &b) != 0)
		return;
	hb = block_hash(m.b);
	ht = timestamp_hash(m.t);
	if (timestamp_validate(&chain.params, m.t_type, m.t, m.b, &t) == V_VALID &&
		chain_add_block(c, &hb, b.u, &b.mh, &b.th) == 0)
		chain_add_stamp(c, &ht, &t.y, true);
	meta_done(&m);
}

static void feed_number(struct chain *c, struct bytes data)
{
	struct number n;
	struct sequence s;

	if (number_decode(data, &n) != 0 ||
		sequence_open(n.s, BUF_BYTES(&chain.key0), &s) != V_VALID)
		return;
	if (s.type == SEQUENCE_BLOCK)
		chain_add_number(c, s.k, s.y);
	else
		chain_add_other(c, s.k, s.y);
}

/* omc over block zero and all that lies in the buckets. */
static struct chain *omc(struct run *r)
{
	struct bytes b0 = BUF_BYTES(&chain.b0), t0 = BUF_BYTES(&chain.t0);
	struct chain *c = chain_new(&chain.anchor, false);
	struct hash ht = timestamp_hash(t0);
	struct sim_object *o;
	struct block b;

	if (block_decode(b0, &b) != 0)
		bail("block zero");
	chain_add_block(c, &chain.anchor, b.u, &b.mh, &b.th);
	chain_add_stamp(c, &ht, &chain.anchor, true);
	chain_add_number(c, 0, r->sim.given[0].y);
	for (o = r->sim.objects; o != NULL; o = o->next) {
		if (__builtin_popcount(o->buckets) < SIM_QUORUM)
			continue;
		if (o->key[0] == 'p')
			feed_pack(c, BUF_BYTES(&o->data));
		else if (o->key[0] == 'a')
			feed_number(c, BUF_BYTES(&o->data));
	}
	return c;
}

static void check_chain(struct run *r, uint64_t height)
{
	struct local *l = r->sim.real;
	struct chain *c = omc(r);
	struct chain_link at;
	uint64_t h;

	if (chain_length(c) != height + 1)
		wrong(r, "omc over the buckets is not the local chain");
	for (h = 1; h <= height && chain_at(c, h, &at) == 0; h++) {
		cleanup(local_block) struct local_block b = {0};
		struct hash hb;

		if (l->ops->block(l, h, &b) != 0)
			break;
		hb = block_hash(BUF_BYTES(&b.b));
		if (!hash_equal(&hb, &at.hb) || b.k != at.k)
			wrong(r, "omc has another block or number");
	}
	chain_free(c);
}

static void check(struct run *r)
{
	struct local *l = r->sim.real;
	cleanup(free) uint8_t *times = calloc(r->queued + 1, 1);
	uint64_t h, tip = 0, i;

	if (l->ops->tip(l, LOCAL_FINAL, &tip) != 0)
		bail("no tip");
	for (h = 1; h <= tip; h++)
		check_block(r, h, times);
	for (i = 1; i <= r->queued; i++)
		if (times[i] != 1)
			wrong(r, "a record is in no block");
	check_chain(r, tip);
	if (r->sim.wrong != NULL)
		wrong(r, r->sim.wrong);
}

static const struct notary_limits small = {4, 5000, 3, 10, 30};

/* One run with a fault at event n; true when it came to that event. */
static bool sweep_one(enum sim_fault kind, uint64_t n, const char **ret_wrong)
{
	struct run r;
	bool reached;

	start(&r, 7 + n, small);
	r.sim.kind = kind;
	r.sim.fail_at = n;
	queue_some(&r, 11, false);
	run(&r);
	check(&r);
	reached = r.sim.events >= n;
	*ret_wrong = r.wrong;
	end(&r);
	return reached;
}

static void t_sweep(enum sim_fault kind, const char *what)
{
	const char *wrong_one = NULL;
	uint64_t n = 0;

	while (wrong_one == NULL && sweep_one(kind, ++n, &wrong_one))
		;
	ok(wrong_one == NULL && n > 20, "%s at every call, %" PRIu64 " of them",
		what, n - 1);
	if (wrong_one != NULL)
		diag("at call %" PRIu64 ": %s", n, wrong_one);
}

static void t_random(void)
{
	uint64_t seed = prng_seed(), i;
	const char *bad = NULL;
	unsigned reopened = 0;

	for (i = 0; i < 60 && bad == NULL; i++) {
		struct run r;
		unsigned more;

		start(&r, seed + i, small);
		r.sim.rate = 12;
		for (more = 0; more < 5; more++) {
			queue_some(&r, (unsigned)prng_below(&r.sim.random, 12),
				i % 10 == 0 && more == 0);
			while (prng_below(&r.sim.random, 40) != 0)
				step(&r);
			if (prng_below(&r.sim.random, 4) == 0)
				sim_recover(&r.sim);
		}
		run(&r);
		check(&r);
		bad = r.wrong;
		reopened += r.reopened;
		end(&r);
	}
	ok(bad == NULL, "60 histories of faults, crashes and recoveries"
		" (seed %" PRIu64 ")", seed);
	if (bad != NULL)
		diag("history %" PRIu64 ": %s", i - 1, bad);
	ok(reopened > 100, "with %u crashes", reopened);
}

/* All steps until none does anything. */
static void settle(struct run *r)
{
	size_t i;
	int did;

	do {
		did = 0;
		for (i = 0; i < STEPS; i++)
			while (steps[i](r->notary) == 1)
				did = 1;
		r->sim.ms += 1000; /* more than any interval here */
	} while (did);
}

static void t_stale(void)
{
	struct run r;
	struct local *l;
	uint64_t tip = 0;
	int rc;

	start(&r, 1, small);
	l = r.sim.real;
	queue_some(&r, 8, false);
	while (storeit_step(r.notary) != 1) {
		batchit_step(r.notary);
		zipit_step(r.notary);
		r.sim.ms += 10;
	}
	sim_recover(&r.sim);
	is_int(sequenceit_step(r.notary), -ESTALE,
		"a block that commits to the document before loses");
	rc = l->ops->tip(l, LOCAL_BATCHED, &tip);
	ok(rc == 0 && tip == 0, "it is dropped and all above it");
	is_int(batchit_step(r.notary), 0, "nothing is batched at once");
	ok(notary_delay(r.notary) <= 100, "but soon");
	r.sim.ms += 100;
	settle(&r);
	ok(all_final(&r), "the same records become final in other blocks");
	check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "and all of them hold");
	end(&r);
}

static void t_gap(void)
{
	struct run r;
	struct local *l;
	uint64_t tip = 9;

	start(&r, 2, small);
	l = r.sim.real;
	r.sim.next_k = 2; /* nobody has number 1 */
	queue_some(&r, 2, false);
	settle(&r);
	is_int(sequenceit_step(r.notary), -ENODATA,
		"a block above a number that nobody has is not final");
	is_int(l->ops->tip(l, LOCAL_FINAL, &tip), 0, "nor called so");
	is_int(tip, 0, "in the database");
	end(&r);
}

static int count_lag(void *ctx, const char *key, uint32_t buckets,
	uint64_t source)
{
	(void)key;
	(void)source;
	(void)buckets;
	++*(unsigned *)ctx;
	return 0;
}

static unsigned lags(struct run *r)
{
	unsigned n = 0;

	r->sim.real->ops->lags(r->sim.real, count_lag, &n);
	return n;
}

static void t_lag(void)
{
	struct run r;
	struct sim_object *o;
	struct notary_health health;
	unsigned calls, i, everywhere = 0, objects = 0;

	start(&r, 3, small);
	r.sim.dead = 1 << 5;
	queue_some(&r, 12, true);
	settle(&r);
	ok(all_final(&r), "five buckets are enough to become final");
	ok(lags(&r) >= 7, "and what the sixth lacks is noted");
	notary_bucket_health(r.notary, 5, &health);
	ok(health.ok_ms == 0 && health.error == -EIO, "its health says so");
	notary_bucket_health(r.notary, 4, &health);
	ok(health.ok_ms != 0 && health.error == 0, "the fifth is well");
	calls = r.sim.bucket_calls[5];
	for (i = 0; i < 3600 * 10; i++) {
		r.sim.ms += 100;
		lagit_step(r.notary);
	}
	calls = r.sim.bucket_calls[5] - calls;
	ok(calls >= 50 && calls <= 90,
		"a bucket dead for an hour is asked once a minute: %u", calls);
	reopen(&r);
	r.sim.dead = 0;
	r.sim.ms += 61000;
	for (i = 0; i < 100 && lags(&r) > 0; i++)
		lagit_step(r.notary);
	is_int(lags(&r), 0, "when it is back it gets all, after a restart too");
	for (o = r.sim.objects; o != NULL; o = o->next) {
		objects++;
		everywhere += o->buckets == (1 << SIM_BUCKETS) - 1;
	}
	is_int(everywhere, objects, "every object is in every bucket");
	is_int(lagit_step(r.notary), 0, "and there is nothing left to do");
	check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "the same bytes each time");
	end(&r);
}

static void t_quorum(void)
{
	struct run r;
	uint64_t tip = 0;
	struct local *l;

	start(&r, 4, small);
	l = r.sim.real;
	r.sim.dead = 3 << 4;
	queue_some(&r, 3, false);
	settle(&r);
	is_int(storeit_step(r.notary), -EAGAIN, "four buckets are not enough");
	is_int(sequenceit_step(r.notary), 0, "so no number is asked for");
	ok(l->ops->tip(l, LOCAL_SEQUENCED, &tip) == 0 && tip == 0,
		"and none is given");
	r.sim.dead = 0;
	settle(&r);
	ok(all_final(&r), "the fifth being back, all goes on");
	end(&r);
}

static void t_large(void)
{
	struct run r;
	struct local_counts c;

	start(&r, 5, small);
	r.sim.content_gone = true;
	queue(&r, RECORD_PUT, LARGE);
	queue_some(&r, 3, false);
	is_int(extentit_step(r.notary), -EIO, "a file that is gone fails");
	settle(&r);
	ok(r.sim.real->ops->counts(r.sim.real, &c) == 0 &&
			c.queued_records == 1 && c.final_records == 3,
		"others do not wait for it");
	r.sim.content_gone = false;
	settle(&r);
	ok(all_final(&r), "it follows when it is there again");
	check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "and all holds");
	end(&r);
}

static void t_batch(void)
{
	struct notary_limits limits = {4, 5000, 2, 1000, 0};
	struct run r;
	struct local_block b = {0};
	struct local *l;

	start(&r, 6, limits);
	l = r.sim.real;
	is_int(batchit_step(r.notary), 0, "no block is empty");
	ok(notary_delay(r.notary) == UINT64_MAX, "nothing to wait for");
	queue_some(&r, 3, false);
	is_int(batchit_step(r.notary), 1, "after a rest a block starts at once");
	queue_some(&r, 1, false);
	is_int(batchit_step(r.notary), 0, "the next one not");
	ok(notary_delay(r.notary) <= 1000, "but within the interval");
	notary_hurry(r.notary);
	is_int(batchit_step(r.notary), 0, "nor before the last is stamped");
	is_int(zipit_step(r.notary), 1, "which it is");
	is_int(batchit_step(r.notary), 1, "then a hurry ends the wait");
	zipit_step(r.notary);
	queue_some(&r, 9, false);
	is_int(batchit_step(r.notary), 0, "two are in flight: no third");
	settle(&r);
	is_int(l->ops->block(l, 3, &b), 0, "which comes later");
	is_int(b.n, 4, "with as many records as fit");
	local_block_done(&b);
	ok(all_final(&r), "and so all become final");
	end(&r);
}

static void t_gather(void)
{
	struct notary_limits limits = {4, 5000, 3, 10, 1000};
	struct run r;
	struct local_block b = {0};

	start(&r, 7, limits);
	queue_some(&r, 1, false);
	is_int(batchit_step(r.notary), 1, "with nothing on its way a block starts at once");
	is_int(zipit_step(r.notary), 1, "and is stamped");
	r.sim.ms += 20;
	queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 0, "while it is not final, records gather");
	ok(notary_delay(r.notary) > 10 && notary_delay(r.notary) <= 1000,
		"no longer than that");
	queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 1, "a whole block does not wait");
	zipit_step(r.notary);
	queue_some(&r, 1, false);
	r.sim.ms += 1000;
	is_int(batchit_step(r.notary), 1, "nor what has waited long enough");
	settle(&r);
	r.sim.ms += 20;
	queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 1, "nor anything when all is final");
	is_int(r.sim.real->ops->block(r.sim.real, 4, &b), 0, "which is the fourth");
	is_int(b.n, 2, "with what there was");
	local_block_done(&b);
	settle(&r);
	ok(all_final(&r), "and all become final");
	end(&r);
}

int main(void)
{
	plan(0);
	mkchain_init(&chain, 0);
	t_batch();
	t_gather();
	t_stale();
	t_gap();
	t_quorum();
	t_lag();
	t_large();
	t_sweep(SIM_FAIL_BEFORE, "a call fails before it takes effect");
	t_sweep(SIM_FAIL_AFTER, "it takes effect and then fails");
	t_sweep(SIM_CRASH_BEFORE, "a crash before it");
	t_sweep(SIM_CRASH_AFTER, "a crash after it");
	t_random();
	mkchain_done(&chain);
	return done();
}
