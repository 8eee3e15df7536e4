#include "fs/sealgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "fs/growth.h"
#include "fs/inner.h"
#include "fs/retain.h"
#include "fs/sealer.h"
#include "fs/sealrecord.h"
#include "fs/versions.h"

#define SYNC_EACH 8	/* more than this: one syncfs is cheaper */
#define SAY_MS 60000	/* between two lines about the same failure */

/* -- its jobs -- */

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
	n->refs++;
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

size_t sealgroup_room(const struct node *n)
{
	const struct name *name;
	size_t k = 0;

	for (name = n->names; name != NULL; name = name->node_next)
		k++;
	return n->type == NODE_FOLDER ? 1 : k;
}

int sealgroup_add(struct mount *m, struct group *g, struct node *n)
{
	size_t before = g->n;
	char path[NODE_PATH];
	int rc = 0;

	if (n->type != NODE_FOLDER)
		rc = add_names(m, g, n);
	else if (node_path(&m->nodes, n, path) < 0 ||
		add_job(g, n, NULL, path) == NULL)
		rc = -ENOMEM;
	if (rc == 0 && g->n > before)
		return 0;
	while (g->n > before) {
		free(g->job[--g->n].path);
		n->refs--;
	}
	settle_failed(&m->nodes.settle, &n->item, mount_now(m), RETRY_MS);
	return rc != 0 ? rc : -ENOENT;
}

/* S1.  One syncfs for many, a few calls for few. */
int sealgroup_sync_parent(struct mount *m, const char *path)
{
	cleanup(free) char *folder = strdup(path);
	char *slash;

	if (folder == NULL)
		return -ENOMEM;
	slash = strrchr(folder, '/');
	*(slash != NULL ? slash : folder) = '\0';
	return backing_sync(m->files, folder);
}

static void make_durable(struct mount *m, struct group *g)
{
	size_t i;
	int rc = 0;

	if (g->n > SYNC_EACH)
		rc = syncfs(m->files) != 0 ? -errno : 0;
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (g->n <= SYNC_EACH && j->node->type != NODE_FOLDER) {
			rc = j->node->type == NODE_FILE ?
				backing_sync(m->files, j->path) : 0;
			if (rc == 0 || rc == -EACCES)
				rc = sealgroup_sync_parent(m, j->path);
		}
		if (j->rc == 0)
			j->rc = rc;
	}
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

static void make_links(struct mount *m, struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->first == NULL)
			continue;
		j->rc = j->first->rc;
		if (j->rc == 0)
			j->rc = sealrecord_link(m, j);
	}
}

/* From now on nobody stops what was not stopped (version.h). */
static void begin_commit(struct mount *m, struct group *g)
{
	size_t i;

	locked(&m->lock);
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
static int queue(struct mount *m, struct group *g)
{
	struct local *l = m->s.local;
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
	locked(&m->queueing);
	if (n == 0)
		return 0;
	rc = l->ops->queue(l, r, n, &id);
	if (rc != 0)
		return rc;
	count_early(m, g);
	for (i = 0; i < n; i++)
		if (r[i].extents.n > 0)
			room_queued(m, id + i, r[i].extents);
	return 0;
}

static uint64_t retry_ms(const struct mount *m)
{
	uint64_t settle = config_now(&m->s.config->settle_ms);

	return settle > RETRY_MS ? settle : RETRY_MS;
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

static void finish_job(struct mount *m, struct job *j)
{
	locked(&m->lock);
	m->early -= is_early(j);
	if (j->rc == -ECANCELED)
		return; /* the node may be in another group by now */
	if (j->first == NULL)
		j->node->committing = false;
	j->cached = j->rc == 0 && j->node->lookups > 0;
	if (j->rc == 0 && j->name != NULL)
		j->name->recorded = true;
	if (j->first != NULL)
		return;
	if (j->rc == 0 && j->name != NULL)
		node_lead(j->name); /* a name of class temp may be older */
	if (j->rc == 0)
		j->node->rewritten = false;
	if (j->rc == 0 && j->class == CLASS_APPEND) {
		j->node->grows = j->node->type == NODE_FILE;
		j->node->stands = j->node->stands || !j->nothing;
	}
	if (j->rc == 0 && j->from > 0)
		growth_drop(m->growth, &j->before);
	if (j->rc == 0 && j->node->type == NODE_FILE) {
		count_room(m, j);
		j->node->stale = j->node->stale || j->node->escaped;
		j->node->escaped = false;
	}
	if (j->rc == 0 || (j->rc == -ENOENT && j->node->type == NODE_FOLDER))
		be_sealed(m, j->node);
	else if (j->rc != -ENOENT)
		settle_failed(&m->nodes.settle, &j->node->item, mount_now(m),
			j->rc == -ETXTBSY ? RETRY_MS : retry_ms(m));
	else
		settle_gone(&m->nodes.settle, &j->node->item);
}

/* A file that changed meanwhile, or may (P4 of passthru.h), says nothing about
 * how sealing does. */
static bool own_fault(const struct job *j)
{
	return j->rc == -EAGAIN || j->rc == -ETXTBSY || j->rc == -ESTALE ||
		j->rc == -ENOENT;
}

/* Said once for a reason, and again after a while: there may be thousands of
 * files, and the journal may lie on the disk that is full. */
static void say_failure(struct mount *m, const struct job *j, size_t others)
{
	uint64_t now = mount_now(m);
	char what[80];

	{
		locked(&m->lock);
		if (j->rc == m->said && now < m->said_ms + SAY_MS)
			return;
		m->said = j->rc;
		m->said_ms = now;
	}
	snprintf(what, sizeof(what), others == 0 ? "cannot seal now" :
		"cannot seal now, like %zu others", others);
	mount_say(m, what, j->path, j->rc);
}

static void note_health(struct mount *m, const struct group *g)
{
	struct clock *c = m->s.clock;
	const struct job *failed = NULL;
	size_t i, n = 0, sealed = 0;

	for (i = 0; i < g->n; i++) {
		const struct job *j = &g->job[i];
		sealed += j->rc == 0;
		if (j->rc == 0 || j->rc == -ECANCELED || j->rc == -EINTR ||
			(j->rc == -ENOENT && j->node->type == NODE_FOLDER))
			continue;
		n++;
		if (failed == NULL || own_fault(failed))
			failed = j;
	}
	if (failed != NULL)
		say_failure(m, failed, n - 1);
	locked(&m->lock);
	if (failed != NULL && !own_fault(failed)) {
		m->sealing.error = failed->rc;
		m->sealing.error_ms = c->ops->now_ms(c);
	} else if (sealed > 0) {
		m->sealing.ok_ms = c->ops->now_ms(c);
		m->said = 0;
	}
}

/* What may change is made immutable when it is known to be sealed, and nobody
 * is at it. */
static void protect_for_now(struct mount *m, const struct job *j)
{
	char path[NODE_PATH];

	TREE(m, false);
	locked(&m->retain);
	{
		locked(&m->lock);
		if (j->node->item.state != ST_SEALED ||
			node_path(&m->nodes, j->node, path) < 0)
			return;
	}
	sealer_protect(m->sealer, path, false);
}

/* What was kept for a record that is none now: the file is as it was. */
static void unkeep(struct mount *m, const struct hash *dh)
{
	struct stat st;

	if (versions_stat(m->versions, dh, &st) == 0 &&
		versions_drop(m->versions, dh) == 0)
		keptlinks_drop(&m->keptlinks, st.st_ino);
}

static void finish(struct mount *m, struct group *g)
{
	size_t i;

	note_health(m, g);
	for (i = 0; i < g->n; i++) {
		struct job *j = &g->job[i];
		if (j->rc == 0 && j->node->type == NODE_FILE &&
			j->first == NULL && j->class == CLASS_SEAL)
			sealer_protect(m->sealer, j->path, false);
		if (j->rc == 0 && j->nothing && j->class == CLASS_VERSION)
			unkeep(m, &j->newest);
	}
	/* Links before their files: a sealed file has all its names. */
	for (i = g->n; i-- > 0;)
		finish_job(m, &g->job[i]);
	pthread_cond_broadcast(&m->sealed);
	for (i = 0; i < g->n; i++)
		if (g->job[i].rc == 0 && g->job[i].class != CLASS_SEAL &&
			g->job[i].node->type == NODE_FILE)
			protect_for_now(m, &g->job[i]);
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
			sealer_late(m->sealer, j->node);
		j->node->refs--;
		node_put(&m->nodes, j->node);
	}
}

void sealgroup_sync(struct mount *m, struct group *g)
{
	fault_point("seal.taken");
	make_durable(m, g);
	fault_point("seal.synced");
}

int sealgroup_end(struct mount *m, struct group *g)
{
	size_t i;
	int rc;

	make_links(m, g);
	fault_point("seal.hashed");
	begin_commit(m, g);
	rc = queue(m, g);
	fault_point("seal.queued");
	for (i = 0; i < g->n && rc != 0; i++)
		if (g->job[i].rc == 0)
			g->job[i].rc = rc;
	finish(m, g);
	fault_point("seal.protected");
	return rc;
}

void sealgroup_free(struct group *g)
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
