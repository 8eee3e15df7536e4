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

static size_t slot(const struct hash *key, size_t n)
{
	return ((size_t)key->b[0] << 8 | key->b[1]) % n;
}

bool verify_cache_evidence(const struct verify_cache *c, const struct hash *key,
	struct evidence *ret)
{
	const struct evidence_entry *e = &c->evidence[slot(key, EVIDENCES)];

	if (!e->used || !hash_equal(&e->key, key))
		return false;
	*ret = e->e;
	return true;
}

void verify_cache_add_evidence(struct verify_cache *c, const struct hash *key,
	const struct evidence *e)
{
	c->evidence[slot(key, EVIDENCES)] =
		(struct evidence_entry){true, *key, *e};
}

bool verify_cache_document(const struct verify_cache *c, const struct hash *key,
	enum verdict *ret)
{
	const struct document_entry *d = &c->document[slot(key, DOCUMENTS)];

	if (!d->used || !hash_equal(&d->key, key))
		return false;
	*ret = d->v;
	return true;
}

void verify_cache_add_document(
	struct verify_cache *c, const struct hash *key, enum verdict v)
{
	c->document[slot(key, DOCUMENTS)] =
		(struct document_entry){true, *key, v};
}
