/*
 * erasure: the extents of large files that were deleted go from the buckets.
 *
 *   E1  What is owed is noted durably before the deletion is recorded.
 *   E2  Nothing is erased before the deletion is final, so whoever reads the
 *       buckets knows why it is not there.
 *   E3  An extent that another file of this vault has too stays.
 *   E4  What cannot be erased now, for a bucket is away, is tried again.
 * The contents of smaller files lie in packs, together with others and with
 * the records that prove them: these stay.
 */
#ifndef FS_ERASURE_H
#define FS_ERASURE_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/local.h"
#include "core/worm.h"

struct erasure {
	struct local *local;
	struct worm *const *bucket;
	unsigned n;
	char prefix[HASH_HEX + 1];	/* of the keys: the chain */
	pthread_mutex_t lock;		/* around changes of what is owed */
	atomic_bool owed;		/* there may be something to do */
};

/* Forgets what was noted for deletions that a crash kept from happening. */
int erasure_init(struct erasure *e, struct local *local,
	struct worm *const *bucket, unsigned n, const struct hash *chain);
void erasure_done(struct erasure *e);
/* E1: the extents of that record.  -ENOSPC: too much is owed already. */
int erasure_owe(struct erasure *e, uint64_t id);
/* Does what can be done now.  0; -ENODEV and the like: a bucket keeps some of
 * it for later.  One thread. */
int erasure_work(struct erasure *e);

#endif
