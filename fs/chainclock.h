/*
 * chainclock: the time that the chain itself shows: the timestamp of its
 * newest final block.  It moves with the chain and stands still without it;
 * the clock of this machine has no part in it.  Any thread.
 */
#ifndef FS_CHAINCLOCK_H
#define FS_CHAINCLOCK_H

#include <pthread.h>

#include "core/local.h"
#include "core/params.h"

struct chainclock {
	struct local *local;
	const struct params *params;
	pthread_mutex_t lock;
	bool known;
	uint64_t height, ms;	/* of the block looked at last */
};

/* Both must outlive it. */
void chainclock_init(struct chainclock *c, struct local *local,
	const struct params *params);
void chainclock_done(struct chainclock *c);
/* Milliseconds since 1970.  -EBADMSG when the block's timestamp is not by the
 * chain's authorities; -ENOMEM when that could not be judged: ask again. */
int chainclock_now(struct chainclock *c, uint64_t *ret_ms);

#endif
