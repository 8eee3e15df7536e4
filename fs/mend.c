#include "fs/mend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "fs/assembly.h"

/* A bucket that is only put into, and only when its turn is.  A put replaces
 * what is there. */
struct mending {
	struct worm base;
	struct worm_ops ops;	/* the inner ones, but for put and free */
	struct worm *inner;
	bool wanted;
	int said;		/* the last error that was named */
};

struct mend {
	struct ledger *l;
	struct mending *bucket[REPLICA_MAX];	/* of the ledger; the replica
						   has them */
	struct replica *replica;
};

static struct mending *mending_of(struct worm *w)
{
	return (struct mending *)w; /* base is its first member */
}

static int mending_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	struct mending *m = mending_of(w);
	if (!m->wanted)
		return -ECANCELED;
	if (m->inner->ops->replace == NULL)
		return -ENOTSUP;
	return m->inner->ops->replace(m->inner, key, size, ret);
}

static void mending_free(struct worm *w)
{
	struct mending *m = mending_of(w);
	m->inner->ops->free(m->inner);
	free(m);
}

/* The rest of the table is the inner bucket's: what is begun by put is the
 * inner bucket's too.  Nothing here reads or lists. */
static struct mending *mending_new(struct worm *inner)
{
	struct mending *m = calloc(1, sizeof *m);
	if (m == NULL)
		return NULL;
	m->ops = (struct worm_ops){.put = mending_put,
		.write = inner->ops->write, .commit = inner->ops->commit,
		.abort = inner->ops->abort, .free = mending_free};
	m->base = (struct worm){&m->ops, inner->name};
	m->inner = inner;
	return m;
}

static int open_one(struct mend *m, unsigned i)
{
	struct ledger_bucket *b = &m->l->bucket[i];
	struct worm *inner;
	int err = m->l->a->bucket_open(b->path, false, false, &inner);
	if (err == -ENOMEM)
		return err;
	if (err != 0) {
		ledger_find(m->l, LEDGER_INCOMPLETE, "%s cannot be written to: "
			"%s", b->path, strerror(-err));
		return 0;
	}
	m->bucket[i] = mending_new(inner);
	if (m->bucket[i] != NULL)
		return 0;
	inner->ops->free(inner);
	return -ENOMEM;
}

int mend_new(struct ledger *l, uint32_t buckets, struct mend **ret)
{
	struct worm *by_share[REPLICA_MAX] = {0};
	struct mend *m = calloc(1, sizeof *m);
	int err = m == NULL ? -ENOMEM : 0;
	if (err != 0)
		return err;
	m->l = l;
	for (unsigned i = 0; i < l->n_buckets && err == 0; i++) {
		if ((buckets >> i & 1) == 0 || l->bucket[i].worm == NULL)
			continue;
		err = open_one(m, i);
		if (m->bucket[i] != NULL)
			by_share[l->bucket[i].share] = &m->bucket[i]->base;
	}
	if (err == 0) { /* it has the buckets, also when that fails */
		err = l->a->replica_new(by_share, l->params.share_n,
			l->params.share_k, l->params.share_k, l->prefix,
			&m->replica);
		if (err != 0)
			memset(m->bucket, 0, sizeof m->bucket);
	}
	if (err != 0)
		mend_free(m);
	else
		*ret = m;
	return err;
}

void mend_free(struct mend *m)
{
	if (m == NULL)
		return;
	if (m->replica != NULL)
		m->replica->ops->free(m->replica);
	else
		for (unsigned i = 0; i < REPLICA_MAX; i++)
			if (m->bucket[i] != NULL)
				mending_free(&m->bucket[i]->base);
	free(m);
}

static int read_payload(void *ctx, uint64_t off, void *ret, size_t n)
{
	const struct bytes *p = ctx;
	if (off > p->n || n > p->n - off)
		return -EINVAL;
	memcpy(ret, p->p + off, n);
	return 0;
}

/* Once for each bucket and reason: a full disk refuses all of them. */
static void say_failure(struct mend *m, unsigned i, const char *key, int err)
{
	struct mending *b = m->bucket[i];
	if (err == 0 || err == b->said)
		return;
	b->said = err;
	ledger_find(m->l, LEDGER_INCOMPLETE, "%s: %s cannot be put right: %s",
		m->l->bucket[i].path, key, strerror(-err));
}

uint32_t mend_object(struct mend *m, const struct ledger_object *o)
{
	struct replica *r = m->replica;
	struct replica_report report = {0};
	struct bytes payload = o->payload;
	const struct source source = {read_payload, &payload};
	uint32_t wanted = 0, done = 0;
	for (unsigned i = 0; i < m->l->n_buckets; i++) {
		if (m->bucket[i] == NULL)
			continue;
		m->bucket[i]->wanted = ((o->missing | o->damaged) >> i & 1) != 0;
		wanted |= (uint32_t)m->bucket[i]->wanted << i;
	}
	if (wanted == 0)
		return 0;
	/* The answer is about a quorum that nobody here asks for. */
	int err = o->whole.n > 0
		? r->ops->put_whole(r, o->key, o->whole, &report)
		: r->ops->put_coded(r, o->key, o->meta, payload.n, &source,
			&report);
	for (unsigned i = 0; i < m->l->n_buckets; i++) {
		unsigned s = (unsigned)m->l->bucket[i].share;
		if ((wanted >> i & 1) == 0)
			continue;
		if ((report.stored >> s & 1) != 0)
			done |= UINT32_C(1) << i;
		else
			say_failure(m, i, o->key, report.error[s] != 0
				? report.error[s] : err);
	}
	return done;
}
