/* As t_alloc, for the notary over simulated services: what failed for want of
 * memory is done when there is some.
 *	t_alloc_notary [TRIALS]	of each operation; default 100, 0 all */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/local_sqlite.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/tiles.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/allocloop.h"
#include "tests/lib/allocsqlite.h"
#include "tests/lib/sim_services.h"
#include "tests/tap/tap.h"

#define STEPS 2000 /* of a notary: more is one that does not end */

static struct mkchain chain;
static struct sim sim;
static int (*after)(void); /* NULL, or with everything final */

/* The services of the simulation have all the memory that they want. */
#define APART(call)                                                            \
	int rc;                                                                \
	allocfail_pause(true);                                                 \
	rc = call;                                                             \
	allocfail_pause(false);                                                \
	return rc

static int stamp(struct timestamper *t, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	(void)t;
	APART(sim.timestamper.ops->stamp(&sim.timestamper, b, ret_type, ret));
}

static int sequence(struct sequencer *q, struct bytes b, uint64_t t_type,
	struct bytes t, struct sequenced *ret)
{
	(void)q;
	APART(sim.sequencer.ops->sequence(&sim.sequencer, b, t_type, t, ret));
}

static int document(struct sequencer *q, struct buf *ret)
{
	(void)q;
	APART(sim.sequencer.ops->document(&sim.sequencer, ret));
}

/* It holds none, so there is nothing to publish but tiles. */
static int checkpoint(struct sequencer *q, uint64_t size,
	struct sequenced_log *ret)
{
	(void)q;
	(void)size;
	(void)ret;
	return -ENOENT;
}

static int put_whole(struct replica *r, const char *key, struct bytes data,
	struct replica_report *report)
{
	(void)r;
	APART(sim.replica.ops->put_whole(&sim.replica, key, data, report));
}

static int put_coded(struct replica *r, const char *key, struct bytes meta,
	uint64_t length, const struct source *payload,
	struct replica_report *report)
{
	(void)r;
	if (length > PACK_FILE_MAX) { /* it takes its time to look at that */
		*report = (struct replica_report){
			.stored = (1 << SIM_BUCKETS) - 1};
		return 0;
	}
	APART(sim.replica.ops->put_coded(&sim.replica, key, meta, length,
		payload, report));
}

static const struct timestamper_ops timestamper_ops = {.stamp = stamp};
static const struct sequencer_ops sequencer_ops = {
	.sequence = sequence, .document = document, .checkpoint = checkpoint};
static const struct replica_ops replica_ops = {
	.put_whole = put_whole, .put_coded = put_coded};
static struct timestamper timestamper = {&timestamper_ops, "simulated"};
static struct sequencer sequencer = {&sequencer_ops, "simulated"};
static struct replica replica = {&replica_ops, SIM_BUCKETS, 3, SIM_QUORUM};

static void queue(uint64_t size)
{
	struct record record = {.kind = RECORD_PUT, .size = size, .root = {{1}},
		.salt = {(uint8_t)size}};
	const struct hash top = {{1}};
	struct local_record q = {.kind = RECORD_PUT, .size = size,
		.ready = size <= PACK_FILE_MAX};
	cleanup(buf) struct buf d = {0};
	char path[32];
	uint64_t id;

	snprintf(path, sizeof(path), "%s/%lu", q.ready ? "small" : "large",
		(unsigned long)size);
	record.path = q.path = BYTES(path, strlen(path));
	if (!q.ready)
		q.extents = HASH_BYTES(&top);
	if (record_encode(&record, &d) != 0)
		bail("no record");
	q.d = BUF_BYTES(&d);
	if (sim.real->ops->queue(sim.real, &q, 1, &id) != 0)
		bail("not queued");
}

static bool all_final(void)
{
	struct local_counts c;

	return sim.real->ops->counts(sim.real, &c) == 0 &&
		c.queued_records == 0;
}

/* The first error of all, and whether it ends with everything final. */
static int work(struct notary *n)
{
	static int (*const steps[])(struct notary *) = {batchit_step,
		zipit_step, extentit_step, storeit_step, sequenceit_step,
		lagit_step, publishit_step};
	size_t i, count = sizeof(steps) / sizeof(steps[0]);
	bool plenty = false, done = false; /* after the first error: memory */
	int rc = 0, one;

	for (i = 0; i < STEPS * count && !done; i++) {
		sim.ms += 5;
		one = steps[i % count](n);
		if (one < 0 && rc == 0)
			rc = one;
		if (one < 0 && !plenty) {
			allocfail_pause(true);
			plenty = true;
		}
		allocfail_pause(true);
		done = i % count == 0 && all_final();
		allocfail_pause(false);
	}
	if (plenty)
		allocfail_pause(false);
	return done ? rc : -EILSEQ;
}

static int run_notary(void)
{
	struct local *real = NULL;
	struct notary *n = NULL;
	struct notary_services s;
	int rc;

	allocfail_pause(true);
	if (local_sqlite_open(":memory:", true, false, &real) != 0)
		bail("no database");
	sim_init(&sim, &chain, real, 1);
	queue(3000);
	queue(PACK_FILE_MAX + 5);
	s = sim_as_services(&sim);
	s.local = sim.real; /* it need not fail by itself */
	s.timestamper = &timestamper;
	s.sequencer = &sequencer;
	s.replica = &replica;
	allocfail_pause(false);
	rc = notary_open(&s, BUF_BYTES(&chain.params_raw),
		NOTARY_LIMITS_DEFAULT, &n);
	if (rc == 0)
		rc = work(n);
	if (rc == 0)
		rc = after != NULL ? after() : 0;
	allocfail_pause(true);
	notary_free(n);
	sim_done(&sim);
	allocfail_pause(false);
	return rc;
}

static int read_tiles(void)
{
	cleanup(buf) struct buf leaf = {0};

	allocfail_pause(false); /* of run_tiles() */
	int rc = tiles_entries(sim.real, 0, 1, &leaf);

	allocfail_pause(true);
	return rc;
}

static int run_tiles(void)
{
	int rc;

	after = read_tiles;
	allocfail_pause(true);
	rc = run_notary();
	allocfail_pause(false);
	after = NULL;
	return rc;
}

static const struct alloc_operation operations[] = {
	{"the notary's steps", run_notary, 0},
	{"tiles_entries", run_tiles, 0},
};

int main(int argc, char **argv)
{
	size_t i;

	allocsqlite();
	if (argc > 1)
		alloc_trials = strtoul(argv[1], NULL, 10);
	plan(0);
	mkchain_init(&chain, 0);
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		alloc_both(&operations[i]);
	mkchain_done(&chain);
	return done();
}
