#include "core/verify_cache.h"

#include <stdlib.h>
#include <string.h>

#define EVIDENCES 4096 /* blocks of a walk that are not judged twice */
#define DOCUMENTS 64   /* epochs */
#define RECENT 16      /* blocks whose bytes are kept, some KB each */
#define PATHS 64       /* trees, or regions of one, a path of which is kept */
#define REGION 64      /* neighbouring leaves */

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

struct recent_entry {
	struct buf bytes;	/* of all parts; empty: unused */
	size_t n[EVIDENCE_PARTS];
	uint64_t t_upper_type, t_lower_type;
	struct hash anchor;
	struct evidence e;
};

struct verify_cache {
	void (*lock)(void *), (*unlock)(void *); /* NULL: one thread */
	void *ctx;
	struct evidence_entry evidence[EVIDENCES];
	struct document_entry document[DOCUMENTS];
	struct recent_entry recent[RECENT];
	struct merkle_known path[PATHS];
};

struct verify_cache *verify_cache_new(void)
{
	return calloc(1, sizeof(struct verify_cache));
}

void verify_cache_free(struct verify_cache *c)
{
	size_t i;

	for (i = 0; c != NULL && i < RECENT; i++)
		buf_free(&c->recent[i].bytes);
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

/* By u, which differs from block to block; it lies in the first bytes of b. */
static struct recent_entry *recent_slot(
	struct verify_cache *c, const struct evidence_parts *p)
{
	struct bytes b = p->part[EVIDENCE_B];

	return &c->recent[b.n > 8 ? b.p[8] % RECENT : 0];
}

static bool recent_is(
	const struct recent_entry *r, const struct evidence_parts *p)
{
	size_t i, at = 0;

	if (r->bytes.n == 0 || r->t_upper_type != p->t_upper_type ||
		r->t_lower_type != p->t_lower_type)
		return false;
	for (i = 0; i < EVIDENCE_PARTS; i++) {
		if (r->n[i] != p->part[i].n ||
			(r->n[i] > 0 && memcmp(r->bytes.p + at, p->part[i].p,
						r->n[i]) != 0))
			return false;
		at += r->n[i];
	}
	return true;
}

bool verify_cache_recent(struct verify_cache *c, const struct evidence_parts *p,
	struct hash *ret_anchor, struct evidence *ret)
{
	const struct recent_entry *r = recent_slot(c, p);
	bool found;

	hold(c);
	found = recent_is(r, p);
	if (found) {
		*ret_anchor = r->anchor;
		*ret = r->e;
	}
	let_go(c);
	return found;
}

static void recent_set(struct recent_entry *r, const struct evidence_parts *p,
	const struct hash *anchor, const struct evidence *e)
{
	size_t i;
	int rc = 0;

	r->bytes.n = 0;
	for (i = 0; rc == 0 && i < EVIDENCE_PARTS; i++) {
		r->n[i] = p->part[i].n;
		rc = buf_add(&r->bytes, p->part[i].p, p->part[i].n);
	}
	if (rc != 0)
		r->bytes.n = 0;
	r->t_upper_type = p->t_upper_type;
	r->t_lower_type = p->t_lower_type;
	r->anchor = *anchor;
	r->e = *e;
}

void verify_cache_add_recent(struct verify_cache *c,
	const struct evidence_parts *p, const struct hash *anchor,
	const struct evidence *e)
{
	hold(c);
	recent_set(recent_slot(c, p), p, anchor, e);
	let_go(c);
}

static struct merkle_known *path_slot(
	struct verify_cache *c, const struct hash *mh, uint64_t i)
{
	return &c->path[(mh->b[0] + i / REGION) % PATHS];
}

void verify_cache_path(struct verify_cache *c, const struct hash *mh,
	uint64_t i, struct merkle_known *ret)
{
	const struct merkle_known *known = path_slot(c, mh, i);

	hold(c);
	if (known->n > 0 && hash_equal(&known->mh, mh))
		*ret = *known;
	else
		ret->n = 0;
	let_go(c);
}

void verify_cache_add_path(
	struct verify_cache *c, const struct merkle_known *known)
{
	hold(c);
	*path_slot(c, &known->mh, known->i) = *known;
	let_go(c);
}
