/*
 * coded_get: an object out of any k of its shares.
 *
 * A share says itself what it is: number of data cells, row, size of a cell;
 * so shares of another set of buckets combine as well.  Nothing in it is
 * believed: check-sums tell which cells were damaged, and whether the sum of
 * some k shares is the object, accept() alone can say.  Hence the order:
 *
 *	scan	headers of all; those that agree make a set
 *	fetch	the k best of a set (plain slices before coded ones)
 *	try	k shares; a damaged cell is made up for by another share's
 *	...	else fetch all, and try every k of them
 *	check	with a report: hold every share against what was accepted
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/coded.h"
#include "backends/coded_join.h"
#include "backends/coded_read.h"
#include "backends/rlnc.h"
#include "core/cleanup.h"
#include "core/hash.h"

struct get {
	struct coded *c;
	char key[WORM_KEY_MAX + 1];
	const struct hash *hmeta;
	bool thorough;
	struct coded_share share[REPLICA_MAX];
	int error[REPLICA_MAX];
	struct coded_join join;	/* the set at hand */
	uint32_t want;		/* bit i: fetch() is to read share i */
};

/* A share whose META is damaged may still give its cells. */
static int scan_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;
	struct coded_share *s = &g->share[i];
	int rc = coded_read_header(w, g->key, g->hmeta, &s->h);

	s->present = rc == 0;
	if (rc == 0 && g->thorough)
		rc = coded_read_meta(w, g->key, &s->h);
	return rc;
}

static int fetch_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;

	if ((g->want >> i & 1) == 0 || g->share[i].fetched)
		return 0;
	return coded_read_cells(&g->share[i], w, g->key);
}

/* Fetches the first n of the set. */
static int fetch(struct get *g, unsigned n)
{
	int error[REPLICA_MAX];
	unsigned i;

	g->want = 0;
	for (i = 0; i < n; i++)
		g->want |= 1u << g->join.order[i];
	coded_each(g->c, fetch_one, g, error);
	for (i = 0; i < g->c->base.n; i++) {
		if ((g->want >> i & 1) == 0 || error[i] == 0)
			continue;
		if (error[i] == -ENOMEM)
			return -ENOMEM;
		g->error[i] = error[i];
	}
	return 0;
}

/* 0 if the share is one of the data cells, else 1. */
static unsigned is_coded(const struct share_header *h)
{
	unsigned i, ones = 0, others = 0;

	for (i = 0; i < h->k; i++) {
		ones += h->row[i] == 1;
		others += h->row[i] > 1;
	}
	return ones != 1 || others != 0;
}

/* Does a come before b?  Whole before damaged, plain before coded. */
static bool better(const struct get *g, unsigned a, unsigned b)
{
	const struct coded_share *s = &g->share[a], *t = &g->share[b];

	if (s->n_damaged != t->n_damaged)
		return s->n_damaged < t->n_damaged;
	if (is_coded(&s->h) != is_coded(&t->h))
		return !is_coded(&s->h);
	return a < b;
}

/* Puts the shares of the set in order; without those that `fetched` asks for
 * and that could not be. */
static void make_order(struct get *g, bool fetched)
{
	struct coded_join *o = &g->join;
	const struct coded_share *s = g->share;
	unsigned i, j;

	o->n_order = 0;
	for (i = 0; i < g->c->base.n; i++) {
		if (!s[i].present || (fetched && !s[i].fetched) ||
				!coded_same_geometry(&s[i].h, &o->geometry))
			continue;
		for (j = o->n_order++; j > 0 &&
				better(g, i, o->order[j - 1]); j--)
			o->order[j] = o->order[j - 1];
		o->order[j] = i;
	}
}

static int try_set(struct get *g)
{
	struct coded_join *o = &g->join;
	size_t whole = (size_t)o->geometry.payload_length * o->geometry.k;
	unsigned k = o->geometry.k, all, i;
	bool clean = true;
	int rc;

	make_order(g, false);
	if (o->n_order < k)
		return -ENODATA;
	free(o->payload);
	o->payload = aligned_alloc(CODED_ALIGN, whole + CODED_ALIGN);
	if (o->payload == NULL)
		return -ENOMEM;
	rc = fetch(g, k);
	if (rc != 0)
		return rc;
	for (i = 0; i < k; i++)
		clean = clean && g->share[o->order[i]].fetched &&
			g->share[o->order[i]].n_damaged == 0;
	if (clean) {
		all = o->n_order;
		o->n_order = k; /* the others have no cells yet */
		rc = coded_join_order(o, o->order);
		o->n_order = all;
		if (rc == 0)
			return 0;
	}
	rc = fetch(g, o->n_order);
	if (rc != 0)
		return rc;
	make_order(g, true);
	return coded_join_all(o);
}

/* The largest set that no share in `done` belongs to, into g->join.geometry. */
static bool next_set(struct get *g, uint32_t *done)
{
	unsigned i, j, n, best = 0, size = 0;

	for (i = 0; i < g->c->base.n; i++) {
		if (!g->share[i].present || (*done >> i & 1) != 0)
			continue;
		for (j = i, n = 0; j < g->c->base.n; j++)
			n += g->share[j].present && coded_same_geometry(
				&g->share[i].h, &g->share[j].h);
		if (n > size) {
			size = n;
			best = i;
		}
	}
	if (size == 0)
		return false;
	g->join.geometry = g->share[best].h;
	for (j = 0; j < g->c->base.n; j++)
		if (g->share[j].present &&
				coded_same_geometry(&g->share[j].h,
					&g->join.geometry))
			*done |= 1u << j;
	return true;
}

static int try_sets(struct get *g)
{
	uint32_t done = 0;
	int rc = -ENODATA;

	while (next_set(g, &done)) {
		rc = try_set(g);
		if (rc == 0 || rc == -ENOMEM)
			return rc;
	}
	return g->join.complete ? -EBADMSG : -ENODATA;
}

/* Holds share i against the accepted payload. */
static int check_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;
	struct coded_share *s = &g->share[i];
	const struct share_header *h = &g->join.geometry;
	cleanup(free) uint8_t *cell = aligned_alloc(CODED_ALIGN, h->cell);
	const uint8_t *in[RLNC_K_MAX];
	size_t stripe;
	unsigned j;
	int rc;

	if (!s->present)
		return 0;
	if (!coded_same_geometry(&s->h, h))
		return -EBADMSG;
	if (cell == NULL)
		return -ENOMEM;
	rc = s->fetched ? 0 : coded_read_cells(s, w, g->key);
	for (stripe = 0; rc == 0 && stripe < coded_stripes(h); stripe++) {
		for (j = 0; j < h->k; j++)
			in[j] = g->join.payload +
				stripe * coded_stripe_bytes(h) +
				j * coded_cell_bytes(h, stripe);
		rlnc_encode(h->k, 1, (const uint8_t (*)[RLNC_K_MAX])&s->h.row,
			in, &cell, coded_cell_bytes(h, stripe));
		if (memcmp(cell, s->payload + stripe * h->cell,
				coded_cell_bytes(h, stripe)) != 0)
			rc = -EBADMSG;
	}
	return rc;
}

static void check(struct get *g)
{
	int error[REPLICA_MAX];
	unsigned i;

	coded_each(g->c, check_one, g, error);
	for (i = 0; i < g->c->base.n; i++)
		if (g->error[i] == 0)
			g->error[i] = error[i];
}

static void get_done(struct get *g)
{
	unsigned i;

	for (i = 0; i < REPLICA_MAX; i++)
		coded_share_done(&g->share[i]);
	free(g->join.payload);
	free(g);
}

int coded_get(struct replica *r, const char *key, const struct hash *hmeta,
	bool (*accept)(void *ctx, struct bytes payload), void *ctx,
	struct buf *ret, struct replica_report *report)
{
	struct get *g = calloc(1, sizeof *g);
	unsigned i;
	int rc;

	if (g == NULL)
		return -ENOMEM;
	g->c = coded_of(r);
	g->hmeta = hmeta;
	g->join.share = g->share;
	g->join.accept = accept;
	g->join.ctx = ctx;
	g->thorough = report != NULL;
	rc = coded_key(g->c, key, g->key);
	if (rc == 0) {
		coded_each(g->c, scan_one, g, g->error);
		rc = try_sets(g);
	}
	if (rc == 0 && g->thorough)
		check(g);
	if (report != NULL) {
		*report = (struct replica_report){0};
		for (i = 0; i < r->n; i++)
			coded_note(report, i, g->error[i]);
	}
	if (rc == 0) {
		ret->p = g->join.payload;
		ret->n = (size_t)g->join.geometry.length;
		ret->cap = ret->n;
		g->join.payload = NULL; /* the caller has it */
	}
	get_done(g);
	return rc;
}

static int get_meta_one(struct worm *w, const char *key,
	const struct hash *hmeta, struct buf *ret)
{
	cleanup(buf) struct buf b = {0};
	struct share_header h;
	struct hash got;
	int rc;

	if (w == NULL)
		return -ENODEV;
	rc = coded_read_header(w, key, hmeta, &h);
	if (rc == 0)
		rc = buf_reserve(&b, (size_t)h.meta_length);
	if (rc == 0)
		rc = w->ops->get(w, key, SHARE_HEADER, b.p,
			(size_t)h.meta_length);
	if (rc != 0)
		return rc;
	b.n = (size_t)h.meta_length;
	got = hash_sha3(BUF_BYTES(&b));
	if (!hash_equal(&got, hmeta))
		return -EBADMSG;
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

int coded_get_meta(struct replica *r, const char *key,
	const struct hash *hmeta, struct buf *ret,
	struct replica_report *report)
{
	struct coded *c = coded_of(r);
	char full[WORM_KEY_MAX + 1];
	int error[REPLICA_MAX], rc = coded_key(c, key, full);
	unsigned i;

	if (rc != 0)
		return rc;
	if (report != NULL)
		*report = (struct replica_report){0};
	for (i = 0; i < r->n; i++) {
		error[i] = get_meta_one(c->bucket[i], full, hmeta, ret);
		coded_note(report, i, error[i]);
		if (error[i] == 0)
			return 0;
	}
	return coded_none(c, error);
}
