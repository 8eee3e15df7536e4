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
#include "backends/rlnc.h"
#include "backends/share.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"

#define ALIGN 64
#define PIECE ((size_t)1 << 20)	/* bytes of META read at a time */

struct share {
	struct share_header h;
	bool present;		/* its header is good */
	bool fetched;
	uint8_t *payload;	/* when fetched */
	uint8_t *damaged;	/* of each cell, whether its sum is wrong */
	unsigned n_damaged;
};

struct get {
	struct coded *c;
	char key[WORM_KEY_MAX + 1];
	const struct hash *hmeta;
	bool (*accept)(void *ctx, struct bytes payload);
	void *ctx;
	bool thorough;
	struct share share[REPLICA_MAX];
	int error[REPLICA_MAX];
	/* The set at hand: shares whose geometry is that of `geometry`, best
	 * first. */
	struct share_header geometry;
	unsigned order[REPLICA_MAX];
	unsigned n_order;
	uint32_t want;		/* bit i: fetch() is to read share i */
	uint8_t *payload;	/* whole stripes, the last padded */
	bool complete;		/* some k shares gave a payload */
};

static size_t stripe_bytes(const struct share_header *h)
{
	return (size_t)h->k * h->cell;
}

static size_t n_stripes(const struct share_header *h)
{
	return (size_t)((h->length + stripe_bytes(h) - 1) / stripe_bytes(h));
}

/* Bytes of a cell of stripe s: only the last may be short. */
static size_t cell_bytes(const struct share_header *h, size_t s)
{
	uint64_t off = (uint64_t)s * h->cell;

	return h->payload_length - off < h->cell
		? (size_t)(h->payload_length - off) : h->cell;
}

static uint64_t payload_at(const struct share_header *h)
{
	return SHARE_HEADER + h->meta_length;
}

/* The header, and that the object is as long as that says. */
static int read_header(struct worm *w, const char *key,
	const struct hash *hmeta, struct share_header *ret)
{
	uint8_t raw[SHARE_HEADER];
	struct share_header h;
	uint64_t size;
	int rc = w->ops->size(w, key, &size);

	if (rc != 0)
		return rc;
	if (size < SHARE_HEADER)
		return -EBADMSG;
	rc = w->ops->get(w, key, 0, raw, sizeof raw);
	if (rc == 0)
		rc = share_header_decode(raw, &h);
	if (rc != 0)
		return rc;
	if (!hash_equal(&h.hy, hmeta) || h.length > REPLICA_PAYLOAD_MAX ||
			h.meta_length > META_MAX || share_size(&h) != size)
		return -EBADMSG;
	*ret = h;
	return 0;
}

/* Is the META in clear the one that the key names?  In bounded memory. */
static int check_meta(struct worm *w, const char *key,
	const struct share_header *h)
{
	cleanup(free) uint8_t *piece = malloc(PIECE);
	struct hasher *sum = hasher_new(HASH_SHA3_256);
	uint64_t off = 0;
	struct hash got;
	size_t n;
	int rc = piece == NULL || sum == NULL ? -ENOMEM : 0;

	for (; rc == 0 && off < h->meta_length; off += n) {
		n = h->meta_length - off < PIECE ? (size_t)(h->meta_length - off)
			: PIECE;
		rc = w->ops->get(w, key, SHARE_HEADER + off, piece, n);
		if (rc == 0)
			hasher_add(sum, BYTES(piece, n));
	}
	if (rc == 0) {
		got = hasher_end(sum);
		rc = hash_equal(&got, &h->hy) ? 0 : -EBADMSG;
	}
	hasher_free(sum);
	return rc;
}

/* A share whose META is damaged may still give its cells. */
static int scan_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;
	struct share *s = &g->share[i];
	int rc = read_header(w, g->key, g->hmeta, &s->h);

	s->present = rc == 0;
	if (rc == 0 && g->thorough)
		rc = check_meta(w, g->key, &s->h);
	return rc;
}

static bool cell_good(const struct share *s, const uint8_t *sums, size_t at)
{
	struct bytes cell = BYTES(s->payload + at * s->h.cell,
		cell_bytes(&s->h, at));
	uint32_t sum;

	memcpy(&sum, sums + 4 * at, sizeof sum);
	return share_crc32c(0, cell) == be32toh(sum);
}

/* What a disk will not give is as good as damaged; the rest of it is not. */
static int read_cells(struct share *s, struct worm *w, const char *key)
{
	size_t at, n = n_stripes(&s->h);
	uint64_t off = payload_at(&s->h);
	int rc;

	rc = w->ops->get(w, key, off, s->payload,
		(size_t)s->h.payload_length);
	if (rc != -EIO)
		return rc;
	for (at = 0; at < n; at++) {
		rc = w->ops->get(w, key, off + at * s->h.cell,
			s->payload + at * s->h.cell, cell_bytes(&s->h, at));
		if (rc == -EIO)
			s->damaged[at] = 1;
		else if (rc != 0)
			return rc;
	}
	return 0;
}

static int fetch_share(struct share *s, struct worm *w, const char *key)
{
	size_t at, n = n_stripes(&s->h);
	cleanup(free) uint8_t *sums = malloc(4 * n + 1);
	int rc;

	free(s->payload); /* of an attempt that failed */
	free(s->damaged);
	s->n_damaged = 0;
	s->payload = aligned_alloc(ALIGN, (size_t)s->h.payload_length + ALIGN);
	s->damaged = calloc(n + 1, 1);
	if (sums == NULL || s->payload == NULL || s->damaged == NULL)
		return -ENOMEM;
	rc = read_cells(s, w, key);
	if (rc == 0)
		rc = w->ops->get(w, key, payload_at(&s->h) +
			s->h.payload_length, sums, 4 * n);
	if (rc != 0)
		return rc;
	for (at = 0; at < n; at++) {
		if (!s->damaged[at] && !cell_good(s, sums, at))
			s->damaged[at] = 1;
		s->n_damaged += s->damaged[at];
	}
	s->fetched = true;
	return s->n_damaged > 0 ? -EBADMSG : 0;
}

static int fetch_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;

	if ((g->want >> i & 1) == 0 || g->share[i].fetched)
		return 0;
	return fetch_share(&g->share[i], w, g->key);
}

/* Fetches the first n of the set. */
static int fetch(struct get *g, unsigned n)
{
	int error[REPLICA_MAX];
	unsigned i;

	g->want = 0;
	for (i = 0; i < n; i++)
		g->want |= 1u << g->order[i];
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
	const struct share *s = &g->share[a], *t = &g->share[b];

	if (s->n_damaged != t->n_damaged)
		return s->n_damaged < t->n_damaged;
	if (is_coded(&s->h) != is_coded(&t->h))
		return !is_coded(&s->h);
	return a < b;
}

static bool same_geometry(const struct share_header *a,
	const struct share_header *b)
{
	return a->k == b->k && a->cell == b->cell && a->length == b->length;
}

/* Puts the shares of the set in order; without those that `fetched` asks for
 * and that could not be. */
static void make_order(struct get *g, bool fetched)
{
	unsigned i, j;

	g->n_order = 0;
	for (i = 0; i < g->c->base.n; i++) {
		if (!g->share[i].present || (fetched && !g->share[i].fetched) ||
				!same_geometry(&g->share[i].h, &g->geometry))
			continue;
		for (j = g->n_order++; j > 0 && better(g, i, g->order[j - 1]);
				j--)
			g->order[j] = g->order[j - 1];
		g->order[j] = i;
	}
}

struct recipe {
	unsigned share[RLNC_K_MAX];	/* where the cells come from */
	uint8_t inverse[RLNC_K_MAX][RLNC_K_MAX];
	bool known;
};

/* The first k shares of `order` whose cell of the stripe is whole. */
static int choose(const struct get *g, const unsigned *order, size_t stripe,
	struct recipe *r)
{
	unsigned pick[RLNC_K_MAX], i, n = 0, k = g->geometry.k;
	uint8_t rows[RLNC_K_MAX][RLNC_K_MAX];

	for (i = 0; i < g->n_order && n < k; i++)
		if (!g->share[order[i]].damaged[stripe])
			pick[n++] = order[i];
	if (n < k)
		return -ENODATA;
	if (r->known && memcmp(pick, r->share, k * sizeof *pick) == 0)
		return 0;
	for (i = 0; i < k; i++)
		memcpy(rows[i], g->share[pick[i]].h.row, RLNC_K_MAX);
	r->known = false;
	if (rlnc_invert(k, (const uint8_t (*)[RLNC_K_MAX])rows,
			r->inverse) != 0)
		return -ENODATA; /* dependent: they tell less than k cells */
	memcpy(r->share, pick, k * sizeof *pick);
	r->known = true;
	return 0;
}

static void decode_stripe(struct get *g, size_t stripe, const struct recipe *r)
{
	const struct share_header *h = &g->geometry;
	size_t cell = cell_bytes(h, stripe);
	const uint8_t *in[RLNC_K_MAX];
	uint8_t *out[RLNC_K_MAX];
	unsigned i;

	for (i = 0; i < h->k; i++) {
		in[i] = g->share[r->share[i]].payload + stripe * h->cell;
		out[i] = g->payload + stripe * stripe_bytes(h) + i * cell;
	}
	rlnc_encode(h->k, h->k, (const uint8_t (*)[RLNC_K_MAX])r->inverse, in,
		out, cell);
}

/* Puts the payload together from shares in this order of preference.  0 and
 * accepted, -EBADMSG when it is not the object, -ENODATA. */
static int try_order(struct get *g, const unsigned *order)
{
	size_t stripe, n = n_stripes(&g->geometry);
	struct recipe r = {.known = false};
	uint64_t whole = g->geometry.payload_length * g->geometry.k;
	int rc;

	if (g->n_order < g->geometry.k)
		return -ENODATA;
	for (stripe = 0; stripe < n; stripe++) {
		rc = choose(g, order, stripe, &r);
		if (rc != 0)
			return rc;
		decode_stripe(g, stripe, &r);
	}
	g->complete = true;
	/* What the padding decodes to is nobody's word: it is zeros. */
	memset(g->payload + g->geometry.length, 0,
		(size_t)(whole - g->geometry.length));
	return g->accept(g->ctx, BYTES(g->payload, (size_t)g->geometry.length))
		? 0 : -EBADMSG;
}

/* Moves to the next k positions of n in lexicographic order. */
static bool next_subset(unsigned *at, unsigned k, unsigned n)
{
	unsigned i = k, j;

	while (i > 0 && at[i - 1] == n - k + i - 1)
		i--;
	if (i == 0)
		return false;
	at[i - 1]++;
	for (j = i; j < k; j++)
		at[j] = at[j - 1] + 1;
	return true;
}

/* Every k of the set first, each time with the others behind them. */
static int try_all(struct get *g)
{
	unsigned at[RLNC_K_MAX], order[REPLICA_MAX], i, n, k = g->geometry.k;
	uint32_t used;
	int rc;

	if (g->n_order < k)
		return -ENODATA;
	for (i = 0; i < k; i++)
		at[i] = i;
	do {
		used = 0;
		for (n = 0; n < k; n++) {
			order[n] = g->order[at[n]];
			used |= 1u << at[n];
		}
		for (i = 0; i < g->n_order; i++)
			if ((used >> i & 1) == 0)
				order[n++] = g->order[i];
		rc = try_order(g, order);
	} while (rc != 0 && next_subset(at, k, g->n_order));
	return rc;
}

static int try_set(struct get *g)
{
	uint64_t whole = g->geometry.payload_length * g->geometry.k;
	unsigned k = g->geometry.k, i;
	bool clean = true;
	int rc;

	make_order(g, false);
	if (g->n_order < k)
		return -ENODATA;
	free(g->payload);
	g->payload = aligned_alloc(ALIGN, (size_t)whole + ALIGN);
	if (g->payload == NULL)
		return -ENOMEM;
	rc = fetch(g, k);
	if (rc != 0)
		return rc;
	for (i = 0; i < k; i++)
		clean = clean && g->share[g->order[i]].fetched &&
			g->share[g->order[i]].n_damaged == 0;
	if (clean && g->n_order >= k) {
		unsigned all = g->n_order;

		g->n_order = k; /* the others have no cells yet */
		rc = try_order(g, g->order);
		g->n_order = all;
		if (rc == 0)
			return 0;
	}
	rc = fetch(g, g->n_order);
	if (rc != 0)
		return rc;
	make_order(g, true);
	return try_all(g);
}

/* The largest set that no share in `done` belongs to, into g->geometry. */
static bool next_set(struct get *g, uint32_t *done)
{
	unsigned i, j, n, best = 0, size = 0;

	for (i = 0; i < g->c->base.n; i++) {
		if (!g->share[i].present || (*done >> i & 1) != 0)
			continue;
		for (j = i, n = 0; j < g->c->base.n; j++)
			n += g->share[j].present && same_geometry(
				&g->share[i].h, &g->share[j].h);
		if (n > size) {
			size = n;
			best = i;
		}
	}
	if (size == 0)
		return false;
	g->geometry = g->share[best].h;
	for (j = 0; j < g->c->base.n; j++)
		if (g->share[j].present &&
				same_geometry(&g->share[j].h, &g->geometry))
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
	return g->complete ? -EBADMSG : -ENODATA;
}

/* Holds share i against the accepted payload. */
static int check_one(void *ctx, unsigned i, struct worm *w)
{
	struct get *g = ctx;
	struct share *s = &g->share[i];
	const struct share_header *h = &g->geometry;
	cleanup(free) uint8_t *cell = aligned_alloc(ALIGN, h->cell);
	const uint8_t *in[RLNC_K_MAX];
	size_t stripe;
	unsigned j;
	int rc;

	if (!s->present)
		return 0;
	if (!same_geometry(&s->h, h))
		return -EBADMSG;
	if (cell == NULL)
		return -ENOMEM;
	rc = s->fetched ? 0 : fetch_share(s, w, g->key);
	for (stripe = 0; rc == 0 && stripe < n_stripes(h); stripe++) {
		for (j = 0; j < h->k; j++)
			in[j] = g->payload + stripe * stripe_bytes(h) +
				j * cell_bytes(h, stripe);
		rlnc_encode(h->k, 1, (const uint8_t (*)[RLNC_K_MAX])&s->h.row,
			in, &cell, cell_bytes(h, stripe));
		if (memcmp(cell, s->payload + stripe * h->cell,
				cell_bytes(h, stripe)) != 0)
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

	for (i = 0; i < REPLICA_MAX; i++) {
		free(g->share[i].payload);
		free(g->share[i].damaged);
	}
	free(g->payload);
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
	g->accept = accept;
	g->ctx = ctx;
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
		ret->p = g->payload;
		ret->n = (size_t)g->geometry.length;
		ret->cap = ret->n;
		g->payload = NULL; /* the caller has it */
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
	rc = read_header(w, key, hmeta, &h);
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
