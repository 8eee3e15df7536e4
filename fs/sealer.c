#include "fs/sealer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fault.h"
#include "core/object.h"
#include "fs/gone.h"
#include "fs/inner.h"
#include "fs/large.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/sealgroup.h"
#include "fs/sealrecord.h"
#include "fs/version.h"

#define GROUP 4096	/* items sealed together */
#define GROUP_BYTES ((uint64_t)256 << 20) /* and not much more than that: who
					     comes next waits for it */
#define SHARES 8	/* of a group, at least, for its two threads */
#define SHARE_MAX 64	/* files that a thread takes at a time */
#define LINGER_MS 500	/* at most, for others that are nearly due: the larger
			   the group, the cheaper it is to make durable */

struct sealer {
	struct mount *m;
	pthread_mutex_t lock;
	pthread_cond_t wake;	/* the sealer; its helper */
	bool stop, woken;
	bool started;
	struct group *shared;	/* what the helper is to hash, or NULL */
	unsigned helping;
	pthread_t thread, helper;
	struct hashing hashing[2];
	struct large *large;
	struct node **late;	/* sealed files that owe links */
	size_t n_late, cap_late;
};

/* -- one group -- */

/* About as many bytes have to be hashed for it. */
static uint64_t cost(const struct node *n)
{
	uint64_t size = n->end > n->length ? n->end : n->length;

	if (n->type != NODE_FILE)
		return 0;
	return n->stands && n->floor < size ? size - n->floor : size;
}

/* A group that has room for the items, or one without any. */
static struct group *new_group(struct item *const *item, size_t n)
{
	struct group *g = calloc(1, sizeof(*g));
	size_t i, room = 0;

	for (i = 0; i < n; i++)
		room += sealgroup_room(node_of_item(item[i]));
	if (g == NULL || room == 0)
		return g;
	g->job = calloc(room, sizeof(*g->job));
	g->cap = g->job == NULL ? 0 : room;
	return g;
}

/* A large file goes its own way. */
static void part(struct sealer *s, struct item *i)
{
	struct group *g = new_group(&i, 1);
	struct node *n = node_of_item(i);

	if (g != NULL && sealgroup_add(s->m, g, n) == 0) {
		large_give(s->large, g, cost(n));
		return;
	}
	if (g == NULL)
		settle_failed(&s->m->nodes.settle, i, mount_now(s->m),
			RETRY_MS);
	else
		sealgroup_free(g);
	free(g);
}

/* Takes what is due, in all or up to what a group may have; *ret_more: there
 * is more. */
static struct group *take(struct sealer *s, bool *ret_more)
{
	struct mount *m = s->m;
	struct item *item[GROUP];
	uint64_t bytes = 0, one;
	struct group *g;
	size_t n = 0, i;

	TREE(m, false);
	locked(&m->lock);
	while (n < GROUP && bytes < GROUP_BYTES &&
		settle_take(&m->nodes.settle, mount_now(m), &item[n], 1) == 1) {
		one = cost(node_of_item(item[n]));
		if (one > PACK_FILE_MAX) {
			part(s, item[n]);
			continue;
		}
		bytes += one;
		n++;
	}
	*ret_more = n == GROUP || bytes >= GROUP_BYTES;
	g = n == 0 ? NULL : new_group(item, n);
	for (i = 0; i < n && g != NULL; i++)
		(void)sealgroup_add(m, g, node_of_item(item[i]));
	for (i = 0; i < n && g == NULL; i++)
		settle_failed(&m->nodes.settle, item[i], mount_now(m),
			RETRY_MS);
	return g;
}

static void hash_jobs(struct sealer *s, struct group *g,
	struct hashing *hashing)
{
	size_t i, some = g->n / SHARES;

	some = some < 1 ? 1 : some > SHARE_MAX ? SHARE_MAX : some;
	while ((i = atomic_fetch_add(&g->next, some)) < g->n)
		sealrecord_make(s->m, &g->job[i],
			some < g->n - i ? some : g->n - i, hashing);
}

static void hash_all(struct sealer *s, struct group *g)
{
	pthread_mutex_lock(&s->lock);
	s->shared = g;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	hash_jobs(s, g, &s->hashing[0]);
	pthread_mutex_lock(&s->lock);
	s->shared = NULL;
	while (s->helping > 0)
		pthread_cond_wait(&s->wake, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static void *help(void *arg)
{
	struct sealer *s = arg;
	struct group *g;

	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		g = s->shared;
		if (g == NULL || atomic_load(&g->next) >= g->n) {
			pthread_cond_wait(&s->wake, &s->lock);
			continue;
		}
		s->helping++;
		pthread_mutex_unlock(&s->lock);
		hash_jobs(s, g, &s->hashing[1]);
		pthread_mutex_lock(&s->lock);
		s->helping--;
		pthread_cond_broadcast(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

void sealer_protect(struct sealer *s, const char *path, bool check)
{
	struct mount *m = s->m;
	int rc;

	if (!atomic_load(&m->immutable) ||
		(check && backing_immutable(m->files, path)))
		return;
	rc = backing_set_immutable(m->files, path, true);
	if (rc == 0)
		return;
	if (rc == -EOPNOTSUPP || rc == -EPERM)
		atomic_store(&m->immutable, false);
	mount_say(m, "sealed, but not made immutable", path, rc);
}

void sealer_late(struct sealer *s, struct node *n)
{
	struct node **p;
	struct name *name;
	bool owes = false;

	for (name = n->names; name != NULL; name = name->node_next)
		owes = owes || (!name->recorded &&
			class_seals(name_class(&s->m->nodes, name)));
	if (!owes)
		return;
	if (s->n_late == s->cap_late) {
		p = reallocarray(s->late, s->cap_late + 16, sizeof(*p));
		if (p == NULL)
			return; /* the next start finds it */
		s->late = p;
		s->cap_late += 16;
	}
	n->refs++;
	s->late[s->n_late++] = n;
}

/* Records the link path to what is sealed as first.  Memory that has let go of
 * a file does not know which of its names are recorded: none is twice. */
static int record_owed(struct sealer *s, const char *first, const char *path)
{
	struct version_seal seal;
	struct stat st;
	int rc = backing_stat(s->m->files, path, &st);

	if (rc == 0)
		rc = version_look(s->m, path, &st, &seal);
	return rc != 0 || seal.sealed ? rc : sealer_link(s, first, path);
}

/* Links made while their file was being sealed, or with no room. */
static void record_late(struct sealer *s)
{
	struct mount *m = s->m;
	char path[NODE_PATH], first[NODE_PATH];
	struct name *name, *known, *todo;
	struct node *n;

	for (;;) {
		TREE(m, false);
		{
			locked(&m->lock);
			if (s->n_late == 0)
				return;
			n = s->late[s->n_late - 1];
			known = todo = NULL;
			for (name = n->names; name != NULL;
				name = name->node_next) {
				if (name->recorded)
					known = name;
				else if (class_seals(name_class(&m->nodes,
						name)))
					todo = name;
			}
			if (todo == NULL || known == NULL ||
				node_path_at(&m->nodes, todo->parent,
					todo->text, path) < 0 ||
				node_path_at(&m->nodes, known->parent,
					known->text, first) < 0) {
				s->n_late--;
				n->refs--;
				node_put(&m->nodes, n);
				continue;
			}
		}
		if (record_owed(s, first, path) != 0)
			return; /* with the next group */
		locked(&m->lock);
		todo->recorded = true;
	}
}

/* Is there more than one group takes? */
static bool one_group(struct sealer *s)
{
	struct mount *m = s->m;
	bool more;
	struct group *g = take(s, &more);
	int rc = 0;

	if (g != NULL && g->n > 0) {
		sealgroup_sync(m, g);
		hash_all(s, g);
		rc = sealgroup_end(m, g);
	}
	record_late(s);
	if (g != NULL && g->n > 0 && rc == 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, park_waiting(m->park));
	if (g != NULL) {
		park_wake(m->park);
		sealgroup_free(g);
	}
	free(g);
	return more;
}

/* -- links to sealed files -- */

struct copied {
	struct buf d;
	int rc;
};

static int copy_record(void *ctx, const struct local_record *r)
{
	struct copied *f = ctx;

	f->rc = buf_copy(r->d, &f->d);
	return 0;
}

int sealer_large(struct sealer *s, struct mount_hashing *ret,
	struct buf *names)
{
	return large_look(s->large, ret, names);
}

int sealer_link(struct sealer *s, const char *from, const char *to)
{
	struct local *l = s->m->s.local;
	cleanup(buf) struct buf d = {0};
	struct copied f = {0};
	struct record r;
	uint64_t id;
	int rc = l->ops->find(l, BYTES(from, strlen(from)), copy_record, &f);

	if (rc == 0)
		rc = f.rc != 0 ? f.rc : record_decode(BUF_BYTES(&f.d), &r);
	if (rc == 0) {
		if (r.kind != RECORD_LINK)
			r.target = r.path; /* a link's is the first name */
		r.kind = RECORD_LINK;
		r.path = BYTES(to, strlen(to));
		r.until = 0; /* the file's own record has it */
		r.has_previous = false;
		r.from = 0;
		r.tail = (struct hash){{0}};
		rc = sealrecord_encode(s->m, &r, &d);
	}
	buf_free(&f.d);
	if (rc == 0)
		rc = sealgroup_sync_parent(s->m, to);
	if (rc != 0)
		return rc;
	struct local_record q = {.kind = RECORD_LINK, .ready = true,
		.path = BYTES(to, strlen(to)), .d = BUF_BYTES(&d)};
	{
		locked(&s->m->newest);
		fault_point("link.synced");
		rc = l->ops->queue(l, &q, 1, &id);
		fault_point("link.queued");
	}
	if (rc == 0 && s->m->s.queued != NULL)
		s->m->s.queued(s->m->s.ctx, false);
	return rc;
}

/* -- folders that went away -- */

static void bury(struct mount *m)
{
	int rc;

	if (!gone_owed(m->gone))
		return;
	rc = gone_work(m->gone);
	if (rc < 0)
		mount_say(m, "cannot record removed folders now", "", rc);
	if (rc > 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, park_waiting(m->park));
	park_wake(m->park);
}

/* -- the thread -- */

/* Once, when there is nothing more urgent. */
static void sweep(struct mount *m)
{
	int rc = retain_sweep(m);

	if (rc < 0)
		mount_say(m, "cannot set access times to retention dates", "",
			rc);
}

static void watch_backlog(struct mount *m)
{
	struct local_counts c;
	uint64_t owed = 0;
	bool full;

	if (m->s.local->ops->counts(m->s.local, &c) != 0 ||
		room_owed(m, &owed) != 0)
		return;
	full = c.queued_files > config_now(&m->s.config->backlog_files) ||
		owed > config_now(&m->s.config->backlog_bytes);
	if (atomic_exchange(&m->full, full) && !full)
		park_wake(m->park);
}

static void sleep_until(struct sealer *s, uint64_t ms)
{
	struct timespec t;

	if (ms > config_now(&s->m->s.config->settle_ms) / 2)
		ms = config_now(&s->m->s.config->settle_ms) / 2; /* what comes meanwhile */
	if (ms > 1000)
		ms = 1000; /* the backlog is looked at too */
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += (time_t)(ms / 1000);
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	locked(&s->lock);
	while (!s->stop && !s->woken)
		if (pthread_cond_timedwait(&s->wake, &s->lock, &t) != 0)
			break;
	s->woken = false;
}

/* How long after the first of a group is due: a quarter of the settle time,
 * nothing to speak of when somebody waits. */
static uint64_t linger(const struct mount *m)
{
	uint64_t ms = config_now(&m->s.config->settle_ms) / 4;

	if (park_waiting(m->park))
		return 10;
	return ms < LINGER_MS ? ms : LINGER_MS;
}

/* Has somebody been told that a file is sealed which nobody has taken yet? */
static bool asked(struct mount *m)
{
	const struct item *i;

	locked(&m->lock);
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (i->state == ST_SEALING && i->heap != 0)
			return true;
	return false;
}

static void *run(void *arg)
{
	struct sealer *s = arg;
	struct mount *m = s->m;
	uint64_t next;
	bool rest, stop, swept = false;

	for (;;) {
		{
			locked(&s->lock);
			stop = s->stop;
		}
		if (stop && !asked(m))
			return NULL;
		watch_backlog(m);
		rest = one_group(s);
		bury(m);
		if (rest)
			continue;
		if (!swept)
			sweep(m);
		swept = true;
		{
			locked(&m->lock);
			next = settle_next(&m->nodes.settle, mount_now(m));
		}
		sleep_until(s, next < UINT64_MAX ? next + linger(m) : next);
	}
}

void sealer_wake(struct sealer *s)
{
	locked(&s->lock);
	s->woken = true;
	pthread_cond_broadcast(&s->wake);
}

int sealer_new(struct mount *m, struct sealer **ret)
{
	struct sealer *s = calloc(1, sizeof(*s));
	pthread_condattr_t mono;

	if (s == NULL)
		return -ENOMEM;
	s->m = m;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &mono);
	pthread_condattr_destroy(&mono);
	s->hashing[0].buffer = aligned_alloc(64, HASHFILE_BUFFER);
	s->hashing[1].buffer = aligned_alloc(64, HASHFILE_BUFFER);
	if (s->hashing[0].buffer == NULL || s->hashing[1].buffer == NULL ||
		large_new(m, &s->large) != 0) {
		sealer_free(s);
		return -ENOMEM;
	}
	*ret = s;
	return 0;
}

int sealer_start(struct sealer *s)
{
	int rc = pthread_create(&s->thread, NULL, run, s);

	if (rc != 0)
		return -rc;
	rc = pthread_create(&s->helper, NULL, help, s);
	s->started = true;
	if (rc == 0)
		return large_start(s->large);
	s->helper = s->thread;
	return -rc;
}

void sealer_stop(struct sealer *s)
{
	{
		locked(&s->lock);
		s->stop = true;
		pthread_cond_broadcast(&s->wake);
	}
	if (!s->started)
		return;
	pthread_join(s->thread, NULL);
	large_stop(s->large); /* which has what the thread took last, too */
	if (!pthread_equal(s->helper, s->thread))
		pthread_join(s->helper, NULL);
	s->started = false;
}

void sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	large_free(s->large);
	free(s->hashing[0].buffer);
	free(s->hashing[1].buffer);
	free(s->late);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	free(s);
}
