/*
 * fault_worm: a bucket that fails when it is told to.
 *
 * Gives the interface it takes.  One plan may rule several buckets, so that a
 * loop can let every call in turn fail, wherever it is made:
 *
 *	for (n = 0; ; n++) {
 *		fault_arm(&plan, n, -EIO, after);
 *		...
 *		if (!fault_disarm(&plan))
 *			break;		the n-th call was never made
 *	}
 */
#ifndef TESTS_FAULT_WORM_H
#define TESTS_FAULT_WORM_H

#include <stdatomic.h>

#include "core/worm.h"

struct fault_plan {
	atomic_int left;	/* calls before the one that fails; < 0: none */
	int error;
	bool after;		/* it takes effect and then reports failure */
	atomic_bool unreachable; /* every call is -EHOSTUNREACH */
	atomic_bool read_only;	/* every put is -EROFS */
	atomic_uint calls;	/* made so far */
};

#define FAULT_NONE {.left = -1}

/* Takes inner over; the plan must outlive the bucket.  NULL: no memory. */
struct worm *fault_worm_new(struct worm *inner, struct fault_plan *plan);
/* The n-th call from now (0: the next) fails once. */
void fault_arm(struct fault_plan *p, int n, int error, bool after);
/* No call fails any more.  Did the armed one? */
bool fault_disarm(struct fault_plan *p);

#endif
