#include "fs/certfile.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/certificate.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/object.h"
#include "core/params.h"
#include "core/record.h"
#include "core/sequence.h"
#include "fs/finalby.h"
#include "fs/renewal.h"

#define TREES 256		/* blocks remembered, */
#define TREE_RECORDS (1 << 18)	/* with so many records (64 bytes each) */
#define DOCS 8		/* epochs remembered */

/* What all certificates of one block share. */
struct tree {
	uint64_t height, used;	/* height 0: empty place */
	struct merkle *m;
	struct local_block block;
	uint64_t lower_type;
	struct buf lower, doc;
	bool has_final;
	struct finalby_proof final;
};

struct doc {
	uint32_t epoch;
	bool known;
	struct buf bytes;
};

struct certfile {
	struct local *local;
	struct bytes b0, params;
	pthread_mutex_t lock;
	struct finalby *finalby;
	struct tree tree[TREES];
	struct doc doc[DOCS];
	unsigned next_doc;
	uint64_t uses, records;	/* in all trees */
};

int certfile_open(struct local *local, struct bytes b0, struct bytes params,
	struct certfile **ret)
{
	struct certfile *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->local = local;
	c->b0 = b0;
	c->params = params;
	c->finalby = finalby_new(local);
	if (c->finalby == NULL) {
		free(c);
		return -ENOMEM;
	}
	pthread_mutex_init(&c->lock, NULL);
	*ret = c;
	return 0;
}

static void tree_done(struct tree *t)
{
	merkle_free(t->m);
	local_block_done(&t->block);
	local_block_done(&t->final.later);
	buf_free(&t->lower);
	buf_free(&t->doc);
	*t = (struct tree){0};
}

void certfile_free(struct certfile *c)
{
	size_t i;

	if (c == NULL)
		return;
	for (i = 0; i < TREES; i++)
		tree_done(&c->tree[i]);
	for (i = 0; i < DOCS; i++)
		buf_free(&c->doc[i].bytes);
	finalby_free(c->finalby);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* -- the document of an epoch: it stands with the epoch's first number -- */

static int epoch_of(struct certfile *c, uint64_t k, uint32_t *ret,
	struct buf *object, struct number *n)
{
	struct sequence s;
	int rc;

	object->n = 0;
	buf_free(object);
	rc = c->local->ops->number(c->local, k, object);
	if (rc == 0)
		rc = number_decode(BUF_BYTES(object), n);
	if (rc == 0)
		rc = sequence_peek(n->s, &s);
	if (rc == 0)
		*ret = s.epoch;
	return rc;
}

/* Epochs ascend with k, so the first number of one is found by halving. */
static int find_doc(struct certfile *c, uint32_t epoch, uint64_t k,
	struct buf *ret)
{
	cleanup(buf) struct buf object = {0};
	uint64_t low = 0, high = k, mid;
	struct number n;
	uint32_t e = 0;
	int rc;

	while (low < high) {
		mid = low + (high - low) / 2;
		rc = epoch_of(c, mid, &e, &object, &n);
		if (rc != 0)
			return rc == -ENOENT ? -EBADMSG : rc;
		if (e < epoch)
			low = mid + 1;
		else
			high = mid;
	}
	rc = epoch_of(c, low, &e, &object, &n);
	if (rc != 0 || e != epoch || n.doc.n == 0)
		return rc != 0 && rc != -ENOENT ? rc : -EBADMSG;
	return buf_copy(n.doc, ret);
}

static int doc_of(struct certfile *c, struct bytes s_bytes, struct buf *ret)
{
	struct buf found = {0};
	struct sequence s;
	struct doc *d;
	size_t i;
	int rc = sequence_peek(s_bytes, &s);

	if (rc != 0)
		return rc;
	for (i = 0; i < DOCS; i++)
		if (c->doc[i].known && c->doc[i].epoch == s.epoch)
			return buf_copy(BUF_BYTES(&c->doc[i].bytes), ret);
	rc = find_doc(c, s.epoch, s.k, &found);
	if (rc != 0)
		return rc;
	d = &c->doc[c->next_doc++ % DOCS];
	buf_free(&d->bytes);
	*d = (struct doc){.epoch = s.epoch, .known = true, .bytes = found};
	return buf_copy(BUF_BYTES(&d->bytes), ret);
}

/* -- the tree of a block -- */

struct leaves {
	struct hash *dh;
	uint32_t n, cap;
};

static int leaf(void *ctx, const struct local_record *r)
{
	struct leaves *l = ctx;

	if (r->index != l->n || l->n == l->cap)
		return -EBADMSG;
	l->dh[l->n++] = hash_sha3(r->d);
	return 0;
}

static int make_tree(struct certfile *c, uint64_t height, struct tree *t)
{
	struct local *l = c->local;
	cleanup(free) struct hash *dh = NULL;
	struct leaves leaves = {0};
	struct local_block below = {0};
	int rc = l->ops->block(l, height, &t->block);

	if (rc != 0)
		return rc;
	if (t->block.state != LOCAL_FINAL)
		return -EAGAIN;
	dh = calloc(t->block.n + 1, sizeof(*dh));
	if (dh == NULL)
		return -ENOMEM;
	leaves = (struct leaves){.dh = dh, .cap = t->block.n};
	rc = l->ops->records(l, height, leaf, &leaves);
	if (rc == 0)
		rc = merkle_new(dh, leaves.n, &t->m);
	if (rc == 0)
		rc = l->ops->block(l, height - 1, &below);
	if (rc != 0)
		return rc;
	t->lower_type = below.t_type;
	t->lower = below.t;
	below.t = (struct buf){0}; /* the tree has it */
	local_block_done(&below);
	return doc_of(c, BUF_BYTES(&t->block.s), &t->doc);
}

static struct tree *oldest(struct certfile *c)
{
	struct tree *t = NULL;
	size_t i;

	for (i = 0; i < TREES; i++)
		if (c->tree[i].height > 0 && (t == NULL ||
			c->tree[i].used < t->used))
			t = &c->tree[i];
	return t;
}

static void forget(struct certfile *c, struct tree *t)
{
	c->records -= merkle_size(t->m);
	tree_done(t);
}

/* A place for a tree of so many records. */
static struct tree *make_room(struct certfile *c, uint64_t records)
{
	size_t i;

	while (c->records > 0 && c->records + records > TREE_RECORDS)
		forget(c, oldest(c));
	for (i = 0; i < TREES; i++)
		if (c->tree[i].height == 0)
			return &c->tree[i];
	forget(c, oldest(c));
	return make_room(c, records);
}

static int tree_of(struct certfile *c, uint64_t height, struct tree **ret)
{
	struct tree fresh = {0};
	size_t i;
	int rc;

	for (i = 0; i < TREES; i++)
		if (c->tree[i].height == height) {
			c->tree[i].used = ++c->uses;
			*ret = &c->tree[i];
			return 0;
		}
	rc = make_tree(c, height, &fresh);
	if (rc != 0) {
		tree_done(&fresh);
		return rc;
	}
	fresh.height = height;
	fresh.used = ++c->uses;
	*ret = make_room(c, merkle_size(fresh.m));
	**ret = fresh;
	c->records += merkle_size(fresh.m);
	return 0;
}

/* -- certificates -- */

/* By when the block was final, as soon as a later one shows it.  That none
 * does, or cannot be read, takes nothing from the rest. */
static void add_final(struct certfile *c, struct tree *t, struct certificate *f)
{
	if (!t->has_final)
		t->has_final = finalby_find(c->finalby, t->height,
				       &t->final) == 0;
	if (!t->has_final)
		return;
	f->has_final = true;
	f->final = (struct certificate_final){
		.b = BUF_BYTES(&t->final.later.b),
		.t_type = t->final.later.t_type,
		.t = BUF_BYTES(&t->final.later.t),
		.path_len = t->final.path_len,
	};
	memcpy(f->final.path, t->final.path, sizeof(f->final.path));
}

struct place {
	struct buf d;
	uint64_t height;
	uint32_t index;
	bool final;
	int rc;
};

static int see(void *ctx, const struct local_record *r)
{
	struct place *p = ctx;

	p->final = r->final && r->in_block;
	p->height = r->height;
	p->index = r->index;
	p->rc = record_gone(r->kind) ? -ENOENT :
		buf_copy(r->d, &p->d);
	return 0;
}

/* old: the certificate that it renews, or n == 0. */
static int assemble(struct certfile *c, const struct place *p,
	struct bytes old, struct buf *ret)
{
	struct certificate f = {.b0 = c->b0, .params = c->params,
		.d = BUF_BYTES(&p->d), .index = p->index, .old = old};
	struct tree *t;
	int rc;

	locked(&c->lock);
	rc = tree_of(c, p->height, &t);
	if (rc != 0)
		return rc;
	f.chain = hash_sha3(c->b0);
	f.n = merkle_size(t->m);
	f.path_len = merkle_path(t->m, p->index, f.path);
	f.b = BUF_BYTES(&t->block.b);
	f.t_upper_type = t->block.t_type;
	f.t_upper = BUF_BYTES(&t->block.t);
	f.t_lower_type = t->lower_type;
	f.t_lower = BUF_BYTES(&t->lower);
	f.s = BUF_BYTES(&t->block.s);
	f.doc = BUF_BYTES(&t->doc);
	add_final(c, t, &f);
	return make_certificate(&f, ret);
}

/* -- renewals: the final ones about a record, in their order -- */

struct renewals {
	struct hash about;
	struct place *place;
	size_t n;
};

static void cleanup_renewals(struct renewals *r)
{
	while (r->n > 0)
		buf_free(&r->place[--r->n].d);
	free(r->place);
}

static int see_renewal(void *ctx, const struct local_record *l)
{
	struct renewals *r = ctx;
	struct place *more;
	struct record d;

	if (l->kind != RECORD_RENEWAL || !l->final || !l->in_block ||
		record_decode(l->d, &d) != 0 ||
		!hash_equal(&d.about, &r->about))
		return 0;
	more = reallocarray(r->place, r->n + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	r->place = more;
	more[r->n] = (struct place){0};
	return see(&more[r->n], l) != 0 || more[r->n++].rc != 0 ? -ENOMEM : 0;
}

/* Into the certificate of a renewal that is of it; any other leaves it. */
static int put_into(struct certfile *c, const struct place *p, struct buf *cert)
{
	cleanup(buf) struct buf old = {0};
	struct buf out = {0};
	struct record d;
	int rc = record_decode(BUF_BYTES(&p->d), &d);

	if (rc == 0)
		rc = renewal_form(&d, BUF_BYTES(cert), &old);
	if (rc != 0)
		return rc == -ENOMEM ? rc : 0;
	rc = assemble(c, p, BUF_BYTES(&old), &out);
	if (rc != 0)
		return rc;
	buf_free(cert);
	*cert = out;
	return 0;
}

static int renew(struct certfile *c, const struct place *p, struct buf *cert)
{
	cleanup(renewals) struct renewals all = {
		.about = hash_sha3(BUF_BYTES(&p->d))};
	struct record d;
	size_t i;
	int rc = record_decode(BUF_BYTES(&p->d), &d);

	if (rc == 0)
		rc = c->local->ops->notes(c->local, d.path, see_renewal, &all);
	for (i = 0; rc == 0 && i < all.n; i++)
		rc = put_into(c, &all.place[i], cert);
	return rc;
}

static int make(struct certfile *c, struct place *p, int rc, struct buf *ret)
{
	struct buf cert = {0};

	if (rc == 0)
		rc = p->rc;
	if (rc == 0)
		rc = p->final ? assemble(c, p, (struct bytes){0}, &cert) :
			-EAGAIN;
	if (rc == 0)
		rc = renew(c, p, &cert);
	buf_free(&p->d);
	if (rc != 0)
		buf_free(&cert);
	else
		*ret = cert;
	return rc;
}

int certfile_make(struct certfile *c, struct bytes path, struct buf *ret)
{
	struct place p = {0};

	return make(c, &p, c->local->ops->find(c->local, path, see, &p), ret);
}

int certfile_record(struct certfile *c, uint64_t id, struct buf *ret)
{
	struct place p = {0};

	return make(c, &p, c->local->ops->record(c->local, id, see, &p), ret);
}
