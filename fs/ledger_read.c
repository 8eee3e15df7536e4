/*
 * Reading a chain, number by number: a/<k> from every bucket, then what it
 * numbers.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "core/mlogtree.h"
#include "core/block.h"
#include "core/chain.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/record.h"
#include "core/timestamp.h"
#include "fs/ledger.h"
#include "fs/ledger_inner.h"

struct reading {
	struct ledger *l;
	ledger_visit *visit;
	void *ctx;
	struct buf raw[REPLICA_MAX];	/* a/<k> of each bucket */
	int error[REPLICA_MAX];		/* why one is not there */
};

static void free_raws(struct reading *r)
{
	for (unsigned i = 0; i < REPLICA_MAX; i++)
		buf_free(&r->raw[i]);
}

/* -- keeping what later steps need */

static int keep_block(struct ledger *l, const struct ledger_block *b,
	const struct hash *leaf)
{
	int err;
	if (l->n_blocks % 256 == 0) {
		struct ledger_block *more = realloc(l->block,
			(l->n_blocks + 256) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		l->block = more;
	}
	err = mlogtree_add(l->tree, leaf);
	if (err == 0)
		l->block[l->n_blocks++] = *b;
	return err;
}

static int keep_doc(struct ledger *l, struct bytes doc)
{
	struct buf *more = realloc(l->doc, (l->n_docs + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	l->doc = more;
	l->doc[l->n_docs] = (struct buf){0};
	int err = buf_copy(doc, &l->doc[l->n_docs]);
	l->n_docs += err == 0;
	return err;
}

/* -- a block and what belongs to it */

static bool records_ok(const struct meta *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct record d;
		if (record_decode(m->d[i], &d) != 0)
			return false;
	}
	return true;
}

static int leaves(const struct meta *m, struct hash **ret)
{
	struct hash *dh = malloc(m->n * sizeof *dh);
	if (dh == NULL)
		return -ENOMEM;
	hash_many(m->d, m->n, dh);
	*ret = dh; /* the caller has it */
	return 0;
}

static const char *judge(const struct ledger *l, const struct meta *m,
	const struct sequence *s, const struct hash *dh, struct block *ret_b,
	uint64_t *ret_ms)
{
	uint8_t y[SEQUENCE_Y];
	struct timestamp t;
	struct merkle *tree;
	struct hash ht = timestamp_hash(m->t), mh;
	if (block_decode(m->b, ret_b) != 0)
		return "the block is malformed";
	enum verdict v = timestamp_validate(
		&l->params, m->t_type, m->t, m->b, &t);
	if (v != V_VALID)
		return verdict_text(v);
	*ret_ms = t.p_ms;
	sequence_y_block(ret_b->u, &ht, y);
	if (memcmp(y, s->y, sizeof y) != 0)
		return verdict_text(V_SEQUENCE_BLOCK);
	if (merkle_new(dh, m->n, &tree) != 0)
		return "the tree cannot be made";
	mh = merkle_root(tree);
	merkle_free(tree);
	if (!hash_equal(&mh, &ret_b->mh))
		return "the records are not those that the block commits to";
	return NULL;
}

static int chain_take(struct ledger *l, const struct meta *m,
	const struct block *b, const struct sequence *s, const struct hash *dh)
{
	struct hash hb = block_hash(m->b), ht = timestamp_hash(m->t);
	int err = chain_add_block(l->chain, &hb, b->u, &b->mh, &b->th);
	if (err == 0)
		err = chain_add_stamp(l->chain, &ht, &hb, true);
	if (err == 0)
		err = chain_add_tree(l->chain, &b->mh, dh, m->n);
	return err != 0 ? err : chain_add_number(l->chain, s->k, s->y);
}

/* The number promised a height and a log; omc and our own log must agree. */
static bool place_agrees(struct ledger *l, const struct sequence *s,
	const struct hash *hb, const struct hash *ht, struct hash *ret_leaf)
{
	struct chain_link at;
	if (!s->has_height || chain_at(l->chain, s->height, &at) != 0 ||
	    chain_length(l->chain) != s->height + 1 || at.k != s->k ||
	    !hash_equal(&at.hb, hb) || !hash_equal(&at.ht, ht))
		return false;
	struct hash leaf = sequence_log_leaf(s->height, s->k, hb, ht, s->r);
	mlog_add(&l->log, &leaf);
	*ret_leaf = leaf;
	struct hash root = mlog_root(&l->log);
	return l->log.size == s->log_size && hash_equal(&root, &s->log_root);
}

static int take_block(struct reading *r, const struct number *n,
	const struct sequence *s, const struct meta *m)
{
	struct ledger *l = r->l;
	cleanup(free) struct hash *dh = NULL;
	struct ledger_block keep = {s->k, s->epoch, n->meta, hash_sha3(n->s),
		0, 0};
	struct block b;
	int err = leaves(m, &dh);
	if (err != 0) {
		dh = NULL;
		return err;
	}
	const char *why = judge(l, m, s, dh, &b, &keep.p_ms);
	if (why == NULL && !records_ok(m))
		why = "a record is malformed";
	if (why != NULL) {
		l->broken = true;
		ledger_find(l, LEDGER_WRONG, "number %" PRIu64 ": %s", s->k,
			why);
		return 0;
	}
	err = chain_take(l, m, &b, s, dh);
	if (err != 0 || l->broken)
		return err;
	struct hash hb = block_hash(m->b), ht = timestamp_hash(m->t), leaf;
	if (!place_agrees(l, s, &hb, &ht, &leaf)) {
		l->broken = true;
		ledger_find(l, LEDGER_WRONG, "number %" PRIu64 ": it is not the "
			"main-chain block that its statement says", s->k);
		return 0;
	}
	keep.log_size = b.has_log ? b.log_size : 0;
	err = keep_block(l, &keep, &leaf);
	return err != 0 || r->visit == NULL ? err
		: r->visit(r->ctx, s->height, m);
}

static int read_block(struct reading *r, const struct number *n,
	const struct sequence *s)
{
	struct ledger *l = r->l;
	cleanup(buf) struct buf raw = {0};
	struct meta m;
	char key[OBJECT_KEY_MAX];
	object_key_pack(&n->meta, key);
	int err = l->replica->ops->get_meta(l->replica, key, &n->meta, &raw,
		NULL);
	if (err == 0)
		err = meta_decode(BUF_BYTES(&raw), &m);
	if (err == -ENOMEM)
		return err;
	if (err != 0) {
		l->broken = true;
		ledger_find(l, err == -EBADMSG ? LEDGER_WRONG
			: LEDGER_INCOMPLETE, "number %" PRIu64 ": the block "
			"%s is %s in every bucket given", s->k, key,
			err == -EBADMSG ? "damaged" : "missing");
		return 0;
	}
	err = take_block(r, n, s, &m);
	meta_done(&m);
	return err;
}

/* Block zero is whole in the genesis object. */
static int read_block_zero(struct reading *r, const struct number *n,
	const struct sequence *s)
{
	struct ledger *l = r->l;
	struct bytes leaf = l->genesis.params;
	struct meta m = {
		.b = l->genesis.b0, .t_type = l->genesis.t_type,
		.t = l->genesis.t, .n = 1, .d = &leaf,
	};
	struct hash dh = hash_sha3(leaf);
	struct ledger_block keep = {0, 0, {{0}}, hash_sha3(n->s), 0, 0};
	struct block b;
	const char *why = judge(l, &m, s, &dh, &b, &keep.p_ms);
	if (why != NULL) {
		ledger_find(l, LEDGER_WRONG, "block zero: %s", why);
		return 0;
	}
	int err = chain_take(l, &m, &b, s, &dh);
	if (err != 0)
		return err;
	struct hash hb = block_hash(m.b), ht = timestamp_hash(m.t);
	struct hash entry = {{0}};
	if (!place_agrees(l, s, &hb, &ht, &entry))
		ledger_find(l, LEDGER_WRONG, "block zero: %s",
			verdict_text(V_SEQUENCE_HEIGHT));
	return keep_block(l, &keep, &entry);
}

/* A hand-over or a recovery adds nothing to the main log. */
static int read_other(struct ledger *l, const struct sequence *s)
{
	struct hash root = mlog_root(&l->log);
	if (l->broken)
		return chain_add_other(l->chain, s->k, s->y);
	if (s->has_height || l->log.size != s->log_size ||
	    !hash_equal(&root, &s->log_root))
		ledger_find(l, LEDGER_WRONG, "number %" PRIu64 ": it shows "
			"another main log", s->k);
	return chain_add_other(l->chain, s->k, s->y);
}

/* -- a number */

static void fetch_raws(struct reading *r, const char *name)
{
	struct ledger *l = r->l;
	char key[WORM_KEY_MAX + 1];
	ledger_key(l, name, key);
	free_raws(r);
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct worm *w = l->bucket[i].worm;
		if (w != NULL)
			r->error[i] = worm_get_all(w, key, NUMBER_MAX,
				&r->raw[i]);
	}
}

/* The first copy that can be the next number; -ENOENT: none has it,
 * -EBADMSG: all that have it are refused; -ENOMEM: one was not judged. */
static int choose(struct reading *r, struct number *ret_n,
	struct succession_step *ret_step, const char **ret_why)
{
	int err = -ENOENT;
	for (unsigned i = 0; i < r->l->n_buckets; i++) {
		if (r->raw[i].n == 0)
			continue;
		err = -EBADMSG;
		*ret_why = "the object is malformed";
		if (number_decode(BUF_BYTES(&r->raw[i]), ret_n) != 0)
			continue;
		int rc = succession_check(&r->l->succession, ret_n, ret_step,
			ret_why);
		if (rc == 0 || rc == -ENOMEM)
			return rc;
	}
	return err;
}

/* What the other buckets hold beside the chosen copy: the same, nothing,
 * damage, or a second answer of the sequencer to the same number. */
static int compare(struct reading *r, const char *key,
	const struct sequence *chosen, struct bytes chosen_raw)
{
	struct ledger *l = r->l;
	struct ledger_object o = {.key = key, .known = true,
		.whole = chosen_raw};
	const char *why = "";
	int err = 0;
	for (unsigned i = 0; i < l->n_buckets && err == 0; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		struct number n;
		struct succession_step step;
		const char *bad = "the object is malformed";
		if (b->worm == NULL ||
		    bytes_equal(BUF_BYTES(&r->raw[i]), chosen_raw))
			continue;
		if (r->raw[i].n == 0) {
			if (r->error[i] == -ENOENT)
				o.missing |= UINT32_C(1) << i;
			else
				o.damaged |= UINT32_C(1) << i;
			continue;
		}
		int rc = number_decode(BUF_BYTES(&r->raw[i]), &n);
		if (rc == 0)
			rc = succession_check(&l->succession, &n, &step, &bad);
		if (rc == -ENOMEM)
			return rc;
		if (rc != 0) {
			o.damaged |= UINT32_C(1) << i;
			why = bad;
		} else if (memcmp(step.s.y, chosen->y, SEQUENCE_Y) != 0) {
			ledger_find(l, LEDGER_WRONG, "%s: the sequencer gave "
				"number %" PRIu64 " a second time, to something "
				"else", b->path, step.s.k);
			err = chain_add_number(l->chain, step.s.k, step.s.y);
		}
	}
	return err != 0 ? err : ledger_object(l, &o, why);
}

static int take_number(struct reading *r, const struct number *n,
	const struct succession_step *step)
{
	struct ledger *l = r->l;
	int err = succession_go(&l->succession, step);
	if (err == 0 && step->doc.n > 0)
		err = keep_doc(l, step->doc);
	if (err != 0)
		return err;
	if (step->s.type != SEQUENCE_BLOCK)
		return read_other(l, &step->s);
	if (step->s.k == 0)
		return read_block_zero(r, n, &step->s);
	if (!n->has_meta) {
		ledger_find(l, LEDGER_WRONG, "number %" PRIu64 ": it does not "
			"name its block", step->s.k);
		return 0;
	}
	return read_block(r, n, &step->s);
}

/* 1: taken, 0: the chain ends before k. */
static int read_number(struct reading *r, uint64_t k)
{
	char key[OBJECT_KEY_MAX];
	struct number n;
	struct succession_step step;
	const char *why = "";
	object_key_number(k, key);
	fetch_raws(r, key);
	int err = choose(r, &n, &step, &why);
	if (err == -ENOENT) {
		if (k < r->l->last_number)
			ledger_find(r->l, LEDGER_INCOMPLETE, "%s is missing in "
				"every bucket given: what follows it cannot be "
				"judged", key);
		return 0;
	}
	if (err == -ENOMEM)
		return err;
	if (err != 0) {
		ledger_find(r->l, LEDGER_WRONG, "number %" PRIu64 ": %s", k,
			why);
		return 0;
	}
	struct bytes raw = {0};
	for (unsigned i = 0; i < r->l->n_buckets; i++)
		if (n.s.p >= r->raw[i].p && n.s.p < r->raw[i].p + r->raw[i].n)
			raw = BUF_BYTES(&r->raw[i]);
	err = compare(r, key, &step.s, raw);
	if (err == 0)
		err = take_number(r, &n, &step);
	return err != 0 ? err : 1;
}

/* ctx: the ledger; key: "<chain>/a/<k>". */
static int note_last(void *ctx, const char *key, uint64_t size)
{
	struct ledger *l = ctx;
	uint8_t be[8];
	uint64_t k = 0;
	(void)size;
	const char *name = strrchr(key, '/') + 1;
	if (strlen(name) != 16 || hex_decode(name, be, 8) != 0)
		return 0;
	for (size_t i = 0; i < 8; i++)
		k = k << 8 | be[i];
	if (k < UINT64_MAX && k + 1 > l->last_number)
		l->last_number = k + 1;
	return 0;
}

/* How far the numbers go, by what any bucket lists. */
static void find_last(struct ledger *l)
{
	char numbers[WORM_KEY_MAX + 1];
	ledger_key(l, "a/", numbers);
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		int err = b->worm == NULL ? 0
			: b->worm->ops->list(b->worm, numbers, note_last, l);
		if (err != 0)
			ledger_find(l, LEDGER_INCOMPLETE, "%s cannot be listed: "
				"%s", b->path, strerror(-err));
	}
}

/* Block zero was looked for when the buckets were opened. */
static int compare_genesis(struct ledger *l)
{
	struct ledger_object o = {.key = OBJECT_KEY_GENESIS, .known = true,
		.whole = BUF_BYTES(&l->genesis_raw)};
	for (unsigned i = 0; i < l->n_buckets; i++) {
		const struct ledger_bucket *b = &l->bucket[i];
		if (b->worm == NULL || b->genesis == 0)
			continue;
		if (b->genesis == -ENOENT)
			o.missing |= UINT32_C(1) << i;
		else
			o.damaged |= UINT32_C(1) << i;
	}
	return ledger_object(l, &o, "");
}

int ledger_read(struct ledger *l, ledger_visit *visit, void *ctx)
{
	struct reading r = {.l = l, .visit = visit, .ctx = ctx};
	int err = compare_genesis(l);
	if (err != 0)
		return err;
	find_last(l);
	err = 1;
	while (err == 1 && l->numbers < l->last_number) {
		err = read_number(&r, l->numbers);
		l->numbers += err == 1;
		if (l->events.progress != NULL)
			l->events.progress(l->events.ctx, "numbers",
				l->numbers, l->last_number);
	}
	free_raws(&r);
	if (err < 0 || err > 1)
		return err;
	enum chain_reason why = chain_reason(l->chain);
	if (why != CHAIN_NO_SUCCESSOR)
		ledger_find(l, why == CHAIN_GAP ? LEDGER_INCOMPLETE
			: LEDGER_WRONG, "the main chain ends at height %zu: %s",
			l->n_blocks == 0 ? 0 : l->n_blocks - 1,
			chain_reason_text(why));
	return 0;
}

bool ledger_whole(const struct ledger *l)
{
	return l->numbers == l->last_number && !l->broken &&
		chain_reason(l->chain) == CHAIN_NO_SUCCESSOR;
}

/* -- reading again what was judged */

int ledger_meta(struct ledger *l, uint64_t height, struct buf *ret_raw,
	struct meta *ret)
{
	char key[OBJECT_KEY_MAX];
	const struct hash *h = &l->block[height].hmeta;
	cleanup(buf) struct buf raw = {0};
	object_key_pack(h, key);
	int err = l->replica->ops->get_meta(l->replica, key, h, &raw, NULL);
	if (err == 0)
		err = meta_decode(BUF_BYTES(&raw), ret);
	if (err != 0)
		return err;
	*ret_raw = raw;
	raw = (struct buf){0}; /* the caller has it */
	return 0;
}

/* Is it the number object whose s was judged? */
static bool same_s(void *ctx, struct bytes data)
{
	const struct hash *want = ctx;
	struct number n;
	if (number_decode(data, &n) != 0)
		return false;
	struct hash h = hash_sha3(n.s);
	return hash_equal(&h, want);
}

int ledger_sequence(struct ledger *l, uint64_t height, struct buf *ret)
{
	char key[OBJECT_KEY_MAX];
	cleanup(buf) struct buf raw = {0};
	struct ledger_block *b = &l->block[height];
	struct number n;
	object_key_number(b->k, key);
	int err = l->replica->ops->get_whole(l->replica, key, NUMBER_MAX,
		same_s, &b->hs, &raw, NULL);
	if (err == 0)
		err = number_decode(BUF_BYTES(&raw), &n);
	return err != 0 ? err : buf_copy(n.s, ret);
}
