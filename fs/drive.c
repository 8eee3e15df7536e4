#include "fs/drive.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/cleanup.h"

#define STORERS_MAX 8
#define RETRY_MS 50		/* after the first error of a step */
#define RETRY_MAX_MS 2000
#define LAG_MS 1000		/* a bucket may be back: look again */
#define LOG_MS 1000		/* the log may be signed again */

/* What workers wait for; count, so that no wake is lost. */
struct signal {
	pthread_cond_t cond;
	uint64_t count;
};

struct worker {
	struct drive *drive;
	struct signal *signal;
	/* Does all it can: 1 did something, 0 nothing to do, or an error. */
	int (*work)(struct notary *n);
	uint64_t idle_ms;	/* looks again after that; UINT64_MAX: never */
	pthread_t thread;
};

struct drive {
	struct notary *notary;
	pthread_mutex_t lock;
	struct signal queued;	/* new records: batchit and extentit */
	struct signal moved;	/* a block moved on: the others and drain */
	bool stop;
	pthread_mutex_t wake_lock;	/* held during the call */
	void (*wake)(void *ctx);	/* who else wants to know */
	void *ctx;
	size_t n;
	struct worker worker[6 + STORERS_MAX];
};

static struct timespec in_ms(uint64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/* Until something has changed since `seen`, or ms are over.  Under the lock. */
static void wait_signal(struct drive *d, struct signal *s, uint64_t seen,
	uint64_t ms)
{
	struct timespec until = {0};
	int rc = 0;

	if (ms != UINT64_MAX)
		until = in_ms(ms);
	while (!d->stop && s->count == seen && rc == 0)
		rc = ms == UINT64_MAX ?
			pthread_cond_wait(&s->cond, &d->lock) :
			pthread_cond_timedwait(&s->cond, &d->lock, &until);
}

/* After an error changes do not count: other steps' progress must not turn
 * the back-off into a storm. */
static void wait_retry(struct drive *d, struct signal *s, uint64_t ms)
{
	struct timespec until = in_ms(ms);

	while (!d->stop &&
		pthread_cond_timedwait(&s->cond, &d->lock, &until) == 0)
		;
}

/* Under the lock. */
static void raise_signal(struct signal *s)
{
	s->count++;
	pthread_cond_broadcast(&s->cond);
}

static void changed(void *ctx)
{
	struct drive *d = ctx;

	{
		locked(&d->lock);
		raise_signal(&d->queued);
		raise_signal(&d->moved);
	}
	locked(&d->wake_lock);
	if (d->wake != NULL)
		d->wake(d->ctx);
}

void drive_on_change(struct drive *d, void (*wake)(void *ctx), void *ctx)
{
	locked(&d->wake_lock);
	d->wake = wake;
	d->ctx = ctx;
}

static uint64_t longer(uint64_t retry_ms)
{
	if (retry_ms == 0)
		return RETRY_MS;
	return retry_ms < RETRY_MAX_MS / 2 ? retry_ms * 2 : RETRY_MAX_MS;
}

static uint64_t idle(const struct worker *w)
{
	uint64_t ms = w->idle_ms;

	if (w->work == batchit_step)
		ms = notary_delay(w->drive->notary);
	return ms;
}

static void *run(void *ctx)
{
	struct worker *w = ctx;
	struct drive *d = w->drive;
	uint64_t seen = 0, retry_ms = 0;
	int rc;

	for (;;) {
		{
			locked(&d->lock);
			if (d->stop)
				return NULL;
			seen = w->signal->count;
		}
		rc = w->work(d->notary);
		if (rc > 0) {
			retry_ms = 0;
			continue;
		}
		locked(&d->lock);
		if (rc < 0) {
			retry_ms = longer(retry_ms);
			wait_retry(d, w->signal, retry_ms);
		} else {
			retry_ms = 0;
			wait_signal(d, w->signal, seen, idle(w));
		}
	}
}

static int start(struct drive *d, int (*work)(struct notary *n),
	struct signal *signal, uint64_t idle_ms)
{
	struct worker *w = &d->worker[d->n];
	int rc;

	*w = (struct worker){d, signal, work, idle_ms, 0};
	rc = pthread_create(&w->thread, NULL, run, w);
	if (rc == 0)
		d->n++;
	return -rc;
}

static int start_all(struct drive *d, unsigned storers)
{
	int rc = start(d, batchit_step, &d->queued, UINT64_MAX);

	if (rc == 0)
		rc = start(d, zipit_step, &d->moved, UINT64_MAX);
	if (rc == 0)
		rc = start(d, extentit_step, &d->queued, UINT64_MAX);
	if (rc == 0)
		rc = start(d, sequenceit_step, &d->moved, UINT64_MAX);
	if (rc == 0)
		rc = start(d, lagit_step, &d->moved, LAG_MS);
	if (rc == 0)
		rc = start(d, publishit_step, &d->moved, LOG_MS);
	for (; rc == 0 && storers > 0; storers--)
		rc = start(d, storeit_step, &d->moved, UINT64_MAX);
	return rc;
}

static void signal_init(struct signal *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
}

int drive_start(struct notary *n, unsigned storers, struct drive **ret)
{
	struct drive *d;
	int rc;

	if (storers < 1 || storers > STORERS_MAX)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return -ENOMEM;
	d->notary = n;
	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->wake_lock, NULL);
	signal_init(&d->queued);
	signal_init(&d->moved);
	notary_on_change(n, changed, d);
	rc = start_all(d, storers);
	if (rc < 0) {
		drive_stop(d);
		return rc;
	}
	*ret = d;
	return 0;
}

void drive_wake(struct drive *d, bool hurry)
{
	if (hurry)
		notary_hurry(d->notary);
	locked(&d->lock);
	raise_signal(&d->queued);
}

void drive_stop(struct drive *d)
{
	size_t i;

	if (d == NULL)
		return;
	{
		locked(&d->lock);
		d->stop = true;
		raise_signal(&d->queued);
		raise_signal(&d->moved);
	}
	for (i = 0; i < d->n; i++)
		pthread_join(d->worker[i].thread, NULL);
	notary_on_change(d->notary, NULL, NULL);
	pthread_cond_destroy(&d->queued.cond);
	pthread_cond_destroy(&d->moved.cond);
	pthread_mutex_destroy(&d->wake_lock);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static uint64_t mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

int drive_drain(struct drive *d, struct local *local, uint64_t timeout_ms)
{
	uint64_t began = mono_ms(), spent, seen;
	struct local_counts c;
	int rc;

	for (;;) {
		drive_wake(d, true);
		{
			locked(&d->lock);
			seen = d->moved.count;
		}
		rc = local->ops->counts(local, &c);
		if (rc < 0 || c.queued_records == 0)
			return rc;
		spent = mono_ms() - began;
		if (spent >= timeout_ms)
			return -ETIMEDOUT;
		locked(&d->lock);
		wait_signal(d, &d->moved, seen, timeout_ms - spent);
	}
}
