#include "fs/dispatch.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "core/cleanup.h"
#include "core/signals.h"
#include "fs/inner.h"

#include <linux/fuse.h>

#define WAKE SIGRTMIN		/* ends a leader's read */
#define LINGER 50		/* rounds of the watcher without a request
				   before it sleeps */

/* A thread that has, had or waits for the lead. */
struct worker {
	struct dispatch *d;
	struct worker *next;	/* of all */
	pthread_t thread;
	atomic_bool leads;	/* cleared by the watcher too */
	atomic_bool reading;
	_Atomic uint64_t since;	/* ms; when its request began, 0: none */
	uint8_t *memory;	/* in which buf lies */
	struct fuse_buf buf;
};

struct dispatch {
	struct fuse_session *se;
	pthread_mutex_t lock;
	pthread_cond_t vacancy;
	struct worker *all, *leader;	/* leader NULL: the lead is free */
	unsigned threads, waiting, ended;
	bool over;
	int rc;
	sem_t watch;		/* posted for the watcher */
	atomic_bool asleep, stopping;
	atomic_uint served;	/* since the watcher last looked */
};

struct dispatch *dispatch_new(struct fuse_session *se)
{
	struct dispatch *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->se = se;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->vacancy, NULL);
	sem_init(&d->watch, 0, 0);
	return d;
}

static void free_worker(struct worker *w)
{
	free(w->memory);
	free(w);
}

void dispatch_free(struct dispatch *d)
{
	struct worker *w;

	if (d == NULL)
		return;
	while ((w = d->all) != NULL) {
		d->all = w->next;
		free_worker(w);
	}
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->vacancy);
	sem_destroy(&d->watch);
	free(d);
}

/* Coarse: a few milliseconds, at the price of reading memory. */
static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* -- the lead -- */

static void *work(void *arg);

/* What is to be written lies behind two headers, and is copied fastest from the
 * beginning of a page and within one huge page: a tenth less for a write of
 * 1 MiB.  The first few threads do nearly all; more need not hold 2 MiB each. */
#define MEMORY ((size_t)2 << 20)
#define PAGE ((size_t)4096)
#define HEADERS (sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
#define HUGE_PAGES 4

static_assert(PAGE - HEADERS + DISPATCH_REQUEST <= MEMORY, "a request fits");

static int new_buffer(struct worker *w, bool huge)
{
	w->memory = aligned_alloc(MEMORY, MEMORY);
	if (w->memory == NULL)
		return -ENOMEM;
	if (huge)
		(void)madvise(w->memory, MEMORY, MADV_HUGEPAGE);
	w->buf.mem = w->memory + PAGE - HEADERS;
	return 0;
}

/* One more thread, unless there are enough; lock held. */
static int start_worker(struct dispatch *d)
{
	struct worker *w;
	sigset_t all = signals_from_outside(), before;
	int rc;

	if (d->threads == DISPATCH_THREADS)
		return -EAGAIN;
	w = calloc(1, sizeof(*w));
	if (w == NULL)
		return -ENOMEM;
	if (new_buffer(w, d->threads < HUGE_PAGES) != 0) {
		free_worker(w);
		return -ENOMEM;
	}
	w->d = d;
	sigdelset(&all, WAKE);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = -pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0) {
		free_worker(w);
		return rc;
	}
	w->next = d->all;
	d->all = w;
	d->threads++;
	return 0;
}

/* Somebody else may read from here on; lock held.  Without a thread to spare
 * the first that is done with its request takes the lead. */
static void pass_lead(struct dispatch *d)
{
	atomic_store(&d->leader->leads, false);
	d->leader = NULL;
	if (d->waiting > 0)
		pthread_cond_signal(&d->vacancy);
	else
		(void)start_worker(d);
}

/* False: it is over. */
static bool take_lead(struct worker *w)
{
	struct dispatch *d = w->d;

	locked(&d->lock);
	d->waiting++;
	while (d->leader != NULL && !d->over)
		pthread_cond_wait(&d->vacancy, &d->lock);
	d->waiting--;
	if (d->over)
		return false;
	d->leader = w;
	atomic_store(&w->leads, true);
	return true;
}

static void finish(struct dispatch *d, int rc)
{
	locked(&d->lock);
	if (!d->over)
		d->rc = rc;
	d->over = true;
	pthread_cond_broadcast(&d->vacancy);
	sem_post(&d->watch);
}

/* -- requests -- */

/* Does somebody wait for the lead to be free? */
static bool asked(struct dispatch *d)
{
	struct pollfd p = {.fd = fuse_session_fd(d->se), .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

static bool takes_long(struct dispatch *d, const struct fuse_buf *buf)
{
	const uint8_t *p = buf->mem;
	struct fuse_in_header h;
	struct fuse_read_in r;

	if (buf->size < sizeof h)
		return false;
	memcpy(&h, p, sizeof h);
	switch (h.opcode) {
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_FALLOCATE:
	case FUSE_COPY_FILE_RANGE:
		return true;
	case FUSE_WRITE:
		return h.len >= DISPATCH_LARGE && asked(d);
	case FUSE_READ:
		if (buf->size < sizeof h + sizeof r)
			return false;
		memcpy(&r, p + sizeof h, sizeof r);
		return r.size >= DISPATCH_LARGE && asked(d);
	default:
		return false;
	}
}

/* D4 */
static __thread bool reached;

void dispatch_reached(void)
{
	reached = true;
}

static bool said_once(const struct fuse_buf *buf)
{
	struct fuse_in_header h;

	if (buf->size < sizeof h)
		return false;
	memcpy(&h, buf->mem, sizeof h);
	return h.opcode == FUSE_RELEASE || h.opcode == FUSE_RELEASEDIR ||
		h.opcode == FUSE_FORGET || h.opcode == FUSE_BATCH_FORGET;
}

static void wait_for_memory(void)
{
	static const struct timespec t = {.tv_nsec = 10000000};

	nanosleep(&t, NULL);
}

static void process(struct worker *w)
{
	bool once = said_once(&w->buf);

	reached = !once;
	for (;;) {
		fuse_session_process_buf(w->d->se, &w->buf);
		if (reached || fuse_session_exited(w->d->se))
			return;
		wait_for_memory();
	}
}

/* Before a request that takes long. */
static void step_aside(struct worker *w)
{
	locked(&w->d->lock);
	if (w->d->leader == w)
		pass_lead(w->d);
}

/* Answers requests for as long as it leads.  False: it is over. */
static bool lead(struct worker *w)
{
	struct dispatch *d = w->d;
	int n;

	while (atomic_load(&w->leads)) {
		atomic_store(&w->reading, true);
		n = fuse_session_receive_buf(d->se, &w->buf);
		atomic_store(&w->reading, false);
		if (n == -EINTR && !fuse_session_exited(d->se))
			continue;
		if (n == -ENOMEM && !fuse_session_exited(d->se)) {
			wait_for_memory(); /* nothing was read */
			continue;
		}
		if (n <= 0 || fuse_session_exited(d->se)) {
			finish(d, n < 0 && n != -EINTR ? n : 0);
			return false;
		}
		atomic_fetch_add(&d->served, 1);
		if (takes_long(d, &w->buf))
			step_aside(w);
		atomic_store(&w->since, now_ms());
		if (atomic_load(&d->asleep) &&
			atomic_exchange(&d->asleep, false))
			sem_post(&d->watch);
		process(w);
		atomic_store(&w->since, 0);
	}
	return true;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (take_lead(w) && lead(w))
		;
	locked(&w->d->lock);
	w->d->ended++;
	sem_post(&w->d->watch);
	return NULL;
}

/* -- the watcher: D2, D3, and the end -- */

static void relieve(struct dispatch *d)
{
	uint64_t since;

	locked(&d->lock);
	if (d->leader == NULL)
		return;
	since = atomic_load(&d->leader->since);
	if (since != 0 && now_ms() >= since + DISPATCH_LATE_MS)
		pass_lead(d);
}

/* Who waits for a request hears of the end by a signal, which is repeated
 * because it may come just before the read. */
static void interrupt(struct dispatch *d)
{
	struct worker *w;

	fuse_session_exit(d->se);
	locked(&d->lock);
	for (w = d->all; w != NULL; w = w->next)
		if (atomic_load(&w->reading))
			pthread_kill(w->thread, WAKE);
}

static void wait_for(struct dispatch *d, unsigned ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += (long)ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	(void)sem_clockwait(&d->watch, CLOCK_MONOTONIC, &t);
}

enum stage { SERVING, ENDING, ENDED };

static enum stage stage(struct dispatch *d)
{
	locked(&d->lock);
	if (d->ended == d->threads)
		return ENDED;
	return d->over || atomic_load(&d->stopping) ? ENDING : SERVING;
}

static void watch(struct dispatch *d)
{
	unsigned quiet = 0;
	enum stage s;

	while ((s = stage(d)) != ENDED) {
		if (s == ENDING)
			interrupt(d);
		if (s == SERVING && quiet >= LINGER) {
			atomic_store(&d->asleep, true);
			/* a request that came before that did not see it */
			if (atomic_load(&d->served) == 0)
				(void)sem_wait(&d->watch);
			atomic_store(&d->asleep, false);
			quiet = 0;
			continue;
		}
		wait_for(d, DISPATCH_LATE_MS);
		relieve(d);
		quiet = atomic_exchange(&d->served, 0) == 0 ? quiet + 1 : 0;
	}
}

static void heard(int sig)
{
	(void)sig; /* only ends a system call */
}

int dispatch_run(struct dispatch *d)
{
	struct sigaction act = {.sa_handler = heard}, before;
	struct worker *w;
	int rc;

	sigaction(WAKE, &act, &before);
	pthread_mutex_lock(&d->lock);
	rc = start_worker(d);
	pthread_mutex_unlock(&d->lock);
	if (rc != 0)
		return rc;
	watch(d);
	for (w = d->all; w != NULL; w = w->next)
		pthread_join(w->thread, NULL);
	sigaction(WAKE, &before, NULL);
	return d->rc;
}

void dispatch_stop(struct dispatch *d)
{
	atomic_store(&d->stopping, true);
	sem_post(&d->watch);
}
