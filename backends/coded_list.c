/*
 * coded_list: the listings of all buckets, merged.
 *
 * Each bucket is listed by a thread of its own into a short queue (the workers
 * stay free for what visit() may ask of the replica); the caller takes the
 * smallest key that stands at the head of any.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backends/coded.h"
#include "core/cleanup.h"

#define QUEUE 128	/* keys */

struct lister {
	struct merge *merge;
	struct worm *bucket;
	pthread_t thread;
	pthread_cond_t space;
	char (*key)[WORM_KEY_MAX + 1];	/* QUEUE of them, a ring */
	size_t first, n;
	char last[WORM_KEY_MAX + 1];	/* put into the queue */
	bool started, ended;
	int error;
};

struct merge {
	struct coded *c;
	char prefix[WORM_KEY_MAX + 1];
	pthread_mutex_t lock;		/* over all that follows */
	pthread_cond_t more;		/* keys, or an end */
	bool stop;
	struct lister lister[REPLICA_MAX];
};

/* Keys that do not ascend would come twice: such a bucket is lying. */
static int enqueue(void *ctx, const char *key, uint64_t size)
{
	struct lister *l = ctx;
	struct merge *m = l->merge;

	(void)size;
	if (strlen(key) > WORM_KEY_MAX || strcmp(key, l->last) <= 0)
		return -EBADMSG;
	strcpy(l->last, key);
	locked(&m->lock);
	while (l->n == QUEUE && !m->stop)
		pthread_cond_wait(&l->space, &m->lock);
	if (m->stop)
		return -ECANCELED;
	strcpy(l->key[(l->first + l->n++) % QUEUE], key);
	if (l->n == 1)
		pthread_cond_signal(&m->more);
	return 0;
}

static void *list_bucket(void *arg)
{
	struct lister *l = arg;
	struct worm *w = l->bucket;
	int rc = w->ops->list(w, l->merge->prefix, enqueue, l);

	locked(&l->merge->lock);
	l->ended = true;
	l->error = rc;
	pthread_cond_signal(&l->merge->more);
	return NULL;
}

/* Waits until every lister has a key or has ended. */
static void wait_for_heads(struct merge *m)
{
	unsigned i;

	for (i = 0; i < m->c->base.n; i++)
		while (m->lister[i].n == 0 && !m->lister[i].ended)
			pthread_cond_wait(&m->more, &m->lock);
}

static const char *head(const struct lister *l)
{
	return l->n > 0 ? l->key[l->first] : NULL;
}

static void drop_head(struct lister *l)
{
	l->first = (l->first + 1) % QUEUE;
	l->n--;
	if (l->n == QUEUE / 2)
		pthread_cond_signal(&l->space);
}

/* Takes the smallest key off all queues; the buckets that had it, 0 at the
 * end. */
static uint32_t take(struct merge *m, char ret[WORM_KEY_MAX + 1])
{
	locked(&m->lock);
	const char *best = NULL, *key;
	uint32_t mask = 0;
	unsigned i;

	wait_for_heads(m);
	for (i = 0; i < m->c->base.n; i++) {
		key = head(&m->lister[i]);
		if (key != NULL && (best == NULL || strcmp(key, best) < 0))
			best = key;
	}
	if (best == NULL)
		return 0;
	strcpy(ret, best);
	for (i = 0; i < m->c->base.n; i++) {
		key = head(&m->lister[i]);
		if (key != NULL && strcmp(key, ret) == 0) {
			mask |= 1u << i;
			drop_head(&m->lister[i]);
		}
	}
	return mask;
}

static int start(struct merge *m)
{
	struct lister *l;
	unsigned i;

	for (i = 0; i < m->c->base.n; i++) {
		l = &m->lister[i];
		l->bucket = m->c->bucket[i];
		l->ended = l->bucket == NULL;
		l->error = l->bucket == NULL ? -ENODEV : 0;
		if (l->bucket == NULL)
			continue;
		l->key = malloc(QUEUE * sizeof *l->key);
		if (l->key == NULL || pthread_create(&l->thread, NULL,
				list_bucket, l) != 0)
			return -ENOMEM;
		l->started = true;
	}
	return 0;
}

static void stop(struct merge *m)
{
	unsigned i;

	pthread_mutex_lock(&m->lock);
	m->stop = true;
	for (i = 0; i < REPLICA_MAX; i++)
		pthread_cond_signal(&m->lister[i].space);
	pthread_mutex_unlock(&m->lock);
	for (i = 0; i < REPLICA_MAX; i++)
		if (m->lister[i].started)
			pthread_join(m->lister[i].thread, NULL);
}

/* An object at quorum is missing in n - quorum buckets at the most; so with
 * more than these listed to the end, none such can be missing here. */
static int outcome(const struct merge *m)
{
	const struct replica *r = &m->c->base;
	unsigned i, listed = 0;

	for (i = 0; i < r->n; i++)
		listed += m->lister[i].error == 0;
	return listed > r->n - r->quorum ? 0 : -EAGAIN;
}

static struct merge *merge_new(struct coded *c)
{
	struct merge *m = calloc(1, sizeof *m);
	unsigned i;

	if (m == NULL)
		return NULL;
	m->c = c;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->more, NULL);
	for (i = 0; i < REPLICA_MAX; i++) {
		m->lister[i].merge = m;
		pthread_cond_init(&m->lister[i].space, NULL);
	}
	return m;
}

static void merge_free(struct merge *m)
{
	unsigned i;

	for (i = 0; i < REPLICA_MAX; i++) {
		pthread_cond_destroy(&m->lister[i].space);
		free(m->lister[i].key);
	}
	pthread_cond_destroy(&m->more);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

int coded_list(struct replica *r, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint32_t buckets), void *ctx)
{
	struct coded *c = coded_of(r);
	size_t skip = strlen(c->prefix);
	char key[WORM_KEY_MAX + 1];
	struct merge *m;
	uint32_t mask;
	int rc;

	if (strlen(prefix) > WORM_KEY_MAX - skip)
		return 0; /* longer than any key */
	m = merge_new(c);
	if (m == NULL)
		return -ENOMEM;
	strcpy(m->prefix, c->prefix);
	strcat(m->prefix, prefix);
	rc = start(m);
	while (rc == 0 && (mask = take(m, key)) != 0)
		rc = visit(ctx, key + skip, mask);
	stop(m);
	if (rc == 0)
		rc = outcome(m);
	merge_free(m);
	return rc;
}
