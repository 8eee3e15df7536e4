/*
 * notary: the write path BatchIt -> ZipIt -> StoreIt ([0062]-[0069]) as steps.
 *
 * Each step does one unit of work: it takes the oldest thing in its state from
 * `local`, does it, and commits the next state.  So a crash anywhere is cured
 * by calling the steps again; nothing is decided in memory that is not durable
 * before the next arrow (table in core/DESIGN.md).  There are no threads here:
 * a driver calls the steps, each but storeit from one
 * thread at a time, storeit from several; a simulator calls them by turns.
 *
 * Every step returns 1 when it did something, 0 when there is nothing to do
 * now, or the negative errno of the service that failed: call again later.
 *
 *   batchit_step    queued records -> batch (u, order), tree m, block b, which
 *                   links to the last timestamp; one commit (arrows 1-3)
 *   zipit_step      block -> timestamp, committed before use (arrow 3)
 *   extentit_step   one extent of a large file -> buckets; then it is ready
 *   storeit_step    stamped block -> shares and META at write quorum (5)
 *   sequenceit_step replicated block, lowest height first -> number, committed,
 *                   its number object at write quorum, then final (6-8); a
 *                   block is final only when omc (chain.h) contains it
 *   lagit_step      objects that some bucket lacks, put again
 *   publishit_step  the main log as it is final -> checkpoint (published.h)
 */
#ifndef CORE_NOTARY_H
#define CORE_NOTARY_H

#include "core/bytes.h"
#include "core/chain.h"
#include "core/clock.h"
#include "core/local.h"
#include "core/params.h"
#include "core/replica.h"
#include "core/sequencer.h"
#include "core/timestamper.h"

/* Sealed contents: what replicate() reads.  Any thread. */
struct content_name {
	struct bytes path;
	struct hash dh;		/* H(d) of the record: another version of the
				   file may be at the path by now */
};
struct content_store;
struct content_store_ops {
	/* n bytes at off of what that record sealed; -EIO if it is not there
	 * or shorter. */
	int (*read)(struct content_store *c, const struct content_name *name,
		uint64_t off, void *ret, size_t n);
};
struct content_store {
	const struct content_store_ops *ops;
};

struct notary_limits {
	uint32_t transactions;	/* of a block; at most MERKLE_LEAVES_MAX */
	uint64_t bytes;		/* payload of a block; at most PACK_BYTES_MAX */
	uint32_t in_flight;	/* blocks made and not final */
	uint32_t interval_ms;	/* least time between two blocks */
	uint32_t gather_ms;	/* the same while a block is not final: what
				   comes meanwhile shares the next one, for
				   each block costs a dozen fsyncs */
};
#define NOTARY_LIMITS_DEFAULT                                                  \
	((struct notary_limits){16384, UINT64_C(16) << 20, 8, 10, 500})

struct notary_services {
	struct local *local;
	struct replica *replica;
	struct timestamper *timestamper;
	struct sequencer *sequencer;
	struct content_store *content;
	struct clock *clock;
	struct entropy *entropy;
};

struct notary;

/* params_raw is block zero's leaf.  Reads where things stand from local.  The
 * services and params_raw must outlive it. */
int notary_open(const struct notary_services *s, struct bytes params_raw,
	struct notary_limits limits, struct notary **ret);
void notary_free(struct notary *n);

int batchit_step(struct notary *n);
int zipit_step(struct notary *n);
int extentit_step(struct notary *n);
int storeit_step(struct notary *n);
int sequenceit_step(struct notary *n);
int lagit_step(struct notary *n);
int publishit_step(struct notary *n);
/* The next publishit_step() does not wait for the time between two checkpoints.
 * Not beside one. */
void publishit_soon(struct notary *n);

/* Ends the waiting for more records once: somebody waits. */
void notary_hurry(struct notary *n);

/* Milliseconds until batchit_step may have something to do although it
 * returned 0; UINT64_MAX when only new records can change that. */
uint64_t notary_delay(struct notary *n);

/* For status: each service's last success and last error. */
enum notary_service {
	NOTARY_TIMESTAMPER,
	NOTARY_REPLICA,
	NOTARY_SEQUENCER,
	NOTARY_SERVICES
};
struct notary_health {
	uint64_t ok_ms, error_ms;	/* wall clock; 0: never */
	int error;			/* last negative errno */
};
void notary_health(struct notary *n, enum notary_service which,
	struct notary_health *ret);
/* Bucket by bucket, bucket < replica->n. */
void notary_bucket_health(struct notary *n, unsigned bucket,
	struct notary_health *ret);

/* Called after every change, from the thread that made it; may be NULL. */
void notary_on_change(struct notary *n, void (*wake)(void *ctx), void *ctx);

#endif
