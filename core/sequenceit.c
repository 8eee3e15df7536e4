/* Numbers ([0066]-[0069]): a block that the buckets hold -> its number, whose
 * object goes to the buckets -> final once omc contains the block. */
#include <errno.h>
#include <string.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/notary_impl.h"
#include "core/sequence.h"
#include "core/timestamp.h"

static void cleanup_sequenced(struct sequenced *s)
{
	sequenced_done(s);
}

/* y = b.u || H(t) of a block that is stamped. */
static int y_of(const struct local_block *b, uint8_t ret[SEQUENCE_Y])
{
	struct hash ht = timestamp_hash(BUF_BYTES(&b->t));
	struct block block;
	int rc = block_decode(BUF_BYTES(&b->b), &block);

	if (rc == 0)
		sequence_y_block(block.u, &ht, ret);
	return rc;
}

/* Is s the statement that was asked for? */
static int check(struct notary *n, const struct local_block *b,
	struct bytes s, struct sequence *ret)
{
	uint8_t y[SEQUENCE_Y];
	int rc = y_of(b, y);

	if (rc == 0)
		rc = sequence_peek(s, ret);
	if (rc < 0)
		return rc;
	if (ret->type != SEQUENCE_BLOCK || !ret->has_height ||
		ret->height != b->height || !hash_equal(&ret->chain, &n->id) ||
		memcmp(ret->y, y, SEQUENCE_Y) != 0 || ret->k <= n->chain_k)
		return -EBADMSG;
	return 0;
}

static int keep(struct notary *n, const struct local_block *b,
	const struct sequenced *answer)
{
	struct local *l = n->s.local;
	struct number number = {
		.s = BUF_BYTES(&answer->s),
		.has_meta = true,
		.meta = b->hmeta,
		.doc = BUF_BYTES(&answer->doc),
	};
	cleanup(buf) struct buf object = {0};
	struct sequence s;
	int rc = check(n, b, number.s, &s);

	if (rc == 0)
		rc = number_encode(&number, &object);
	if (rc < 0)
		return rc;
	{
		locked(&n->shape);
		rc = l->ops->put_sequence(l, b->height, s.k, number.s,
			BUF_BYTES(&object));
	}
	if (rc < 0)
		return rc;
	locked(&n->lock);
	n->has_log = true;
	n->log_size = s.log_size;
	n->log_root = s.log_root;
	return 0;
}

/* The tail is another block: this one and all above it lost.  Their records
 * are batched again, the same d, but not at once: whoever is ahead of us would
 * win again, and every attempt leaves a pack in the buckets. */
static int lost(struct notary *n, uint64_t height)
{
	struct local *l = n->s.local;
	uint64_t now = notary_mono(n);
	int i, rc;

	locked(&n->shape);
	rc = l->ops->requeue(l, height);
	if (rc < 0)
		return rc;
	locked(&n->lock);
	n->generation++;
	for (i = 0; i < NOTARY_FLIGHT_MAX; i++)
		if (n->flight[i].height >= height)
			n->flight[i] = (struct flight){0};
	backoff_grow(&n->stale, now);
	return -ESTALE;
}

static bool is_stored(struct notary *n, uint64_t height)
{
	struct flight *f;

	locked(&n->lock);
	f = notary_flight(n, height);
	return f->height == height && f->state == FLIGHT_STORED;
}

/* Never before the write quorum holds the block: from here on a number may
 * exist that nobody could fill without it ([0067]). */
static int sequence(struct notary *n, const struct local_block *b)
{
	struct sequencer *q = n->s.sequencer;
	cleanup(sequenced) struct sequenced answer = {0};
	int rc;

	if (b->state != LOCAL_STAMPED || !is_stored(n, b->height))
		return 0;
	rc = q->ops->sequence(q, BUF_BYTES(&b->b), b->t_type,
		BUF_BYTES(&b->t), &answer);
	if (rc == -ESTALE) {
		notary_note(n, NOTARY_SEQUENCER, 0);
		return lost(n, b->height);
	}
	fault_point("number.got");
	if (rc == 0)
		rc = keep(n, b, &answer);
	fault_point("number.kept");
	notary_note(n, NOTARY_SEQUENCER, rc);
	return rc < 0 ? rc : 1;
}

int notary_put_number(struct notary *n, uint64_t k)
{
	struct local *l = n->s.local;
	struct replica *r = n->s.replica;
	cleanup(buf) struct buf object = {0};
	struct replica_report report = {0};
	char key[OBJECT_KEY_MAX];
	int rc = l->ops->number(l, k, &object);

	if (rc < 0)
		return rc;
	object_key_number(k, key);
	rc = r->ops->put_whole(r, key, BUF_BYTES(&object), &report);
	return notary_stored(n, key, k, rc, &report);
}

/* A number between two blocks: hand-over or recovery, as a rule. */
static int include_other(struct notary *n, uint64_t k)
{
	struct local *l = n->s.local;
	cleanup(buf) struct buf object = {0};
	struct number number;
	struct sequence s;
	int rc = l->ops->number(l, k, &object);

	if (rc < 0)
		return rc == -ENOENT ? 0 : rc; /* omc will see the gap */
	rc = number_decode(BUF_BYTES(&object), &number);
	if (rc == 0)
		rc = sequence_peek(number.s, &s);
	if (rc == 0 && (s.k != k || !hash_equal(&s.chain, &n->id)))
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	return s.type == SEQUENCE_BLOCK ? chain_add_number(n->chain, k, s.y) :
					  chain_add_other(n->chain, k, s.y);
}

static int include_block(struct notary *n, const struct local_block *b)
{
	struct hash hb = block_hash(BUF_BYTES(&b->b));
	struct hash ht = timestamp_hash(BUF_BYTES(&b->t));
	uint8_t y[SEQUENCE_Y];
	struct block block;
	int rc = block_decode(BUF_BYTES(&b->b), &block);

	if (rc == 0)
		rc = y_of(b, y);
	if (rc == 0)
		rc = chain_add_block(n->chain, &hb, block.u, &block.mh,
			&block.th);
	if (rc == 0)
		rc = chain_add_stamp(n->chain, &ht, &hb, true);
	return rc < 0 ? rc : chain_add_number(n->chain, b->k, y);
}

/* Does omc contain the block?  0, or -ENODATA when a number below it is
 * nobody's: then it is not final, and is not called so. */
static int on_chain(struct notary *n, const struct local_block *b)
{
	struct hash hb = block_hash(BUF_BYTES(&b->b));
	struct chain_link at;
	uint64_t k;
	int rc = 0;

	for (k = n->chain_k + 1; rc == 0 && k < b->k; k++)
		rc = include_other(n, k);
	if (rc == 0)
		rc = include_block(n, b);
	if (rc < 0)
		return rc;
	rc = chain_at(n->chain, b->height, &at);
	if (rc < 0 || at.k != b->k || !hash_equal(&at.hb, &hb))
		return -ENODATA;
	return 0;
}

static int advance(struct notary *n, const struct local_block *b)
{
	n->chain_k = b->k;
	{
		locked(&n->lock);
		*notary_flight(n, b->height) = (struct flight){0};
		n->stale = (struct backoff){0};
	}
	return ++n->chain_blocks < NOTARY_RESUME ? 0 : notary_resume(n);
}

static int finish(struct notary *n, const struct local_block *b)
{
	struct local *l = n->s.local;
	int rc = notary_put_number(n, b->k);

	fault_point("number.put");
	if (rc >= 0)
		rc = on_chain(n, b);
	if (rc == 0)
		rc = l->ops->set_final(l, b->height);
	fault_point("final.kept");
	return rc < 0 ? rc : advance(n, b);
}

int sequenceit_step(struct notary *n)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block b = {0};
	uint64_t final = 0;
	int rc = l->ops->tip(l, LOCAL_FINAL, &final);

	if (rc == 0)
		rc = l->ops->block(l, final + 1, &b);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (b.state != LOCAL_SEQUENCED) {
		rc = sequence(n, &b);
	} else {
		rc = finish(n, &b);
		rc = rc < 0 ? rc : 1;
	}
	if (rc == 1 || rc == -ESTALE)
		notary_changed(n);
	return rc;
}
