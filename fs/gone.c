#include "fs/gone.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "fs/inner.h"
#include "fs/paths.h"
#include "fs/start.h"

#define NOTED_MAX 65536	/* paths; more are as if all were noted */
#define BATCH 256	/* tombstones in one commit */
#define RETRY_MS 2000	/* after a failure */

struct gone {
	struct mount *m;
	pthread_mutex_t lock;
	struct paths noted;
	bool all;		/* everything is noted */
	bool working;
	uint64_t not_before;	/* monotonic ms, after a failure */
};

static struct bytes text(const char *path)
{
	return BYTES(path, strlen(path));
}

/* -- looking -- */

/* What cannot be looked at is not gone.  -ELOOP: there is a symbolic link where
 * a folder above it was. */
static bool is_folder(struct mount *m, const char *path)
{
	struct stat st;
	int rc = backing_stat(m->files, path, &st);

	return rc == 0 ? S_ISDIR(st.st_mode) :
		rc != -ENOENT && rc != -ENOTDIR && rc != -ELOOP;
}

struct looking {
	struct mount *m;
	struct paths *found;
	int rc;
};

static int look(void *ctx, const struct local_record *r)
{
	struct looking *k = ctx;
	char path[NODE_PATH];

	if (r->kind != RECORD_MKDIR || r->path.n == 0 ||
		r->path.n >= sizeof path)
		return 0;
	memcpy(path, r->path.p, r->path.n);
	path[r->path.n] = '\0';
	if (is_folder(k->m, path))
		return 0;
	k->rc = paths_add(k->found, r->path);
	return k->rc != 0;
}

static int look_below(struct mount *m, const char *path, struct paths *found)
{
	struct looking k = {.m = m, .found = found};
	struct local *l = m->s.local;
	int rc = l->ops->below(l, text(path), false, look, &k);

	return k.rc != 0 ? k.rc : rc < 0 ? rc : 0;
}

/* -- tombstones -- */

struct batch {
	struct buf d[BATCH];
	struct local_record r[BATCH];
	const char *path[BATCH];
	size_t n;
};

static void cleanup_batch(struct batch **b)
{
	size_t i;

	for (i = 0; *b != NULL && i < (*b)->n; i++)
		buf_free(&(*b)->d[i]);
	free(*b);
}

static int newest(void *ctx, const struct local_record *r)
{
	*(enum record_kind *)ctx = r->kind;
	return 0;
}

/* Adds the path's tombstone if one is still due; m->newest held. */
static int add(struct mount *m, const char *path, struct batch *b)
{
	struct entropy *e = m->s.entropy;
	struct local *l = m->s.local;
	struct record r = {.kind = RECORD_TOMBSTONE, .path = text(path)};
	enum record_kind kind = RECORD_TOMBSTONE;
	int rc = l->ops->find(l, r.path, newest, &kind);

	if (rc != 0 || kind != RECORD_MKDIR || is_folder(m, path))
		return rc;
	e->ops->fill(e, r.salt, RECORD_SALT);
	rc = record_encode(&r, &b->d[b->n]);
	if (rc != 0)
		return rc;
	b->path[b->n] = path;
	b->r[b->n] = (struct local_record){.kind = r.kind, .ready = true,
		.path = r.path, .d = BUF_BYTES(&b->d[b->n])};
	b->n++;
	return 0;
}

/* G1; takes at most BATCH paths. */
static int queue(struct mount *m, char **path, size_t n, struct batch *b)
{
	struct local *l = m->s.local;
	uint64_t id;
	size_t i;
	int rc = 0;

	mount_make_room(m);
	locked(&m->newest);
	for (i = 0; rc == 0 && i < n; i++)
		rc = add(m, path[i], b);
	if (rc == 0 && b->n > 0)
		rc = l->ops->queue(l, b->r, b->n, &id);
	fault_point("gone.queued");
	return rc;
}

/* G2 */
static int look_again(struct mount *m, const struct batch *b)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < b->n; i++) {
		TREE(m, false);
		if (is_folder(m, b->path[i]))
			rc = start_folder(m, b->path[i]);
	}
	return rc;
}

static int bury(struct mount *m, const struct paths *found)
{
	size_t at, n;
	int rc = 0, sum = 0;

	for (at = 0; rc == 0 && at < found->n; at += n) {
		cleanup(batch) struct batch *b = calloc(1, sizeof(*b));
		if (b == NULL)
			return -ENOMEM;
		n = found->n - at < BATCH ? found->n - at : BATCH;
		rc = queue(m, found->path + at, n, b);
		if (rc == 0)
			rc = look_again(m, b);
		sum += (int)b->n;
	}
	return rc != 0 ? rc : sum;
}

/* -- what was noted -- */

void gone_note(struct gone *g, const char *path)
{
	locked(&g->lock);
	if (*path == '\0' || g->noted.n >= NOTED_MAX ||
		(!g->all && paths_add(&g->noted, text(path)) != 0))
		g->all = true;
	if (g->all)
		cleanup_paths(&g->noted);
}

bool gone_owed(struct gone *g)
{
	locked(&g->lock);
	return g->all || g->working || g->noted.n > 0;
}

/* Everything noted, out of the list; false: nothing to do now. */
static bool take(struct gone *g, struct paths *ret)
{
	locked(&g->lock);
	if ((!g->all && g->noted.n == 0) || mount_now(g->m) < g->not_before)
		return false;
	*ret = g->noted;
	g->noted = (struct paths){0};
	if (g->all && paths_add(ret, BYTES("", 0)) != 0)
		return false;
	g->all = false;
	g->working = true;
	return true;
}

int gone_work(struct gone *g)
{
	cleanup(paths) struct paths noted = {0}, found = {0};
	size_t i;
	int rc = 0;

	if (!take(g, &noted))
		return 0;
	for (i = 0; rc == 0 && i < noted.n; i++)
		rc = look_below(g->m, noted.path[i], &found);
	if (rc == 0)
		rc = bury(g->m, &found);
	locked(&g->lock);
	g->working = false;
	if (rc < 0) {
		g->all = true;
		cleanup_paths(&g->noted);
		g->not_before = mount_now(g->m) + RETRY_MS;
	}
	return rc;
}

int gone_new(struct mount *m, struct gone **ret)
{
	struct gone *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return -ENOMEM;
	g->m = m;
	pthread_mutex_init(&g->lock, NULL);
	*ret = g;
	return 0;
}

void gone_free(struct gone *g)
{
	if (g == NULL)
		return;
	cleanup_paths(&g->noted);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
