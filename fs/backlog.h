/*
 * backlog: for how long the oldest record that is not final has waited.
 *
 * Records are final in the order in which they were queued, so a few samples
 * of (records queued until then, when) are enough.
 */
#ifndef FS_BACKLOG_H
#define FS_BACKLOG_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define BACKLOG_SAMPLES 1024

struct backlog {
	pthread_mutex_t lock;
	size_t first, n;
	struct {
		uint64_t records, at_ms;
	} sample[BACKLOG_SAMPLES];
};

void backlog_init(struct backlog *b);
/* `records` were queued since ever, at now_ms (monotonic). */
void backlog_queued(struct backlog *b, uint64_t records, uint64_t now_ms);
/* `final` of them are final: seconds that the oldest other one has waited. */
uint64_t backlog_oldest(struct backlog *b, uint64_t final, uint64_t now_ms);

#endif
