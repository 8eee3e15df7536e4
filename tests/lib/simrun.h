/*
 * simrun: a notary over the simulated services (sim_services.h), driven in any
 * order through faults and crashes, and what must hold when everything is
 * final.
 *
 * The first thing that does not hold is kept in words; a test asks for it in
 * the end.
 */
#ifndef TESTS_LIB_SIMRUN_H
#define TESTS_LIB_SIMRUN_H

#include "core/notary.h"
#include "core/record.h"
#include "tests/lib/sim_services.h"

#define SIMRUN_LARGE (PACK_FILE_MAX + 5)	/* bytes of a large file */

struct simrun {
	struct sim sim;
	struct notary *notary;
	struct notary_limits limits;
	uint64_t queued;	/* records */
	unsigned reopened;
	const char *wrong;	/* NULL: nothing */
};

/* Begins with an empty chain after block zero; simrun_end() ends it.  chain is
 * shared and not changed. */
void simrun_start(struct simrun *r, struct mkchain *chain, uint64_t seed,
	struct notary_limits limits);
void simrun_end(struct simrun *r);
/* Another notary over the same services, as after a crash. */
void simrun_reopen(struct simrun *r);
/* Notes what does not hold, if it is the first thing. */
void simrun_wrong(struct simrun *r, const char *what);

/* Queues one record; large ones wait for their extents. */
void simrun_queue(struct simrun *r, enum record_kind kind, uint64_t size);
/* A mixture: folders, empty, small and (if asked) one large file. */
void simrun_queue_some(struct simrun *r, unsigned n, bool large);
bool simrun_all_final(struct simrun *r);

/* One step, chosen at random, as a driver might; a crash reopens.  What the
 * step returned. */
int simrun_step(struct simrun *r);
/* Steps at random until everything is final, which is wrong if it takes too
 * many. */
void simrun_finish(struct simrun *r);
/* All steps in their order until none does anything. */
void simrun_settle(struct simrun *r);

/* Looks at buckets and local: every record in one block, every block whole in
 * a quorum of buckets, the chain in them that of local (omc). */
void simrun_check(struct simrun *r);

#endif
