#include "fs/verifypool.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#define PROGRESS_NS 200000000L
#define RING_MAX (2 * VERIFYPOOL_THREADS_MAX + 2)

enum state { EMPTY, GIVEN, DONE };

struct slot {
	struct verifybatch batch; /* the first: spill() is given it */
	enum state state;
	uint64_t at;		/* of all batches, since it is GIVEN */
};

struct verifypool {
	struct verifyplace *place;
	FILE *out, *progress;
	pthread_mutex_t lock;
	pthread_cond_t given, done, turn;
	/* Under the lock; they only grow, slot i is ring[i % n_ring].
	 * printed <= taken <= filled */
	uint64_t printed, taken, filled;
	size_t n_ring;
	struct slot ring[RING_MAX];
	bool ending;
	int err;
	unsigned threads;
	pthread_t thread[VERIFYPOOL_THREADS_MAX];
	uint8_t *arena[VERIFYPOOL_THREADS_MAX];
	struct verifytree_counts counts;
	bool shown;
};

struct worker {
	struct verifypool *p;
	uint8_t *arena;
};

static struct slot *slot(struct verifypool *p, uint64_t i)
{
	return &p->ring[i % p->n_ring];
}

static void *work(void *arg)
{
	struct worker w = *(struct worker *)arg;
	struct verifypool *p = w.p;
	struct slot *s;
	int rc;

	free(arg);
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (p->taken == p->filled && !p->ending)
			pthread_cond_wait(&p->given, &p->lock);
		if (p->taken == p->filled)
			break;
		s = slot(p, p->taken++);
		pthread_mutex_unlock(&p->lock);
		rc = verifybatch_run(&s->batch, p->place, w.arena);
		pthread_mutex_lock(&p->lock);
		if (rc != 0)
			p->err = rc;
		s->state = DONE;
		pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static void show(struct verifypool *p)
{
	fprintf(p->progress, "\r%" PRIu64 " files, %" PRIu64 " MB\x1b[K",
		p->place->files, p->place->bytes / 1000000);
	fflush(p->progress);
	p->shown = true;
}

static void unshow(struct verifypool *p)
{
	if (!p->shown)
		return;
	fputs("\r\x1b[K", p->progress);
	fflush(p->progress);
	p->shown = false;
}

static void wait_done(struct verifypool *p)
{
	struct timespec until;

	if (p->progress == NULL) {
		pthread_cond_wait(&p->done, &p->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += PROGRESS_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_cond_timedwait(&p->done, &p->lock, &until) == ETIMEDOUT)
		show(p);
}

/* Holding the lock; this batch is the oldest. */
static void print(struct verifypool *p, struct verifybatch *b)
{
	unshow(p);
	if (b->said.out.n > 0)
		fwrite(b->said.out.p, 1, b->said.out.n, p->out);
	b->said.out.n = 0;
}

/* By a worker.  Older batches are printed by the walk when the ring is full or
 * the tree has ended, so their turn passes. */
static void spill(void *pool, struct verifybatch *b)
{
	struct verifypool *p = pool;
	const struct slot *s = (const void *)b;

	pthread_mutex_lock(&p->lock);
	while (p->printed != s->at)
		pthread_cond_wait(&p->turn, &p->lock);
	print(p, b);
	pthread_mutex_unlock(&p->lock);
}

/* Waits for the oldest batch and prints it.  Holding the lock. */
static void print_oldest(struct verifypool *p)
{
	struct slot *s = slot(p, p->printed);
	struct verifybatch *b = &s->batch;

	while (s->state != DONE)
		wait_done(p);
	print(p, b);
	verifytree_count(&p->counts, &b->counts);
	verifybatch_clear(b);
	s->state = EMPTY;
	p->printed++;
	pthread_cond_broadcast(&p->turn);
}

/* Hands the batch being filled to the workers. */
static void give(struct verifypool *p)
{
	struct slot *s = slot(p, p->filled);

	pthread_mutex_lock(&p->lock);
	s->state = GIVEN;
	s->at = p->filled++;
	pthread_cond_signal(&p->given);
	while (p->filled - p->printed >= p->n_ring)
		print_oldest(p);
	pthread_mutex_unlock(&p->lock);
}

int verifypool_add(struct verifypool *p, struct bytes path, const char *why)
{
	struct verifybatch *b = &slot(p, p->filled)->batch;
	int rc = verifybatch_add(b, path, why);

	if (rc == 0 && verifybatch_full(b))
		give(p);
	return rc;
}

static unsigned cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return (unsigned)CPU_COUNT(&set);
}

static void stop(struct verifypool *p)
{
	unsigned i;

	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
	for (i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	for (i = 0; i < VERIFYPOOL_THREADS_MAX; i++)
		free(p->arena[i]);
	for (i = 0; i < p->n_ring; i++)
		verifybatch_done(&p->ring[i].batch);
	pthread_cond_destroy(&p->given);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->turn);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static int start(struct verifypool *p)
{
	struct worker *w = malloc(sizeof(*w));
	int rc;

	p->arena[p->threads] = aligned_alloc(64, BATCH_ARENA);
	if (w == NULL || p->arena[p->threads] == NULL) {
		free(w);
		return -ENOMEM;
	}
	*w = (struct worker){p, p->arena[p->threads]};
	rc = pthread_create(&p->thread[p->threads], NULL, work, w);
	if (rc != 0) {
		free(w);
		return -rc;
	}
	p->threads++;
	return 0;
}

int verifypool_new(struct verifyplace *place, unsigned threads, FILE *out,
	FILE *progress, struct verifypool **ret)
{
	struct verifypool *p = calloc(1, sizeof(*p));
	pthread_condattr_t mono;
	int rc = 0;

	if (p == NULL)
		return -ENOMEM;
	if (threads == 0)
		threads = cores();
	if (threads > VERIFYPOOL_THREADS_MAX)
		threads = VERIFYPOOL_THREADS_MAX;
	*p = (struct verifypool){.place = place, .out = out,
		.progress = progress, .n_ring = 2 * threads + 2};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given, NULL);
	pthread_cond_init(&p->turn, NULL);
	place->spill = spill;
	place->spill_ctx = p;
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&p->done, &mono);
	pthread_condattr_destroy(&mono);
	while (rc == 0 && p->threads < threads)
		rc = start(p);
	/* one is enough to do it all */
	if (rc != 0 && p->threads == 0) {
		stop(p);
		return rc;
	}
	*ret = p;
	return 0;
}

int verifypool_end(struct verifypool *p, struct verifytree_counts *ret)
{
	int rc;

	if (slot(p, p->filled)->batch.n > 0)
		give(p);
	pthread_mutex_lock(&p->lock);
	while (p->printed < p->filled)
		print_oldest(p);
	pthread_mutex_unlock(&p->lock);
	*ret = p->counts;
	rc = p->err;
	stop(p);
	return rc;
}
