#include "backends/worm_mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"

/* Never changed (W3) or freed while the bucket lives, erased ones neither, so
 * that readers need the lock only to find one. */
struct object {
	char key[WORM_KEY_MAX + 1];
	struct bytes data;
};

struct worm_mem {
	struct worm base;
	pthread_mutex_t lock;	/* over what follows */
	struct object **object;	/* ascending by key */
	size_t n, cap;
	struct object **aside;	/* what was replaced or erased */
	size_t n_aside;
};

struct worm_put {
	struct worm_mem *w;
	uint64_t size;
	struct object *object;	/* its data grows as it comes */
	uint8_t *data;
	bool replace;
};

static struct worm_mem *mem_of(struct worm *w)
{
	return (struct worm_mem *)w; /* base is its first member */
}

/* Index of the first object whose key is not below `key`. */
static size_t lower_bound(const struct worm_mem *m, const char *key)
{
	size_t lo = 0, hi = m->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(m->object[mid]->key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static const struct object *find(struct worm_mem *m, const char *key)
{
	locked(&m->lock);
	size_t i = lower_bound(m, key);

	if (i == m->n || strcmp(m->object[i]->key, key) != 0)
		return NULL;
	return m->object[i];
}

static void put_free(struct worm_put *p)
{
	if (p == NULL)
		return;
	free(p->data);
	free(p->object);
	free(p);
}

static int mem_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	struct worm_put *p;

	if (!worm_key_ok(key))
		return -EINVAL;
	if (size > SIZE_MAX - 1)
		return -EFBIG;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return -ENOMEM;
	p->w = mem_of(w);
	p->size = size;
	p->object = calloc(1, sizeof *p->object);
	/* One byte for an empty object: malloc(0) may be NULL. */
	p->data = malloc(size > 0 ? (size_t)size : 1);
	if (p->object == NULL || p->data == NULL) {
		put_free(p);
		return -ENOMEM;
	}
	strcpy(p->object->key, key);
	p->object->data.p = p->data;
	*ret = p;
	return 0;
}

static int mem_replace(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	int rc = mem_put(w, key, size, ret);

	if (rc == 0)
		(*ret)->replace = true;
	return rc;
}

static int mem_write(struct worm_put *p, struct bytes data)
{
	if (data.n > p->size - p->object->data.n)
		return -EINVAL;
	if (data.n > 0)
		memcpy(p->data + p->object->data.n, data.p, data.n);
	p->object->data.n += data.n;
	return 0;
}

static int insert(struct worm_mem *m, size_t at, struct object *o)
{
	struct object **grown;
	size_t cap = m->cap < 16 ? 16 : 2 * m->cap;

	if (m->n == m->cap) {
		grown = realloc(m->object, cap * sizeof *grown);
		if (grown == NULL)
			return -ENOMEM;
		m->object = grown;
		m->cap = cap;
	}
	memmove(m->object + at + 1, m->object + at,
		(m->n - at) * sizeof *m->object);
	m->object[at] = o;
	m->n++;
	return 0;
}

/* Readers may still point into what is replaced or erased: it stays. */
static int set_aside(struct worm_mem *m, size_t at)
{
	struct object **more = realloc(m->aside,
		(m->n_aside + 1) * sizeof *more);

	if (more == NULL)
		return -ENOMEM;
	m->aside = more;
	m->aside[m->n_aside++] = m->object[at];
	return 0;
}

static int swap(struct worm_mem *m, size_t at, struct object *o)
{
	int rc = set_aside(m, at);

	if (rc == 0)
		m->object[at] = o;
	return rc;
}

static int commit_locked(struct worm_mem *m, struct worm_put *p)
{
	locked(&m->lock);
	size_t at = lower_bound(m, p->object->key);
	bool taken = at < m->n &&
		strcmp(m->object[at]->key, p->object->key) == 0;
	int rc;

	if (taken && bytes_equal(m->object[at]->data, p->object->data))
		return 0;
	if (taken && !p->replace)
		return -EEXIST;
	rc = taken ? swap(m, at, p->object) : insert(m, at, p->object);
	if (rc == 0) {
		p->object = NULL; /* the bucket has it, and its data */
		p->data = NULL;
	}
	return rc;
}

static int mem_commit(struct worm_put *p)
{
	int rc = p->object->data.n == p->size ? commit_locked(p->w, p)
		: -EINVAL;

	put_free(p);
	return rc;
}

static int mem_size(struct worm *w, const char *key, uint64_t *ret)
{
	const struct object *o;

	if (!worm_key_ok(key))
		return -EINVAL;
	o = find(mem_of(w), key);
	if (o == NULL)
		return -ENOENT;
	*ret = o->data.n;
	return 0;
}

static int mem_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	const struct object *o;

	if (!worm_key_ok(key))
		return -EINVAL;
	o = find(mem_of(w), key);
	if (o == NULL)
		return -ENOENT;
	if (off > o->data.n || n > o->data.n - off)
		return -EINVAL;
	if (n > 0)
		memcpy(ret, o->data.p + off, n);
	return 0;
}

/* The first object after `last`, or from `prefix` on when last is NULL. */
static const struct object *next(struct worm_mem *m, const char *prefix,
	const char *last)
{
	locked(&m->lock);
	size_t i = lower_bound(m, last != NULL ? last : prefix);

	if (last != NULL && i < m->n && strcmp(m->object[i]->key, last) == 0)
		i++;
	return i < m->n ? m->object[i] : NULL;
}

/* visit() is called without the lock: it may use the bucket. */
static int mem_list(struct worm *w, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	const struct object *o = next(mem_of(w), prefix, NULL);
	size_t n = strlen(prefix);
	int rc;

	for (; o != NULL; o = next(mem_of(w), prefix, o->key)) {
		if (strncmp(o->key, prefix, n) != 0)
			break;
		rc = visit(ctx, o->key, o->data.n);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static void free_objects(struct object **object, size_t n)
{
	while (n-- > 0) {
		free((void *)(uintptr_t)object[n]->data.p);
		free(object[n]);
	}
	free(object);
}

static int mem_erase(struct worm *w, const char *key)
{
	struct worm_mem *m = mem_of(w);
	size_t i;
	int rc;

	if (!worm_key_ok(key))
		return -EINVAL;
	locked(&m->lock);
	i = lower_bound(m, key);
	if (i == m->n || strcmp(m->object[i]->key, key) != 0)
		return -ENOENT;
	rc = set_aside(m, i);
	if (rc == 0)
		memmove(&m->object[i], &m->object[i + 1],
			(--m->n - i) * sizeof(*m->object));
	return rc;
}

static void mem_free(struct worm *w)
{
	struct worm_mem *m = mem_of(w);

	if (m == NULL)
		return;
	free_objects(m->object, m->n);
	free_objects(m->aside, m->n_aside);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct worm *worm_mem_new(void)
{
	static const struct worm_ops ops = {
		.put = mem_put,
		.write = mem_write,
		.commit = mem_commit,
		.abort = put_free,
		.size = mem_size,
		.get = mem_get,
		.list = mem_list,
		.replace = mem_replace,
		.erase = mem_erase,
		.free = mem_free,
	};
	struct worm_mem *m = calloc(1, sizeof *m);

	if (m == NULL)
		return NULL;
	m->base = (struct worm){&ops, "memory"};
	pthread_mutex_init(&m->lock, NULL);
	return &m->base;
}
