/*
 * rig: six buckets in memory, seen through one replica, and what tests of it
 * put there, find there and spoil.  What must not happen ends the test.
 */
#ifndef TESTS_LIB_RIG_H
#define TESTS_LIB_RIG_H

#include "core/object.h"
#include "core/replica.h"
#include "core/worm.h"
#include "tests/lib/fault_worm.h"

#define RIG_N 6
#define RIG_K 3
#define RIG_QUORUM 5
#define RIG_PREFIX "c0ffee"

/* The buckets stay when the replica goes. */
struct rig {
	struct worm *bucket[RIG_N];	/* the tests' own */
	struct fault_plan plan[RIG_N];
	struct fault_plan *shared;	/* rules all of them when not NULL */
	struct replica *r;
};

/* A bucket that passes everything on and leaves the other alive. */
struct rig_borrowed {
	struct worm base;
	struct worm *inner;
	struct worm_ops ops;
};
struct worm *rig_borrow(struct worm *w);

/* Makes the replica over the buckets in mask; the others are not there. */
void rig_open(struct rig *g, unsigned mask);
void rig_close(struct rig *g);
void rig_new(struct rig *g);
void rig_free(struct rig *g);

/* A payload that is not the same anywhere, and its META. */
struct rig_object {
	char key[OBJECT_KEY_MAX];
	struct buf meta, data;
	struct hash hmeta;
	uint64_t fail_at;	/* reading from here on is -EIO */
};
void rig_make(struct rig_object *o, size_t length, const char *name);
void rig_object_done(struct rig_object *o);
int rig_put(struct rig *g, struct rig_object *o,
	struct replica_report *report);
/* 1: not what was accepted. */
int rig_get(struct rig *g, struct rig_object *o,
	struct replica_report *report);

const char *rig_key(const struct rig_object *o);	/* in a bucket */
struct buf rig_share(struct rig *g, unsigned i, const struct rig_object *o);
/* As if bucket i had always held these bytes. */
void rig_replace(struct rig *g, unsigned i, const struct rig_object *o,
	struct bytes raw);
/* Flips a bit of what bucket i holds; mends the check-sums if `lie`. */
void rig_spoil(struct rig *g, unsigned i, const struct rig_object *o,
	size_t at, bool lie);
size_t rig_payload(const struct rig_object *o);	/* where it begins */

#endif
