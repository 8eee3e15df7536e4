/*
 * coded: what the files of replica_coded share.
 *
 * replica_coded.c is the object itself and whole objects; coded_put.c and
 * coded_get.c write and read shares (coded_read.h reads one, coded_join.h makes
 * a payload of several), coded_list.c merges listings.
 */
#ifndef BACKENDS_CODED_H
#define BACKENDS_CODED_H

#include "backends/worker.h"
#include "core/replica.h"
#include "core/worm.h"

struct coded {
	struct replica base;
	struct worm *bucket[REPLICA_MAX];	/* NULL: not there */
	struct worker *worker[REPLICA_MAX];	/* one for each that is */
	char prefix[WORM_KEY_MAX + 2];		/* with its slash */
};

static inline struct coded *coded_of(struct replica *r)
{
	return (struct coded *)r; /* base is its first member */
}

/* The bucket's key; -EINVAL if it is none. */
int coded_key(const struct coded *c, const char *key,
	char ret[WORM_KEY_MAX + 1]);

/* Does fn for every bucket that is there, each on its own thread, and waits;
 * what fn returned, -ENODEV for a bucket that is not there. */
void coded_each(struct coded *c,
	int (*fn)(void *ctx, unsigned i, struct worm *bucket), void *ctx,
	int ret_error[REPLICA_MAX]);

/* Notes one bucket's outcome in a report, which may be NULL: 0 is stored;
 * what damage() says is bad. */
void coded_note(struct replica_report *r, unsigned i, int error);
/* Is that error the fault of the bytes that are there? */
bool coded_damage(int error);
/* A put's answer from what each bucket said. */
int coded_quorum(const struct coded *c, const int error[REPLICA_MAX],
	struct replica_report *report);
/* What to say when no bucket gave what was wanted. */
int coded_none(const struct coded *c, const int error[REPLICA_MAX]);

int coded_put(struct replica *r, const char *key, struct bytes meta,
	uint64_t length, const struct source *payload,
	struct replica_report *report);
int coded_get(struct replica *r, const char *key, const struct hash *hmeta,
	bool (*accept)(void *ctx, struct bytes payload), void *ctx,
	struct buf *ret, struct replica_report *report);
int coded_get_meta(struct replica *r, const char *key,
	const struct hash *hmeta, struct buf *ret,
	struct replica_report *report);
int coded_list(struct replica *r, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint32_t buckets), void *ctx);

#endif
