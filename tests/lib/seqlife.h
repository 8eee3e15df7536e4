/*
 * seqlife: a local sequencer with its real processes, over a chain, a database
 * and buckets in memory.  What must not happen ends the test.
 */
#ifndef TESTS_SEQLIFE_H
#define TESTS_SEQLIFE_H

#include "backends/seq_local.h"
#include "core/local.h"
#include "core/replica.h"
#include "core/worm.h"
#include "tests/lib/fault_worm.h"
#include "tests/lib/seqworld.h"

#define SEQLIFE_BUCKETS 3
#define SEQLIFE_QUORUM 2

struct seqlife {
	char *dir;
	struct seqworld chain;
	struct worm *bucket[SEQLIFE_BUCKETS];	/* the replica owns them */
	struct fault_plan plan;			/* of all of them */
	struct local *local;
	struct replica *replica;
	struct seq_local_config c;
	struct sequencer *q;
	struct hash tail;
	uint64_t height;
	char said[1024];
};

/* Genesis, first, hand-over: what init does.  The programs' paths are kept. */
void seqlife_make_chain(struct seqlife *w, const char *attestor,
	const char *enclave);
void seqlife_start(struct seqlife *w);
/* Ends what runs, in good order. */
void seqlife_handover(struct seqlife *w);
/* A file of the state folder. */
bool seqlife_exists(const struct seqlife *w, const char *name);
void seqlife_done(struct seqlife *w);

#endif
