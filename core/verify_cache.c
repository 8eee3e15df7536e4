#include "core/verify_cache.h"

#include <stdlib.h>

#define EVIDENCES 4096 /* blocks of a walk that are not judged twice */
#define DOCUMENTS 64   /* epochs */

struct evidence_entry {
	bool used;
	struct hash key;
	struct evidence e;
};

struct document_entry {
	bool used;
	struct hash key;
	enum verdict v;
};

struct verify_cache {
	void (*lock)(void *), (*unlock)(void *); /* NULL: one thread */
	void *ctx;
	struct evidence_entry evidence[EVIDENCES];
	struct document_entry document[DOCUMENTS];
};

struct verify_cache *verify_cache_new(void)
{
	return calloc(1, sizeof(struct verify_cache));
}

void verify_cache_free(struct verify_cache *c)
{
	free(c);
}

void verify_cache_share(struct verify_cache *c, void (*lock)(void *),
	void (*unlock)(void *), void *ctx)
{
	c->lock = lock;
	c->unlock = unlock;
	c->ctx = ctx;
}

static void hold(const struct verify_cache *c)
{
	if (c->lock != NULL)
		c->lock(c->ctx);
}

static void let_go(const struct verify_cache *c)
{
	if (c->unlock != NULL)
		c->unlock(c->ctx);
}

static size_t slot(const struct hash *key, size_t n)
{
	return ((size_t)key->b[0] << 8 | key->b[1]) % n;
}

bool verify_cache_evidence(struct verify_cache *c, const struct hash *key,
	struct evidence *ret)
{
	const struct evidence_entry *e = &c->evidence[slot(key, EVIDENCES)];
	bool found;

	hold(c);
	found = e->used && hash_equal(&e->key, key);
	if (found)
		*ret = e->e;
	let_go(c);
	return found;
}

void verify_cache_add_evidence(struct verify_cache *c, const struct hash *key,
	const struct evidence *e)
{
	hold(c);
	c->evidence[slot(key, EVIDENCES)] =
		(struct evidence_entry){true, *key, *e};
	let_go(c);
}

bool verify_cache_document(struct verify_cache *c, const struct hash *key,
	enum verdict *ret)
{
	const struct document_entry *d = &c->document[slot(key, DOCUMENTS)];
	bool found;

	hold(c);
	found = d->used && hash_equal(&d->key, key);
	if (found)
		*ret = d->v;
	let_go(c);
	return found;
}

void verify_cache_add_document(
	struct verify_cache *c, const struct hash *key, enum verdict v)
{
	hold(c);
	c->document[slot(key, DOCUMENTS)] =
		(struct document_entry){true, *key, v};
	let_go(c);
}
