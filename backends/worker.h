/*
 * worker: a thread that does jobs in the order in which they are given.
 *
 * The queue is made of the jobs themselves, so giving one cannot fail and its
 * length is the givers' business.  A batch counts jobs and is waited for; job
 * and batch belong to the giver and may go when the wait is over.
 */
#ifndef BACKENDS_WORKER_H
#define BACKENDS_WORKER_H

#include <pthread.h>

struct batch {
	pthread_mutex_t lock;
	pthread_cond_t done;
	unsigned left;		/* jobs given and not yet done */
};

void batch_init(struct batch *b);
/* Until all its jobs are done.  It may then take more. */
void batch_wait(struct batch *b);
void batch_done(struct batch *b);	/* none may be left */

struct job {
	void (*run)(struct job *j);	/* may block; takes no jobs' results */
	struct batch *batch;
	struct job *next;		/* the worker's */
};

struct worker;
struct worker *worker_new(void);	/* NULL: no memory, no thread */
void worker_give(struct worker *w, struct job *j, struct batch *b);
void worker_free(struct worker *w);	/* when its jobs are done */

#endif
