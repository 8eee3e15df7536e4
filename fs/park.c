#include "fs/park.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fs/gone.h"
#include "fs/inner.h"
#include "fs/sealer.h"

#define SEAL_MS 500	/* a writer that is closing is gone by then */
#define FULL_MS 3000	/* longest delay for the backlog */
#define LOOK_MS 20	/* between two looks at what is parked */
#define LOOK_ALL 25	/* looks until waits are judged without being woken */

enum parked_kind {
	PARKED_XATTR, PARKED_OPEN, PARKED_SEALED, PARKED_SEAL, PARKED_WRITE
};

struct parked {
	struct parked *next;
	enum parked_kind kind;
	fuse_req_t req;
	uint64_t until;		/* SEAL, WRITE: monotonic ms */
	char *path;		/* XATTR, OPEN, SEALED */
	size_t size;		/* XATTR, SEALED: of the caller's buffer;
				   WRITE: n */
	struct node *node;	/* SEAL: held */
	bool ioctl;		/* SEAL: asked for by chattr */
	struct fuse_file_info file;
};

struct park {
	struct mount *m;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct parked *list;
	bool stop, woken, started;
	pthread_t thread;
};

/* -- is it final? -- */

static int not_final(void *ctx, const struct local_record *r)
{
	(void)ctx;
	(void)r;
	return 1;
}

static int open_note(void *ctx, const struct local_record *r)
{
	(void)ctx;
	return !r->final;
}

struct about {
	enum record_kind kind;
	bool final;
};

static int look(void *ctx, const struct local_record *r)
{
	*(struct about *)ctx = (struct about){r->kind, r->final};
	return 0;
}

/* What memory says: 0 something is owed, 1 nothing, -ENODATA. */
static int memory_final(struct mount *m, const char *path)
{
	struct node *n;
	struct item *i;

	locked(&m->lock);
	n = node_at(&m->nodes, path);
	if (n == NULL)
		return 1;
	if (n->type == NODE_OTHER || n->item.state == ST_TEMP ||
		n->item.state == ST_SCRATCH)
		return -ENODATA;
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (settle_owed(i) && node_below(node_of_item(i), n))
			return 0;
	return 1;
}

int park_final(struct mount *m, const char *path)
{
	struct local *l = m->s.local;
	struct bytes p = BYTES(path, strlen(path));
	struct about a;
	struct stat st;
	int rc;

	{
		TREE(m, false);
		rc = backing_stat(m->files, path, &st);
	}
	if (rc != 0)
		return rc;
	if (S_ISDIR(st.st_mode) && gone_owed(m->gone))
		return 0;
	rc = memory_final(m, path);
	if (rc <= 0)
		return rc;
	if (!S_ISDIR(st.st_mode)) {
		rc = l->ops->find(l, p, look, &a);
		if (rc != 0)
			return rc == -ENOENT ? -ENODATA : rc;
		if (!a.final)
			return 0;
		rc = l->ops->notes(l, p, open_note, NULL);
		return rc < 0 ? rc : rc == 0;
	}
	rc = l->ops->below(l, p, true, not_final, NULL);
	return rc < 0 ? rc : rc == 0;
}

/* Is all at or below path sealed that somebody asked for?  1, 0, -ENODATA. */
static int asked_sealed(struct mount *m, const char *path)
{
	const struct item *i;
	struct node *n;

	locked(&m->lock);
	n = node_at(&m->nodes, path);
	if (n == NULL)
		return 1; /* at rest */
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (i->asked && node_below(node_of_item((struct item *)
				(uintptr_t)i), n))
			return 0;
	if (n->item.state == ST_TEMP || n->item.state == ST_SCRATCH)
		return -ENODATA;
	return n->type == NODE_FOLDER || !settle_owed(&n->item) ? 1 : -ENODATA;
}

/* -- answers -- */

static void reply_word(struct parked *k, const char *text)
{
	size_t n = strlen(text);

	if (k->size == 0)
		fuse_reply_xattr(k->req, n);
	else if (k->size < n)
		fuse_reply_err(k->req, ERANGE);
	else
		fuse_reply_buf(k->req, text, n);
}

/* Answers with an error, or with what was waited for (rc 0). */
static void answer(struct park *p, struct parked *k, int rc)
{
	struct mount *m = p->m;
	struct handle *h = handle_of(&k->file);

	switch (k->kind) {
	case PARKED_XATTR:
	case PARKED_SEALED:
		if (rc == 0)
			reply_word(k, k->kind == PARKED_XATTR ? "notarized" :
				"sealed");
		else
			fuse_reply_err(k->req, -rc);
		return;
	case PARKED_OPEN:
		if (rc != 0)
			fuse_reply_err(k->req, -rc);
		if (rc != 0 || fuse_reply_open(k->req, &k->file) != 0)
			handle_free(m, h);
		return;
	case PARKED_SEAL:
		if (k->ioctl && rc == 0)
			fuse_reply_ioctl(k->req, 0, NULL, 0);
		else
			fuse_reply_err(k->req, -rc);
		inode_forget(m, k->node, 1);
		return;
	case PARKED_WRITE:
		fuse_reply_write(k->req, k->size);
		return;
	}
}

static int seal_now(struct mount *m, struct node *n)
{
	int rc = 0;

	TREE(m, false);
	rc = inode_resolve(m, n);
	if (rc == 0) {
		locked(&m->lock);
		rc = settle_ask(&m->nodes.settle, &n->item, mount_now(m));
	}
	sealer_wake(m->sealer);
	return rc;
}

/* Has it an answer?  Then *ret_rc is it. */
static bool ready(struct park *p, struct parked *k, int *ret_rc)
{
	struct mount *m = p->m;
	int rc = 0;

	switch (k->kind) {
	case PARKED_XATTR:
	case PARKED_OPEN:
		rc = park_final(m, k->path);
		*ret_rc = rc < 0 ? rc : 0;
		return rc != 0;
	case PARKED_SEALED:
		rc = asked_sealed(m, k->path);
		*ret_rc = rc < 0 ? rc : 0;
		return rc != 0;
	case PARKED_SEAL:
		*ret_rc = seal_now(m, k->node);
		return *ret_rc != -EBUSY || mount_now(m) >= k->until;
	default:
		*ret_rc = 0;
		return !atomic_load(&m->full) || mount_now(m) >= k->until;
	}
}

/* -- the list -- */

static void free_parked(struct parked *k)
{
	free(k->path);
	free(k);
}

static bool for_final(const struct parked *k)
{
	return k->kind == PARKED_XATTR || k->kind == PARKED_OPEN;
}

static bool waits(const struct parked *k)
{
	return for_final(k) || k->kind == PARKED_SEALED;
}

bool park_waiting(struct park *p)
{
	struct parked *k;

	locked(&p->lock);
	for (k = p->list; k != NULL; k = k->next)
		if (for_final(k))
			return true;
	return false;
}

void park_wake(struct park *p)
{
	locked(&p->lock);
	if (p->list == NULL)
		return;
	p->woken = true;
	pthread_cond_signal(&p->wake);
}

/* Takes *what over, request, path and node. */
static void add(struct park *p, struct parked *what)
{
	struct parked *k = malloc(sizeof(*k));

	if (k == NULL) {
		answer(p, what, -ENOMEM);
		free(what->path);
		return;
	}
	*k = *what;
	locked(&p->lock);
	k->next = p->list;
	p->list = k;
	p->woken = true;
	pthread_cond_signal(&p->wake);
}

/* A getxattr.  Is it answered at once? */
static bool wait_for(struct park *p, fuse_req_t req, enum parked_kind kind,
	const char *path, size_t size)
{
	struct parked k = {.kind = kind, .req = req, .size = size};
	int rc = 0;

	if (ready(p, &(struct parked){.kind = kind, .path = strdupa(path)},
			&rc)) {
		answer(p, &k, rc);
		return true;
	}
	k.path = strdup(path);
	if (k.path == NULL)
		answer(p, &k, -ENOMEM);
	else
		add(p, &k);
	sealer_wake(p->m->sealer);
	return false;
}

void park_xattr(struct park *p, fuse_req_t req, const char *path, size_t size)
{
	if (!wait_for(p, req, PARKED_XATTR, path, size))
		p->m->s.queued(p->m->s.ctx, true);
}

void park_sealed(struct park *p, fuse_req_t req, const char *path, size_t size)
{
	(void)wait_for(p, req, PARKED_SEALED, path, size);
}

void park_open(struct park *p, fuse_req_t req, const char *path,
	const struct fuse_file_info *file)
{
	struct parked k = {.kind = PARKED_OPEN, .req = req, .file = *file,
		.path = strdup(path)};

	if (k.path == NULL)
		answer(p, &k, -ENOMEM);
	else
		add(p, &k);
	sealer_wake(p->m->sealer);
	p->m->s.queued(p->m->s.ctx, true);
}

void park_seal(struct park *p, fuse_req_t req, struct node *n, bool ioctl)
{
	struct parked k = {.kind = PARKED_SEAL, .req = req, .node = n,
		.ioctl = ioctl};
	int rc;

	{
		locked(&p->m->lock);
		n->lookups++;
	}
	rc = seal_now(p->m, n);
	if (rc != -EBUSY) {
		answer(p, &k, rc);
		return;
	}
	k.until = mount_now(p->m) + SEAL_MS;
	add(p, &k);
}

void park_write(struct park *p, fuse_req_t req, size_t n)
{
	add(p, &(struct parked){.kind = PARKED_WRITE, .req = req, .size = n,
		.until = mount_now(p->m) + FULL_MS});
}

/* -- the thread -- */

/* Those that have an answer now, out of the list. */
static struct parked *take_ready(struct park *p, struct parked *all, bool look_all)
{
	struct parked *left = NULL, *next;
	int rc;

	for (; all != NULL; all = next) {
		next = all->next;
		rc = 0;
		if (waits(all) && fuse_req_interrupted(all->req))
			rc = -EINTR;
		else if ((waits(all) && !look_all) || !ready(p, all, &rc)) {
			all->next = left;
			left = all;
			continue;
		}
		answer(p, all, rc);
		free_parked(all);
	}
	return left;
}

static void put_back(struct park *p, struct parked *left)
{
	struct parked *next;

	for (; left != NULL; left = next) {
		next = left->next;
		left->next = p->list;
		p->list = left;
	}
}

/* Until somebody wakes us, or LOOK_MS when something is parked. */
static void rest(struct park *p)
{
	struct timespec t;

	if (p->woken || p->stop)
		return;
	if (p->list == NULL) {
		pthread_cond_wait(&p->wake, &p->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += LOOK_MS * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&p->wake, &p->lock, &t);
}

static void *run(void *arg)
{
	struct park *p = arg;
	struct parked *all;
	unsigned turns = 0;
	bool look_all;

	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		rest(p);
		look_all = p->woken || ++turns % LOOK_ALL == 0;
		p->woken = false;
		all = p->list;
		p->list = NULL;
		pthread_mutex_unlock(&p->lock);
		all = take_ready(p, all, look_all);
		pthread_mutex_lock(&p->lock);
		put_back(p, all);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

int park_new(struct mount *m, struct park **ret)
{
	struct park *p = calloc(1, sizeof(*p));
	pthread_condattr_t mono;

	if (p == NULL)
		return -ENOMEM;
	p->m = m;
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&mono);
	pthread_condattr_setclock(&mono, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &mono);
	pthread_condattr_destroy(&mono);
	*ret = p;
	return 0;
}

int park_start(struct park *p)
{
	int rc = pthread_create(&p->thread, NULL, run, p);

	p->started = rc == 0;
	return -rc;
}

void park_stop(struct park *p)
{
	struct parked *k;

	{
		locked(&p->lock);
		p->stop = true;
		pthread_cond_signal(&p->wake);
	}
	if (p->started)
		pthread_join(p->thread, NULL);
	p->started = false;
	while ((k = p->list) != NULL) {
		p->list = k->next;
		answer(p, k, -ENODEV);
		free_parked(k);
	}
}

void park_free(struct park *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p);
}
