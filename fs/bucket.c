#include "fs/bucket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/object.h"

/* The folder as it was opened; given back when the last call has ended. */
struct opened {
	struct worm *worm;
	dev_t dev;
	ino_t ino;
	unsigned users;
};

struct bucket {
	struct worm base;
	const struct assembly *a;
	char *path, *prefix;
	unsigned index;
	pthread_mutex_t lock;
	struct opened *opened;	/* NULL: away */
};

struct put {
	struct bucket *b;
	struct opened *opened;
	struct worm_put *p;
};

static struct bucket *bucket_of(struct worm *w)
{
	return (struct bucket *)w; /* base is its first member */
}

/* Under the lock. */
static void leave(struct opened *o)
{
	if (o == NULL || --o->users > 0)
		return;
	o->worm->ops->free(o->worm);
	free(o);
}

static void give_back(struct bucket *b, struct opened *o)
{
	locked(&b->lock);
	leave(o);
}

static int has_genesis(const struct bucket *b, struct worm *w)
{
	char key[WORM_KEY_MAX + 1];
	uint64_t size;
	int n = snprintf(key, sizeof key, "%s/" OBJECT_KEY_GENESIS, b->prefix);

	if (n < 0 || (size_t)n >= sizeof key)
		return -EINVAL;
	return w->ops->size(w, key, &size);
}

/* Is it this vault's, and the share that its place says? */
static int check(const struct bucket *b, struct worm *w, char *why, size_t n)
{
	unsigned share;
	int rc = has_genesis(b, w);

	if (rc == -ENOENT)
		snprintf(why, n, "the folder holds nothing of this vault: is "
			"its disk mounted? If it is new: notaryfs repair "
			"--fill %s VAULT", b->path);
	else if (rc != 0)
		snprintf(why, n, "%s", strerror(-rc));
	if (rc != 0)
		return -ENODEV;
	if (b->a->bucket_share(w, b->prefix, &share) != 0 || share == b->index)
		return 0;
	snprintf(why, n, "it holds share %u and stands at the place of share "
		"%u: put the bucket lines of notaryfs.conf in order", share,
		b->index);
	return -ENODEV;
}

/* Reading first: a folder that is not ours must stay as it is. */
static int try_open(const struct bucket *b, struct worm **ret, char *why,
	size_t n)
{
	struct worm *w;
	int rc = b->a->bucket_open(b->path, false, true, &w);

	if (rc == 0) {
		rc = check(b, w, why, n);
		w->ops->free(w);
		if (rc != 0)
			return rc;
		rc = b->a->bucket_open(b->path, false, false, ret);
	}
	if (rc == 0 || rc == -ENOMEM)
		return rc;
	snprintf(why, n, "%s", strerror(-rc));
	return -ENODEV;
}

/* Opens it, or again if another folder is at the path now.  Under the lock. */
static int look(struct bucket *b, char *why, size_t n)
{
	struct opened *o = b->opened;
	struct stat st;
	int rc = stat(b->path, &st) == 0 ? 0 : -errno;

	if (o != NULL && rc == 0 && st.st_dev == o->dev && st.st_ino == o->ino)
		return 0;
	b->opened = NULL;
	leave(o);
	if (rc != 0) {
		snprintf(why, n, "%s", strerror(-rc));
		return -ENODEV;
	}
	o = calloc(1, sizeof *o);
	if (o == NULL)
		return -ENOMEM;
	rc = try_open(b, &o->worm, why, n);
	if (rc != 0) {
		free(o);
		return rc;
	}
	o->dev = st.st_dev;
	o->ino = st.st_ino;
	o->users = 1; /* the bucket itself */
	b->opened = o;
	return 0;
}

int bucket_look(struct worm *w, char *ret_why, size_t n)
{
	struct bucket *b = bucket_of(w);

	locked(&b->lock);
	return look(b, ret_why, n);
}

static int take(struct bucket *b, struct opened **ret)
{
	char why[256];
	int rc;

	locked(&b->lock);
	rc = look(b, why, sizeof why);
	if (rc != 0)
		return rc;
	b->opened->users++;
	*ret = b->opened;
	return 0;
}

static int bucket_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	struct bucket *b = bucket_of(w);
	struct put *p = calloc(1, sizeof *p);
	int rc;

	if (p == NULL)
		return -ENOMEM;
	p->b = b;
	rc = take(b, &p->opened);
	if (rc != 0) {
		free(p);
		return rc;
	}
	rc = p->opened->worm->ops->put(p->opened->worm, key, size, &p->p);
	if (rc != 0) {
		give_back(b, p->opened);
		free(p);
		return rc;
	}
	*ret = (struct worm_put *)p;
	return 0;
}

static int bucket_write(struct worm_put *put, struct bytes data)
{
	struct put *p = (struct put *)put;

	return p->opened->worm->ops->write(p->p, data);
}

static int bucket_commit(struct worm_put *put)
{
	struct put *p = (struct put *)put;
	int rc = p->opened->worm->ops->commit(p->p);

	give_back(p->b, p->opened);
	free(p);
	return rc;
}

static void bucket_abort(struct worm_put *put)
{
	struct put *p = (struct put *)put;

	if (p == NULL)
		return;
	p->opened->worm->ops->abort(p->p);
	give_back(p->b, p->opened);
	free(p);
}

static int bucket_size(struct worm *w, const char *key, uint64_t *ret)
{
	struct opened *o;
	int rc = take(bucket_of(w), &o);

	if (rc != 0)
		return rc;
	rc = o->worm->ops->size(o->worm, key, ret);
	give_back(bucket_of(w), o);
	return rc;
}

static int bucket_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	struct opened *o;
	int rc = take(bucket_of(w), &o);

	if (rc != 0)
		return rc;
	rc = o->worm->ops->get(o->worm, key, off, ret, n);
	give_back(bucket_of(w), o);
	return rc;
}

static int bucket_list(struct worm *w, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	struct opened *o;
	int rc = take(bucket_of(w), &o);

	if (rc != 0)
		return rc;
	rc = o->worm->ops->list(o->worm, prefix, visit, ctx);
	give_back(bucket_of(w), o);
	return rc;
}

static int bucket_erase(struct worm *w, const char *key)
{
	struct opened *o;
	int rc = take(bucket_of(w), &o);

	if (rc != 0)
		return rc;
	rc = o->worm->ops->erase(o->worm, key);
	give_back(bucket_of(w), o);
	return rc;
}

static void bucket_free(struct worm *w)
{
	struct bucket *b = bucket_of(w);

	if (b == NULL)
		return;
	leave(b->opened);
	pthread_mutex_destroy(&b->lock);
	free(b->path);
	free(b->prefix);
	free(b);
}

int bucket_new(const struct assembly *a, const char *path, const char *prefix,
	unsigned index, struct worm **ret)
{
	static const struct worm_ops ops = {
		.put = bucket_put,
		.write = bucket_write,
		.commit = bucket_commit,
		.abort = bucket_abort,
		.size = bucket_size,
		.get = bucket_get,
		.list = bucket_list,
		.erase = bucket_erase,
		.free = bucket_free,
	};
	struct bucket *b = calloc(1, sizeof *b);

	if (b == NULL)
		return -ENOMEM;
	pthread_mutex_init(&b->lock, NULL);
	b->a = a;
	b->index = index;
	b->path = strdup(path);
	b->prefix = strdup(prefix);
	b->base = (struct worm){&ops, b->path};
	if (b->path == NULL || b->prefix == NULL) {
		bucket_free(&b->base);
		return -ENOMEM;
	}
	*ret = &b->base;
	return 0;
}
