#include "tests/lib/simrun.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/local_sqlite.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "tests/tap/tap.h"

#define STEPS_MAX 20000	/* of one run: more is a run that does not end */

void simrun_wrong(struct simrun *r, const char *what)
{
	if (r->wrong == NULL)
		r->wrong = what;
}

void simrun_reopen(struct simrun *r)
{
	struct notary_services s = sim_as_services(&r->sim);

	notary_free(r->notary);
	r->notary = NULL;
	r->sim.down = false;
	r->reopened++;
	if (notary_open(&s, BUF_BYTES(&r->sim.chain->params_raw), r->limits,
		    &r->notary) != 0)
		bail("the notary does not open");
}

void simrun_start(struct simrun *r, struct mkchain *chain, uint64_t seed,
	struct notary_limits limits)
{
	struct local *real = NULL;

	*r = (struct simrun){.limits = limits};
	if (local_sqlite_open(":memory:", true, false, &real) != 0)
		bail("no database");
	sim_init(&r->sim, chain, real, seed);
	simrun_reopen(r);
}

void simrun_end(struct simrun *r)
{
	notary_free(r->notary);
	sim_done(&r->sim);
}

void simrun_queue(struct simrun *r, enum record_kind kind, uint64_t size)
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

void simrun_queue_some(struct simrun *r, unsigned n, bool large)
{
	unsigned i;

	for (i = 0; i < n; i++)
		simrun_queue(r, i % 5 == 4 ? RECORD_MKDIR : RECORD_PUT,
			i % 5 == 4 ? 0 : i * 37 % 3000);
	if (large)
		simrun_queue(r, RECORD_PUT, SIMRUN_LARGE);
}

static int (*const steps[])(struct notary *) = {batchit_step, zipit_step,
	extentit_step, storeit_step, sequenceit_step, lagit_step};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

bool simrun_all_final(struct simrun *r)
{
	struct local_counts c;

	return r->sim.real->ops->counts(r->sim.real, &c) == 0 &&
		c.queued_records == 0;
}

static void check_flight(struct simrun *r)
{
	struct local *l = r->sim.real;
	uint64_t tip = 0, final = 0;

	if (l->ops->tip(l, LOCAL_BATCHED, &tip) != 0 ||
		l->ops->tip(l, LOCAL_FINAL, &final) != 0 ||
		tip - final > r->limits.in_flight)
		simrun_wrong(r, "more blocks in flight than the limit");
}

int simrun_step(struct simrun *r)
{
	int rc;

	r->sim.ms += prng_below(&r->sim.random, 20);
	rc = steps[prng_below(&r->sim.random, STEPS)](r->notary);
	check_flight(r);
	if (r->sim.down)
		simrun_reopen(r);
	return rc;
}

void simrun_finish(struct simrun *r)
{
	unsigned i;

	for (i = 0; i < STEPS_MAX && !simrun_all_final(r); i++)
		simrun_step(r);
	if (!simrun_all_final(r))
		simrun_wrong(r, "not everything became final");
}

void simrun_settle(struct simrun *r)
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
