#include "fs/sealer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/fault.h"
#include "fs/gone.h"
#include "fs/inner.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/sealrecord.h"
#include "fs/versions.h"

#define GROUP 4096	/* items sealed together */
#define SYNC_EACH 8	/* more than this: one syncfs is cheaper */
#define SHARES 8	/* of a group, at least, for its two threads */
#define SHARE_MAX 64	/* files that a thread takes at a time */
#define RETRY_MS 2000	/* at least, after a failure */
#define SAY_MS 60000	/* between two lines about the same failure */
#define LINGER_MS 500	/* at most, for others that are nearly due: the larger
			   the group, the cheaper it is to make durable */

struct group {
	struct job *job;
	size_t n, cap;
	atomic_size_t next;	/* job to be hashed next */
};

struct sealer {
	struct mount *m;
	pthread_mutex_t lock;
	pthread_cond_t wake;	/* the sealer; its helper */
	bool stop, woken;
	bool started;
	struct group *shared;	/* what the helper is to hash, or NULL */
	unsigned helping;
	pthread_t thread, helper;
	uint8_t *buffer[2];
	int said;		/* the last failure in the journal, when */
	uint64_t said_ms;
	struct node **late;	/* sealed files that owe links */
	size_t n_late, cap_late;
};

/* -- one group -- */

static struct job *add_job(struct group *g, struct node *n, struct name *name,
	const char *path)
{
	struct job *j;

	if (g->n == g->cap)
		return NULL;
	j = &g->job[g->n];
	*j = (struct job){.node = n, .name = name, .path = strdup(path),
		.class = n->item.class, .turn = n->item.turn,
		.rewritten = n->rewritten, .unclean = n->item.unclean};
	if (j->path == NULL)
		return NULL;
	g->n++;
	return j;
}

/* Jobs for the names that are to be recorded and are not; lock held.  What
 * grows is recorded again. */
static int add_names(struct mount *m, struct group *g, struct node *n)
{
	struct terms vault = retain_terms(m);
	struct job *j, *first = NULL;
	char path[NODE_PATH];
	struct name *name;

	for (name = n->names; name != NULL; name = name->node_next) {
		if ((name->recorded && n->item.class != CLASS_APPEND) ||
			!class_seals(name_class(&m->nodes, name)))
			continue;
		if (node_path_at(&m->nodes, name->parent, name->text,
				path) < 0)
			return -ENAMETOOLONG;
		j = add_job(g, n, name, path);
		if (j == NULL)
			return -ENOMEM;
		j->first = first;
		j->span = name_terms(&m->nodes, name, &vault).usual;
		if (first == NULL)
			first = j;
	}
	return 0;
}

static size_t count_names(const struct node *n)
{
	const struct name *name;
	size_t k = 0;

	for (name = n->names; name != NULL; name = name->node_next)
		k++;
	return n->type == NODE_FOLDER ? 1 : k;
}

/* Takes what is due.  The jobs' memory is g->job. */
static void take(struct sealer *s, struct group *g)
{
	struct mount *m = s->m;
	struct item *item[GROUP];
	char path[NODE_PATH];
	struct node *n;
	size_t k, i, before, room = 0;
	int rc;

	TREE(m, false);
	locked(&m->lock);
	k = settle_take(&m->nodes.settle, mount_now(m), item, GROUP);
	for (i = 0; i < k; i++)
		room += count_names(node_of_item(item[i]));
	g->job = room == 0 ? NULL : calloc(room, sizeof(*g->job));
	g->cap = g->job == NULL ? 0 : room;
	for (i = 0; i < k; i++) {
		n = node_of_item(item[i]);
		before = g->n;
		rc = 0;
		if (n->type != NODE_FOLDER)
			rc = add_names(m, g, n);
		else if (node_path(&m->nodes, n, path) < 0 ||
			add_job(g, n, NULL, path) == NULL)
			rc = -ENOMEM;
		if (rc == 0 && g->n > before)
			continue;
		while (g->n > before)
			free(g->job[--g->n].path);
		settle_failed(&m->nodes.settle, item[i], mount_now(m),
			RETRY_MS);
	}
}

/* S1.  One syncfs for many, a few calls for few. */
static int sync_parent(struct sealer *s, const char *path)
{
	cleanup(free) char *folder = strdup(path);
	char *slash;

	if (folder == NULL)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	*(slash != NULL ? slash : folder) = '\0';
	return backing_sync(s->m->files, folder);
}

static void make_durable(struct sealer *s, struct group *g)
{
	size_t i;
	int rc = 0;

	if (g->n > SYNC_EACH)
		rc = syncfs(s->m->files) != 0 ? -errno : 0;
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (g->n <= SYNC_EACH && j->node->type != NODE_FOLDER) {
			rc = j->node->type == NODE_FILE ?
				backing_sync(s->m->files, j->path) : 0;
			if (rc == 0 || rc == -EACCES)
				rc = sync_parent(s, j->path);
		}
		if (j->rc == 0)
			j->rc = rc;
	}
}

static void hash_jobs(struct sealer *s, struct group *g, uint8_t *buffer)
{
	size_t i, some = g->n / SHARES;

	some = some < 1 ? 1 : some > SHARE_MAX ? SHARE_MAX : some;
	while ((i = atomic_fetch_add(&g->next, some)) < g->n)
		sealrecord_make(s->m, &g->job[i],
			some < g->n - i ? some : g->n - i, buffer);
}

static void hash_all(struct sealer *s, struct group *g)
{
	pthread_mutex_lock(&s->lock);
	s->shared = g;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	hash_jobs(s, g, s->buffer[0]);
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
		hash_jobs(s, g, s->buffer[1]);
		pthread_mutex_lock(&s->lock);
		s->helping--;
		pthread_cond_broadcast(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static struct local_record queued(const struct job *j)
{
	enum node_type type = j->node->type;
	struct local_record r = {
		.kind = j->first != NULL ? RECORD_LINK :
			type == NODE_FOLDER ? RECORD_MKDIR :
			type == NODE_SYMLINK ? RECORD_SYMLINK :
			j->from > 0 ? RECORD_APPEND : RECORD_PUT,
		.path = BYTES(j->path, strlen(j->path)),
		.d = BUF_BYTES(&j->d),
		.extents = BUF_BYTES(&j->h.tops),
	};

	if (type == NODE_FILE && j->first == NULL)
		r.size = (uint64_t)j->st.st_size - j->from;
	r.ready = r.extents.n == 0;
	return r;
}

/* A file that local counts already, while its state is still SEALING. */
static bool is_early(const struct job *j)
{
	return j->rc == 0 && j->first == NULL && j->node->type == NODE_FILE &&
		!j->nothing && j->from == 0;
}

static void count_early(struct mount *m, const struct group *g)
{
	size_t i;

	locked(&m->lock);
	for (i = 0; i < g->n; i++)
		m->early += is_early(&g->job[i]);
}

static void make_links(struct sealer *s, struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->first == NULL)
			continue;
		j->rc = j->first->rc;
		if (j->rc == 0)
			j->rc = sealrecord_link(s->m, j);
	}
}

/* From now on nobody stops what was not stopped (version.h). */
static void begin_commit(struct sealer *s, struct group *g)
{
	size_t i;

	locked(&s->m->lock);
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->node->type == NODE_FOLDER)
			continue;
		if (j->turn != j->node->item.turn)
			j->rc = -ECANCELED;
		else
			j->node->committing = true;
	}
}

/* All records of the group that could be made, in one commit. */
static int queue(struct sealer *s, struct group *g)
{
	struct local *l = s->m->s.local;
	cleanup(free) struct local_record *r = calloc(2 * g->n, sizeof(*r));
	size_t i, n = 0;
	uint64_t id;
	int rc;

	if (r == NULL)
		return -ENOMEM;
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->rc != 0 || j->nothing)
			continue;
		if (j->tombstone.n > 0)
			r[n++] = (struct local_record){.ready = true,
				.kind = RECORD_TOMBSTONE,
				.path = BYTES(j->path, strlen(j->path)),
				.d = BUF_BYTES(&j->tombstone)};
		r[n++] = queued(j);
	}
	locked(&s->m->queueing);
	if (n == 0)
		return 0;
	rc = l->ops->queue(l, r, n, &id);
	if (rc == 0)
		count_early(s->m, g);
	return rc;
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

static uint64_t retry_ms(const struct mount *m)
{
	return m->s.config->settle_ms > RETRY_MS ? m->s.config->settle_ms :
		RETRY_MS;
}

/* What is sealed now and was not; lock held.  A log may be longer by now. */
static void count_room(struct mount *m, const struct job *j)
{
	uint64_t size = (uint64_t)j->st.st_size, was = j->from;
	struct node *n = j->node;

	if (j->class == CLASS_APPEND && j->nothing)
		was = size;
	room_sealed(m, size - was);
	n->written = n->end > size ? n->end - size : 0;
}

/* Lock held: who sees it sealed sees what keeps the node, too.  A name was made
 * while the file was being sealed; or a spare name is left, and the node must
 * stay to know that it is sealed; or it may be unsealed, with all its names. */
static void be_sealed(struct mount *m, struct node *n)
{
	struct name *name;

	settle_sealed(&m->nodes.settle, &n->item);
	if (n->type == NODE_FOLDER)
		return;
	for (name = n->names; name != NULL; name = name->node_next)
		n->keeps = n->keeps || !name->recorded ||
			(n->item.class != CLASS_SEAL && n->names->node_next);
}

static void finish_job(struct sealer *s, struct job *j)
{
	struct mount *m = s->m;

	locked(&m->lock);
	m->early -= is_early(j);
	j->node->committing = false;
	if (j->rc == -ECANCELED)
		return;
	j->cached = j->rc == 0 && j->node->lookups > 0;
	if (j->rc == 0 && j->name != NULL)
		j->name->recorded = true;
	if (j->first != NULL)
		return;
	if (j->rc == 0)
		j->node->rewritten = false;
	if (j->rc == 0 && j->node->type == NODE_FILE)
		count_room(m, j);
	if (j->rc == 0 || (j->rc == -ENOENT && j->node->type == NODE_FOLDER))
		be_sealed(m, j->node);
	else if (j->rc != -ENOENT)
		settle_failed(&m->nodes.settle, &j->node->item, mount_now(m),
			retry_ms(m));
	else
		settle_gone(&m->nodes.settle, &j->node->item);
}

/* A file that changed meanwhile says nothing about how sealing does. */
static bool own_fault(const struct job *j)
{
	return j->rc == -EAGAIN || j->rc == -ESTALE || j->rc == -ENOENT;
}

/* Said once for a reason, and again after a while: there may be thousands of
 * files, and the journal may lie on the disk that is full. */
static void say_failure(struct sealer *s, const struct job *j, size_t others)
{
	uint64_t now = mount_now(s->m);
	char what[80];

	if (j->rc == s->said && now < s->said_ms + SAY_MS)
		return;
	s->said = j->rc;
	s->said_ms = now;
	snprintf(what, sizeof(what), others == 0 ? "cannot seal now" :
		"cannot seal now, like %zu others", others);
	mount_say(s->m, what, j->path, j->rc);
}

static void note_health(struct sealer *s, const struct group *g)
{
	struct clock *c = s->m->s.clock;
	const struct job *failed = NULL;
	size_t i, n = 0, sealed = 0;

	for (i = 0; i < g->n; i++) {
		const struct job *j = &g->job[i];
		sealed += j->rc == 0;
		if (j->rc == 0 || j->rc == -ECANCELED || (j->rc == -ENOENT &&
				j->node->type == NODE_FOLDER))
			continue;
		n++;
		if (failed == NULL || own_fault(failed))
			failed = j;
	}
	if (failed != NULL)
		say_failure(s, failed, n - 1);
	locked(&s->m->lock);
	if (failed != NULL && !own_fault(failed)) {
		s->m->sealing.error = failed->rc;
		s->m->sealing.error_ms = c->ops->now_ms(c);
	} else if (sealed > 0) {
		s->m->sealing.ok_ms = c->ops->now_ms(c);
		s->said = 0;
	}
}

/* What may change is made immutable when it is known to be sealed, and nobody
 * is at it. */
static void protect_for_now(struct sealer *s, const struct job *j)
{
	struct mount *m = s->m;
	char path[NODE_PATH];

	TREE(m, false);
	locked(&m->retain);
	{
		locked(&m->lock);
		if (j->node->item.state != ST_SEALED ||
			node_path(&m->nodes, j->node, path) < 0)
			return;
	}
	sealer_protect(s, path, false);
}

static void finish(struct sealer *s, struct group *g)
{
	struct mount *m = s->m;
	size_t i;

	note_health(s, g);
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->rc == 0 && j->node->type == NODE_FILE &&
			j->first == NULL && j->class == CLASS_SEAL)
			sealer_protect(s, j->path, false);
		if (j->rc == 0 && j->nothing && j->class == CLASS_VERSION)
			versions_drop(m->versions, &j->newest);
	}
	/* Links before their files: a sealed file has all its names. */
	for (i = g->n; i-- > 0;)
		finish_job(s, &g->job[i]);
	pthread_cond_broadcast(&m->sealed);
	for (i = 0; i < g->n; i++)
		if (g->job[i].rc == 0 && g->job[i].class != CLASS_SEAL &&
			g->job[i].node->type == NODE_FILE)
			protect_for_now(s, &g->job[i]);
	/* The flag, and maybe a date, are a change that went past the kernel. */
	for (i = 0; i < g->n; i++)
		if (g->job[i].cached && g->job[i].node->type == NODE_FILE)
			(void)fuse_lowlevel_notify_inval_inode(m->se,
				ino_of(m, g->job[i].node), -1, 0);
	locked(&m->lock);
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->node->keeps && j->node->item.state == ST_SEALED &&
			j->first == NULL && j->rc == 0)
			sealer_late(s, j->node);
		j->node->refs--;
		node_put(&m->nodes, j->node);
	}
}

static void hold(struct sealer *s, struct group *g)
{
	size_t i;

	locked(&s->m->lock);
	for (i = 0; i < g->n; i++)
		g->job[i].node->refs++;
}

static void free_group(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		free(g->job[i].path);
		buf_free(&g->job[i].d);
		buf_free(&g->job[i].tombstone);
		buf_free(&g->job[i].h.tops);
	}
	free(g->job);
}

/* Links made while their file was being sealed. */
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
		if (sealer_link(s, first, path) != 0)
			return; /* with the next group */
		locked(&m->lock);
		todo->recorded = true;
	}
}

/* Were there more than one group takes? */
static bool one_group(struct sealer *s)
{
	struct group g = {0};
	struct mount *m = s->m;
	size_t i;
	bool rest;
	int rc;

	take(s, &g);
	if (g.n == 0) {
		free_group(&g);
		record_late(s);
		return false;
	}
	hold(s, &g);
	fault_point("seal.taken");
	make_durable(s, &g);
	fault_point("seal.synced");
	hash_all(s, &g);
	make_links(s, &g);
	fault_point("seal.hashed");
	begin_commit(s, &g);
	rc = queue(s, &g);
	fault_point("seal.queued");
	for (i = 0; i < g.n && rc != 0; i++)
		if (g.job[i].rc == 0)
			g.job[i].rc = rc;
	finish(s, &g);
	fault_point("seal.protected");
	rest = g.n >= GROUP;
	free_group(&g);
	record_late(s);
	if (rc == 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, park_waiting(m->park));
	park_wake(m->park);
	return rest;
}

/* -- links to sealed files -- */

struct found {
	struct buf d;
	int rc;
};

static int copy_record(void *ctx, const struct local_record *r)
{
	struct found *f = ctx;

	f->rc = buf_copy(r->d, &f->d);
	return 0;
}

int sealer_link(struct sealer *s, const char *from, const char *to)
{
	struct local *l = s->m->s.local;
	cleanup(buf) struct buf d = {0};
	struct found f = {0};
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
		rc = sync_parent(s, to);
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
	bool full;

	if (m->s.local->ops->counts(m->s.local, &c) != 0)
		return;
	full = c.queued_files > m->s.config->backlog_files ||
		c.queued_bytes > m->s.config->backlog_bytes;
	if (atomic_exchange(&m->full, full) && !full)
		park_wake(m->park);
}

static void sleep_until(struct sealer *s, uint64_t ms)
{
	struct timespec t;

	if (ms > s->m->s.config->settle_ms / 2)
		ms = s->m->s.config->settle_ms / 2; /* what comes meanwhile */
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
	uint64_t ms = m->s.config->settle_ms / 4;

	if (park_waiting(m->park))
		return 10;
	return ms < LINGER_MS ? ms : LINGER_MS;
}

/* Has somebody been told that a file is sealed which is not recorded yet? */
static bool asked(struct mount *m)
{
	const struct item *i;

	locked(&m->lock);
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (i->state == ST_SEALING)
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
	s->buffer[0] = aligned_alloc(64, HASHFILE_BUFFER);
	s->buffer[1] = aligned_alloc(64, HASHFILE_BUFFER);
	if (s->buffer[0] == NULL || s->buffer[1] == NULL) {
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
		return 0;
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
	if (!pthread_equal(s->helper, s->thread))
		pthread_join(s->helper, NULL);
	s->started = false;
}

void sealer_free(struct sealer *s)
{
	if (s == NULL)
		return;
	free(s->buffer[0]);
	free(s->buffer[1]);
	free(s->late);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->wake);
	free(s);
}
