/* The write path under faults and crashes at every arrow. */
#include <errno.h>
#include <inttypes.h>

#include "tests/lib/simrun.h"
#include "tests/tap/tap.h"

static struct mkchain chain;

static const struct notary_limits small = {4, 5000, 3, 10, 30};

/* One run with a fault at event n; true when it came to that event. */
static bool sweep_one(enum sim_fault kind, uint64_t n, const char **ret_wrong)
{
	struct simrun r;
	bool reached;

	simrun_start(&r, &chain, 7 + n, small);
	r.sim.kind = kind;
	r.sim.fail_at = n;
	simrun_queue_some(&r, 11, false);
	simrun_finish(&r);
	simrun_check(&r);
	reached = r.sim.events >= n;
	*ret_wrong = r.wrong;
	simrun_end(&r);
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
		struct simrun r;
		unsigned more;

		simrun_start(&r, &chain, seed + i, small);
		r.sim.rate = 12;
		for (more = 0; more < 5; more++) {
			simrun_queue_some(&r,
				(unsigned)prng_below(&r.sim.random, 12),
				i % 10 == 0 && more == 0);
			while (prng_below(&r.sim.random, 40) != 0)
				simrun_step(&r);
			if (prng_below(&r.sim.random, 4) == 0)
				sim_recover(&r.sim);
		}
		simrun_finish(&r);
		simrun_check(&r);
		bad = r.wrong;
		reopened += r.reopened;
		simrun_end(&r);
	}
	ok(bad == NULL, "60 histories of faults, crashes and recoveries"
		" (seed %" PRIu64 ")", seed);
	if (bad != NULL)
		diag("history %" PRIu64 ": %s", i - 1, bad);
	ok(reopened > 100, "with %u crashes", reopened);
}

static void t_stale(void)
{
	struct simrun r;
	struct local *l;
	uint64_t tip = 0;
	int rc;

	simrun_start(&r, &chain, 1, small);
	l = r.sim.real;
	simrun_queue_some(&r, 8, false);
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
	simrun_settle(&r);
	ok(simrun_all_final(&r),
		"the same records become final in other blocks");
	simrun_check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "and all of them hold");
	simrun_end(&r);
}

static void t_gap(void)
{
	struct simrun r;
	struct local *l;
	uint64_t tip = 9;

	simrun_start(&r, &chain, 2, small);
	l = r.sim.real;
	r.sim.next_k = 2; /* nobody has number 1 */
	simrun_queue_some(&r, 2, false);
	simrun_settle(&r);
	is_int(sequenceit_step(r.notary), -ENODATA,
		"a block above a number that nobody has is not final");
	is_int(l->ops->tip(l, LOCAL_FINAL, &tip), 0, "nor called so");
	is_int(tip, 0, "in the database");
	simrun_end(&r);
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

static unsigned lags(struct simrun *r)
{
	unsigned n = 0;

	r->sim.real->ops->lags(r->sim.real, count_lag, &n);
	return n;
}

static void t_lag(void)
{
	struct simrun r;
	struct sim_object *o;
	struct notary_health health;
	unsigned calls, i, everywhere = 0, objects = 0;

	simrun_start(&r, &chain, 3, small);
	r.sim.dead = 1 << 5;
	simrun_queue_some(&r, 12, true);
	simrun_settle(&r);
	ok(simrun_all_final(&r), "five buckets are enough to become final");
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
	simrun_reopen(&r);
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
	simrun_check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "the same bytes each time");
	simrun_end(&r);
}

static void t_quorum(void)
{
	struct simrun r;
	uint64_t tip = 0;
	struct local *l;

	simrun_start(&r, &chain, 4, small);
	l = r.sim.real;
	r.sim.dead = 3 << 4;
	simrun_queue_some(&r, 3, false);
	simrun_settle(&r);
	is_int(storeit_step(r.notary), -EAGAIN, "four buckets are not enough");
	is_int(sequenceit_step(r.notary), 0, "so no number is asked for");
	ok(l->ops->tip(l, LOCAL_SEQUENCED, &tip) == 0 && tip == 0,
		"and none is given");
	r.sim.dead = 0;
	simrun_settle(&r);
	ok(simrun_all_final(&r), "the fifth being back, all goes on");
	simrun_end(&r);
}

static void t_large(void)
{
	struct simrun r;
	struct local_counts c;

	simrun_start(&r, &chain, 5, small);
	r.sim.content_gone = true;
	simrun_queue(&r, RECORD_PUT, SIMRUN_LARGE);
	simrun_queue_some(&r, 3, false);
	is_int(extentit_step(r.notary), -EIO, "a file that is gone fails");
	simrun_settle(&r);
	ok(r.sim.real->ops->counts(r.sim.real, &c) == 0 &&
			c.queued_records == 1 && c.final_records == 3,
		"others do not wait for it");
	r.sim.content_gone = false;
	simrun_settle(&r);
	ok(simrun_all_final(&r), "it follows when it is there again");
	simrun_check(&r);
	is_str(r.wrong == NULL ? "" : r.wrong, "", "and all holds");
	simrun_end(&r);
}

static void t_batch(void)
{
	struct notary_limits limits = {4, 5000, 2, 1000, 0};
	struct simrun r;
	struct local_block b = {0};
	struct local *l;

	simrun_start(&r, &chain, 6, limits);
	l = r.sim.real;
	is_int(batchit_step(r.notary), 0, "no block is empty");
	ok(notary_delay(r.notary) == UINT64_MAX, "nothing to wait for");
	simrun_queue_some(&r, 3, false);
	is_int(batchit_step(r.notary), 1,
		"after a rest a block starts at once");
	simrun_queue_some(&r, 1, false);
	is_int(batchit_step(r.notary), 0, "the next one not");
	ok(notary_delay(r.notary) <= 1000, "but within the interval");
	notary_hurry(r.notary);
	is_int(batchit_step(r.notary), 0, "nor before the last is stamped");
	is_int(zipit_step(r.notary), 1, "which it is");
	is_int(batchit_step(r.notary), 1, "then a hurry ends the wait");
	zipit_step(r.notary);
	simrun_queue_some(&r, 9, false);
	is_int(batchit_step(r.notary), 0, "two are in flight: no third");
	simrun_settle(&r);
	is_int(l->ops->block(l, 3, &b), 0, "which comes later");
	is_int(b.n, 4, "with as many records as fit");
	local_block_done(&b);
	ok(simrun_all_final(&r), "and so all become final");
	simrun_end(&r);
}

static void t_gather(void)
{
	struct notary_limits limits = {4, 5000, 3, 10, 1000};
	struct simrun r;
	struct local_block b = {0};

	simrun_start(&r, &chain, 7, limits);
	simrun_queue_some(&r, 1, false);
	is_int(batchit_step(r.notary), 1,
		"with nothing on its way a block starts at once");
	is_int(zipit_step(r.notary), 1, "and is stamped");
	r.sim.ms += 20;
	simrun_queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 0,
		"while it is not final, records gather");
	ok(notary_delay(r.notary) > 10 && notary_delay(r.notary) <= 1000,
		"no longer than that");
	simrun_queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 1, "a whole block does not wait");
	zipit_step(r.notary);
	simrun_queue_some(&r, 1, false);
	r.sim.ms += 1000;
	is_int(batchit_step(r.notary), 1, "nor what has waited long enough");
	simrun_settle(&r);
	r.sim.ms += 20;
	simrun_queue_some(&r, 2, false);
	is_int(batchit_step(r.notary), 1, "nor anything when all is final");
	is_int(r.sim.real->ops->block(r.sim.real, 4, &b), 0,
		"which is the fourth");
	is_int(b.n, 2, "with what there was");
	local_block_done(&b);
	simrun_settle(&r);
	ok(simrun_all_final(&r), "and all become final");
	simrun_end(&r);
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
