/* What must hold at the end, from buckets and local. */
#include "tests/lib/simrun.h"

#include <stdlib.h>
#include <string.h>

#include "core/chain.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

struct seen {
	struct simrun *r;
	uint8_t *times;		/* each id was seen in a block */
	uint32_t index;		/* next of this block */
	uint64_t sum, length;	/* of the payload */
	const struct meta *m;
};

static int see(void *ctx, const struct local_record *q)
{
	struct seen *s = ctx;

	if (q->id > s->r->queued || s->times[q->id]++ != 0)
		simrun_wrong(s->r, "a record is in two blocks");
	if (q->index != s->index || q->index >= s->m->n ||
		!bytes_equal(q->d, s->m->d[q->index]))
		simrun_wrong(s->r, "META does not hold the records in order");
	if (q->kind == RECORD_PUT && q->size <= PACK_FILE_MAX) {
		s->sum = sim_sum(q->path, 0, q->size, s->sum);
		s->length += q->size;
	}
	s->index++;
	return 0;
}

/* The block at this height is in the buckets, and holds what local says. */
static void check_block(struct simrun *r, uint64_t h, uint8_t *times)
{
	struct local *l = r->sim.real;
	cleanup(local_block) struct local_block b = {0};
	struct sim_object *o;
	struct hash *dh, hmeta;
	struct merkle *tree = NULL;
	struct block block;
	struct meta m = {0};
	struct seen s = {.r = r, .times = times, .m = &m};
	char key[OBJECT_KEY_MAX];
	size_t i;

	if (l->ops->block(l, h, &b) != 0 || b.state != LOCAL_FINAL) {
		simrun_wrong(r, "a block is missing");
		return;
	}
	object_key_pack(&b.hmeta, key);
	o = sim_object(&r->sim, key);
	if (o == NULL || __builtin_popcount(o->buckets) < SIM_QUORUM ||
		meta_decode(BUF_BYTES(&o->data), &m) != 0) {
		simrun_wrong(r, "a final block is not in the buckets");
		return;
	}
	hmeta = hash_sha3(BUF_BYTES(&o->data));
	dh = calloc(m.n, sizeof(*dh));
	for (i = 0; i < m.n; i++)
		dh[i] = hash_sha3(m.d[i]);
	if (!hash_equal(&hmeta, &b.hmeta) || m.n == 0 ||
		!bytes_equal(m.b, BUF_BYTES(&b.b)) ||
		!bytes_equal(m.t, BUF_BYTES(&b.t)) ||
		block_decode(m.b, &block) != 0 ||
		merkle_new(dh, m.n, &tree) != 0)
		simrun_wrong(r, "META is not that of the block");
	else if (memcmp(merkle_root(tree).b, block.mh.b, HASH_LEN) != 0)
		simrun_wrong(r,
			"the block is not over the tree of its records");
	if (l->ops->records(l, h, see, &s) != 0 || s.index != m.n ||
		s.sum != o->sum || s.length != o->length)
		simrun_wrong(r, "the payload is not the contents in order");
	merkle_free(tree);
	free(dh);
	meta_done(&m);
}

static void feed_pack(const struct mkchain *from, struct chain *c,
	struct bytes data)
{
	struct meta m;
	struct block b;
	struct timestamp t;
	struct hash hb, ht;

	if (meta_decode(data, &m) != 0 || block_decode(m.b, &b) != 0)
		return;
	hb = block_hash(m.b);
	ht = timestamp_hash(m.t);
	if (timestamp_validate(&from->params, m.t_type, m.t, m.b, &t) ==
			V_VALID &&
		chain_add_block(c, &hb, b.u, &b.mh, &b.th) == 0)
		chain_add_stamp(c, &ht, &t.y, true);
	meta_done(&m);
}

static void feed_number(const struct mkchain *from, struct chain *c,
	struct bytes data)
{
	struct number n;
	struct sequence s;

	if (number_decode(data, &n) != 0 ||
		sequence_open(n.s, BUF_BYTES(&from->key0), &s) != V_VALID)
		return;
	if (s.type == SEQUENCE_BLOCK)
		chain_add_number(c, s.k, s.y);
	else
		chain_add_other(c, s.k, s.y);
}

/* omc over block zero and all that lies in the buckets. */
static struct chain *omc(struct simrun *r)
{
	const struct mkchain *from = r->sim.chain;
	struct bytes b0 = BUF_BYTES(&from->b0), t0 = BUF_BYTES(&from->t0);
	struct chain *c = chain_new(&from->anchor, false);
	struct hash ht = timestamp_hash(t0);
	struct sim_object *o;
	struct block b;

	if (block_decode(b0, &b) != 0)
		bail("block zero");
	chain_add_block(c, &from->anchor, b.u, &b.mh, &b.th);
	chain_add_stamp(c, &ht, &from->anchor, true);
	chain_add_number(c, 0, r->sim.given[0].y);
	for (o = r->sim.objects; o != NULL; o = o->next) {
		if (__builtin_popcount(o->buckets) < SIM_QUORUM)
			continue;
		if (o->key[0] == 'p')
			feed_pack(from, c, BUF_BYTES(&o->data));
		else if (o->key[0] == 'a')
			feed_number(from, c, BUF_BYTES(&o->data));
	}
	return c;
}

static void check_chain(struct simrun *r, uint64_t height)
{
	struct local *l = r->sim.real;
	struct chain *c = omc(r);
	struct chain_link at;
	uint64_t h;

	if (chain_length(c) != height + 1)
		simrun_wrong(r, "omc over the buckets is not the local chain");
	for (h = 1; h <= height && chain_at(c, h, &at) == 0; h++) {
		cleanup(local_block) struct local_block b = {0};
		struct hash hb;

		if (l->ops->block(l, h, &b) != 0)
			break;
		hb = block_hash(BUF_BYTES(&b.b));
		if (!hash_equal(&hb, &at.hb) || b.k != at.k)
			simrun_wrong(r, "omc has another block or number");
	}
	chain_free(c);
}

void simrun_check(struct simrun *r)
{
	struct local *l = r->sim.real;
	cleanup(free) uint8_t *times = calloc(r->queued + 1, 1);
	uint64_t h, tip = 0, i;

	if (l->ops->tip(l, LOCAL_FINAL, &tip) != 0)
		bail("no tip");
	for (h = 1; h <= tip; h++)
		check_block(r, h, times);
	for (i = 1; i <= r->queued; i++)
		if (times[i] != 1)
			simrun_wrong(r, "a record is in no block");
	check_chain(r, tip);
	if (r->sim.wrong != NULL)
		simrun_wrong(r, r->sim.wrong);
}
