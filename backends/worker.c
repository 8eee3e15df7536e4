#include "backends/worker.h"

#include <assert.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "core/signals.h"

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;	/* over what follows */
	pthread_cond_t more;
	struct job *first, **last;
	bool stop;
};

void batch_init(struct batch *b)
{
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->done, NULL);
	b->left = 0;
}

void batch_wait(struct batch *b)
{
	locked(&b->lock);
	while (b->left > 0)
		pthread_cond_wait(&b->done, &b->lock);
}

void batch_done(struct batch *b)
{
	assert(b->left == 0);
	pthread_cond_destroy(&b->done);
	pthread_mutex_destroy(&b->lock);
}

/* The job may be gone as soon as it is counted. */
static void count_down(struct batch *b)
{
	locked(&b->lock);
	if (--b->left == 0)
		pthread_cond_broadcast(&b->done);
}

/* The next job, or NULL when there will be none. */
static struct job *take(struct worker *w)
{
	locked(&w->lock);
	struct job *j;

	while (w->first == NULL && !w->stop)
		pthread_cond_wait(&w->more, &w->lock);
	j = w->first;
	if (j != NULL) {
		w->first = j->next;
		if (w->first == NULL)
			w->last = &w->first;
	}
	return j;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct batch *b;
	struct job *j;

	while ((j = take(w)) != NULL) {
		b = j->batch;
		j->run(j);
		count_down(b);
	}
	return NULL;
}

void worker_give(struct worker *w, struct job *j, struct batch *b)
{
	j->batch = b;
	j->next = NULL;
	pthread_mutex_lock(&b->lock);
	b->left++;
	pthread_mutex_unlock(&b->lock);
	locked(&w->lock);
	*w->last = j;
	w->last = &j->next;
	pthread_cond_signal(&w->more);
}

struct worker *worker_new(void)
{
	struct worker *w = calloc(1, sizeof *w);
	sigset_t all = signals_from_outside(), old;
	int rc;

	if (w == NULL)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	w->last = &w->first;
	pthread_sigmask(SIG_BLOCK, &all, &old);
	rc = pthread_create(&w->thread, NULL, work, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc == 0)
		return w;
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
	return NULL;
}

void worker_free(struct worker *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->more);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
