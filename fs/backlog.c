#include "fs/backlog.h"

#include "core/cleanup.h"

#define GRAIN_MS 500		/* least time between two samples */

void backlog_init(struct backlog *b)
{
	pthread_mutex_init(&b->lock, NULL);
	b->first = b->n = 0;
}

void backlog_queued(struct backlog *b, uint64_t records, uint64_t now_ms)
{
	locked(&b->lock);
	if (b->n > 0) {
		size_t last = (b->first + b->n - 1) % BACKLOG_SAMPLES;
		/* A full ring, or a moment ago: the last sample speaks for
		 * these records too, and a little too old. */
		if (b->n == BACKLOG_SAMPLES ||
		    now_ms - b->sample[last].at_ms < GRAIN_MS) {
			b->sample[last].records = records;
			return;
		}
	}
	size_t at = (b->first + b->n++) % BACKLOG_SAMPLES;
	b->sample[at].records = records;
	b->sample[at].at_ms = now_ms;
}

uint64_t backlog_oldest(struct backlog *b, uint64_t final, uint64_t now_ms)
{
	locked(&b->lock);
	while (b->n > 0 && b->sample[b->first].records <= final) {
		b->first = (b->first + 1) % BACKLOG_SAMPLES;
		b->n--;
	}
	return b->n == 0 ? 0 : (now_ms - b->sample[b->first].at_ms) / 1000;
}
