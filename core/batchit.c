/* BatchIt ([0062]): queued records -> batch, transaction tree, block. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/hashtab.h"
#include "core/merkle.h"
#include "core/notary_impl.h"
#include "core/timestamp.h"

/* Bytes of extents' tops in one META: what META_MAX leaves beside the
 * records, block, stamp and heads. */
#define TOPS_MAX (META_MAX - META_RECORDS_MAX - ((size_t)1 << 20))

/* A path of which the record `id` still waits for its extents: what came after
 * it at that path waits, too, since the newest record of a path is what
 * counts, and a tombstone comes behind what it is about. */
struct early {
	struct hashtab_node node; /* first; SHA-256 of the path */
	uint64_t id;
};

static void free_early(struct hashtab_node *n)
{
	free(n);
}

struct batch {
	struct hashtab early;
	const struct notary_limits *limits;
	uint64_t *id;
	size_t *end;		/* of each d in text */
	size_t n;
	struct buf text;	/* the d, one after another */
	uint64_t bytes;		/* payload */
	size_t tops;		/* bytes of extents' tops */
};

static void cleanup_batch(struct batch *b)
{
	free(b->id);
	free(b->end);
	buf_free(&b->text);
	hashtab_done(&b->early, free_early);
}

static void cleanup_merkle(struct merkle **m)
{
	merkle_free(*m);
}

/* The first of each path counts. */
static int add_early(void *ctx, const struct local_record *r)
{
	struct batch *b = ctx;
	struct hash key = hash_sha256(r->path);
	struct early *e;

	if (hashtab_find(&b->early, &key) != NULL)
		return 0;
	e = malloc(sizeof(*e));
	if (e == NULL || hashtab_reserve(&b->early, b->early.n + 1) != 0) {
		free(e);
		return -ENOMEM;
	}
	*e = (struct early){.node.key = key, .id = r->id};
	hashtab_add(&b->early, &e->node);
	return 0;
}

static bool waits(const struct batch *b, const struct local_record *r)
{
	const struct early *e;
	struct hash key;

	if (b->early.n == 0)
		return false;
	key = hash_sha256(r->path);
	e = (const struct early *)hashtab_find(&b->early, &key);
	return e != NULL && e->id < r->id;
}

/* Positive: the batch is full.  The first record fits always. */
static int add_record(void *ctx, const struct local_record *r)
{
	struct batch *b = ctx;
	bool packed = record_stores(r->kind) && r->size <= PACK_FILE_MAX;
	uint64_t bytes = packed ? r->size : 0;
	int rc;

	if (waits(b, r))
		return 0;
	if (b->n > 0 &&
		(b->n >= b->limits->transactions ||
			b->bytes + bytes > b->limits->bytes ||
			b->text.n + r->d.n > META_RECORDS_MAX ||
			b->tops + r->extents.n > TOPS_MAX))
		return 1;
	rc = buf_add(&b->text, r->d.p, r->d.n);
	if (rc < 0)
		return rc;
	b->bytes += bytes;
	b->tops += r->extents.n;
	b->end[b->n] = b->text.n;
	b->id[b->n++] = r->id;
	return 0;
}

/* Under `shape` no record becomes ready, so `early` can only grow; if it has,
 * what came behind that may be in the batch already. */
static int gather(struct notary *n, struct batch *b)
{
	struct local *l = n->s.local;
	size_t known;
	int rc;

	locked(&n->shape);

	b->limits = &n->limits;
	b->id = calloc(n->limits.transactions, sizeof(*b->id));
	b->end = calloc(n->limits.transactions, sizeof(*b->end));
	if (b->id == NULL || b->end == NULL)
		return -ENOMEM;
	rc = l->ops->queued(l, false, 0, add_early, b);
	do {
		known = b->early.n;
		b->n = b->text.n = b->tops = 0;
		b->bytes = 0;
		if (rc == 0)
			rc = l->ops->queued(l, true, 0, add_record, b);
		if (rc >= 0)
			rc = l->ops->queued(l, false, 0, add_early, b);
	} while (rc == 0 && b->early.n > known);
	return rc;
}

/* m^H over the d of the batch. */
static int tree(const struct batch *b, struct hash *ret)
{
	cleanup(free) struct bytes *d = calloc(b->n, sizeof(*d));
	cleanup(free) struct hash *dh = calloc(b->n, sizeof(*dh));
	cleanup(merkle) struct merkle *m = NULL;
	size_t i, at = 0;
	int rc;

	if (d == NULL || dh == NULL)
		return -ENOMEM;
	for (i = 0; i < b->n; i++) {
		d[i] = BYTES(b->text.p + at, b->end[i] - at);
		at = b->end[i];
	}
	hash_many(d, b->n, dh);
	rc = merkle_new(dh, b->n, &m);
	if (rc == 0)
		*ret = merkle_root(m);
	return rc;
}

/* H(payload) of the newest attestation document. */
static int document(struct notary *n, struct hash *ret)
{
	struct sequencer *q = n->s.sequencer;
	cleanup(buf) struct buf doc = {0};
	int rc = q->ops->document(q, &doc);

	if (rc == 0)
		rc = attestation_hash(BUF_BYTES(&doc), ret);
	if (rc < 0)
		notary_note(n, NOTARY_SEQUENCER, rc);
	return rc;
}

/* The encoded block over this batch, behind the stamped block `below`. */
static int build(struct notary *n, const struct batch *batch,
	const struct local_block *below, struct buf *ret)
{
	struct block b = {.has_attestation = true};
	int rc = document(n, &b.attestation);

	if (rc == 0)
		rc = tree(batch, &b.mh);
	if (rc < 0)
		return rc;
	b.th = timestamp_hash(BUF_BYTES(&below->t));
	n->s.entropy->ops->fill(n->s.entropy, b.u, sizeof(b.u));
	{
		locked(&n->lock);
		b.has_log = n->has_log;
		b.log_size = n->log_size;
		b.log_root = n->log_root;
	}
	return block_encode(&b, ret);
}

/* Where the chain stands. */
struct tips {
	uint64_t batched, stamped, final;
};

static int read_tips(struct notary *n, struct tips *ret)
{
	struct local *l = n->s.local;
	int rc = l->ops->tip(l, LOCAL_BATCHED, &ret->batched);

	if (rc == 0)
		rc = l->ops->tip(l, LOCAL_STAMPED, &ret->stamped);
	if (rc == 0)
		rc = l->ops->tip(l, LOCAL_FINAL, &ret->final);
	return rc;
}

/* May a block be made on top of the newest one? */
static bool room(const struct notary *n, const struct tips *t)
{
	return t->batched == t->stamped &&
		t->batched - t->final < n->limits.in_flight;
}

/* How long records gather before the next block. */
static uint64_t pause_ms(const struct notary *n, const struct tips *t)
{
	const struct notary_limits *l = &n->limits;

	return t->batched > t->final && l->gather_ms > l->interval_ms ?
		l->gather_ms : l->interval_ms;
}

/* Do records of a whole block wait?  Those that are still waiting for their
 * extents count too: then a block comes a little earlier than it must. */
static int full(struct notary *n)
{
	struct local *l = n->s.local;
	struct local_counts c;
	uint64_t records = 0, bytes = 0;
	int i, rc = l->ops->counts(l, &c);

	if (rc < 0)
		return rc;
	locked(&n->lock);
	for (i = 0; i < NOTARY_FLIGHT_MAX; i++) {
		if (n->flight[i].height <= c.height)
			continue;
		records += n->flight[i].n;
		bytes += n->flight[i].bytes;
	}
	return c.queued_records >= records + n->limits.transactions ||
		c.queued_bytes >= bytes + n->limits.bytes;
}

/* Is it time?  1, 0 or an error; sets what notary_delay() says.  A hurry that
 * comes after this is not answered by this step. */
static int due(struct notary *n, const struct tips *t, uint64_t *ret_hurry)
{
	uint64_t now = notary_mono(n), pause = pause_ms(n, t);

	{
		locked(&n->lock);
		n->due_ms = UINT64_MAX;
		*ret_hurry = n->hurry_asked;
		if (n->stale.wait_ms != 0 && now < n->stale.until_ms) {
			n->due_ms = n->stale.until_ms;
			return 0;
		}
		if (!n->began || n->hurry_asked != n->hurry_done ||
			now - n->last_ms >= pause)
			return 1;
		n->due_ms = n->last_ms + pause;
	}
	return full(n);
}

static void answered(struct notary *n, uint64_t hurry)
{
	locked(&n->lock);
	n->hurry_done = hurry;
	n->due_ms = UINT64_MAX;
}

static int commit(struct notary *n, uint64_t generation, uint64_t height,
	struct bytes b, const struct batch *batch)
{
	struct local *l = n->s.local;
	int rc;

	locked(&n->shape);
	if (notary_generation(n) != generation)
		return 1; /* blocks were dropped meanwhile: look again */
	fault_point("batch.made");
	rc = l->ops->put_block(l, height, b, batch->id, batch->n,
		batch->bytes);
	fault_point("batch.kept");
	if (rc < 0)
		return rc;
	locked(&n->lock);
	*notary_flight(n, height) = (struct flight){.height = height, .n = (uint32_t)batch->n,
		.bytes = batch->bytes};
	n->began = true;
	n->last_ms = notary_mono(n);
	return 1;
}

int batchit_step(struct notary *n)
{
	struct local *l = n->s.local;
	uint64_t generation = notary_generation(n), hurry = 0;
	struct tips tips = {0};
	cleanup(batch) struct batch batch = {0};
	cleanup(local_block) struct local_block below = {0};
	cleanup(buf) struct buf b = {0};
	int rc = read_tips(n, &tips);

	if (rc == 0)
		rc = due(n, &tips, &hurry);
	if (rc <= 0 || !room(n, &tips))
		return rc < 0 ? rc : 0;
	rc = gather(n, &batch);
	if (rc == 0 && batch.n == 0) {
		answered(n, hurry);
		return 0;
	}
	if (rc == 0)
		rc = l->ops->block(l, tips.batched, &below);
	if (rc == 0)
		rc = build(n, &batch, &below, &b);
	if (rc == 0)
		rc = commit(n, generation, tips.batched + 1, BUF_BYTES(&b), &batch);
	if (rc < 0)
		return rc;
	answered(n, hurry);
	notary_changed(n);
	return 1;
}
