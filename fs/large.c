#include "fs/large.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/json.h"
#include "fs/hashfile.h"
#include "fs/inner.h"
#include "fs/park.h"
#include "fs/sealer.h"
#include "fs/sealgroup.h"
#include "fs/sealrecord.h"

#define LANE_NICE 10	/* the nice value of a lane */

struct lane {
	struct large *l;
	uint64_t most;		/* bytes of what it takes */
	pthread_t thread;
	bool started;
	struct group *group;	/* in work, or NULL; under the lock */
	struct hashing hashing;
};

struct large {
	struct mount *m;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	struct group *first, **last; /* waiting */
	struct lane lane[LARGE_LANES];
};

/* L1, L2 */
static int go_on(void *ctx)
{
	struct lane *lane = ctx;
	const struct job *j = &lane->group->job[0];

	{
		locked(&lane->l->lock);
		if (lane->l->stop)
			return -EINTR;
	}
	locked(&lane->l->m->lock);
	return j->turn == j->node->item.turn ? 0 : -ECANCELED;
}

static void seal(struct lane *lane, struct group *g)
{
	struct mount *m = lane->l->m;
	int rc = go_on(lane);

	if (rc == 0) {
		sealgroup_sync(m, g);
		sealrecord_make(m, g->job, g->n, &lane->hashing);
	} else {
		g->job[0].rc = rc;
	}
	rc = sealgroup_end(m, g);
	if (rc == 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, park_waiting(m->park));
	park_wake(m->park);
	sealer_wake(m->sealer); /* there may be links that came late */
}

/* The first that is for this lane, or NULL; lock held. */
static struct group *next(struct lane *lane)
{
	struct large *l = lane->l;
	struct group **p = &l->first, *g;

	while (*p != NULL && (*p)->bytes > lane->most)
		p = &(*p)->after;
	g = *p;
	if (g == NULL)
		return NULL;
	*p = g->after;
	if (*p == NULL)
		l->last = p;
	return g;
}

static void *run(void *arg)
{
	struct lane *lane = arg;
	struct large *l = lane->l;
	struct group *g;

	/* of this thread alone: requests and small files go first */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), LANE_NICE);
	pthread_mutex_lock(&l->lock);
	for (;;) {
		g = next(lane);
		if (g == NULL && l->stop)
			break;
		if (g == NULL) {
			pthread_cond_wait(&l->wake, &l->lock);
			continue;
		}
		atomic_store(&lane->hashing.done, 0);
		lane->group = g;
		pthread_mutex_unlock(&l->lock);
		seal(lane, g);
		pthread_mutex_lock(&l->lock);
		lane->group = NULL;
		pthread_mutex_unlock(&l->lock);
		sealgroup_free(g);
		free(g);
		pthread_mutex_lock(&l->lock);
	}
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

void large_give(struct large *l, struct group *g, uint64_t bytes)
{
	locked(&l->lock);
	g->after = NULL;
	g->bytes = bytes;
	*l->last = g;
	l->last = &g->after;
	pthread_cond_broadcast(&l->wake); /* not each lane takes each */
}

static int add_line(const char *path, uint64_t bytes, uint64_t done,
	struct buf *ret)
{
	cleanup(buf) struct buf line = {0};
	struct json j = {0};
	int rc;

	json_object(&j, NULL);
	json_text(&j, "path", path);
	json_uint(&j, "bytes", bytes);
	json_uint(&j, "done", done);
	json_close_object(&j);
	rc = json_end(&j, &line);
	if (rc == 0)
		rc = buf_add(&line, "\n", 1);
	return rc == 0 ? buf_add(ret, line.p, line.n) : rc;
}

static int add(const struct group *g, uint64_t done, struct mount_hashing *v,
	struct buf *names)
{
	uint64_t bytes = g->bytes > done ? g->bytes : done;

	v->files++;
	v->bytes += bytes;
	v->done += done;
	return names == NULL ? 0 : add_line(g->job[0].path, bytes, done, names);
}

int large_look(struct large *l, struct mount_hashing *ret, struct buf *names)
{
	struct mount_hashing v = {0};
	const struct group *g;
	unsigned i;
	int rc = 0;

	locked(&l->lock);
	for (i = 0; i < LARGE_LANES && rc == 0; i++)
		if (l->lane[i].group != NULL)
			rc = add(l->lane[i].group,
				atomic_load(&l->lane[i].hashing.done), &v,
				names);
	for (g = l->first; g != NULL && rc == 0; g = g->after)
		rc = add(g, 0, &v, names);
	if (rc == 0)
		*ret = v;
	return rc;
}

int large_new(struct mount *m, struct large **ret)
{
	struct large *l = calloc(1, sizeof(*l));
	struct lane *lane;

	if (l == NULL)
		return -ENOMEM;
	l->m = m;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->wake, NULL);
	for (lane = l->lane; lane < l->lane + LARGE_LANES; lane++) {
		lane->l = l;
		lane->most = lane == l->lane ? LARGE_MOST : UINT64_MAX;
		lane->hashing.go_on = go_on;
		lane->hashing.ctx = lane;
		lane->hashing.buffer = aligned_alloc(64, HASHFILE_BUFFER);
		if (lane->hashing.buffer == NULL) {
			large_free(l);
			return -ENOMEM;
		}
	}
	*ret = l;
	return 0;
}

int large_start(struct large *l)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < LARGE_LANES && rc == 0; i++) {
		rc = pthread_create(&l->lane[i].thread, NULL, run, &l->lane[i]);
		l->lane[i].started = rc == 0;
	}
	return -rc;
}

void large_stop(struct large *l)
{
	unsigned i;

	{
		locked(&l->lock);
		l->stop = true;
		pthread_cond_broadcast(&l->wake);
	}
	for (i = 0; i < LARGE_LANES; i++) {
		if (l->lane[i].started)
			pthread_join(l->lane[i].thread, NULL);
		l->lane[i].started = false;
	}
}

void large_free(struct large *l)
{
	unsigned i;

	if (l == NULL)
		return;
	for (i = 0; i < LARGE_LANES; i++)
		free(l->lane[i].hashing.buffer);
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->wake);
	free(l);
}
