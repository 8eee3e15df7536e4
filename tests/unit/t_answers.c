/* What the sequencer answered, held against the set form of omc: random
 * histories of blocks that fork, hang on one another before they are numbered,
 * are stamped twice, badly, or by a clock that went backwards, are asked for
 * in any order and again, through hand-overs and recoveries.  Each answer and
 * each refusal must be the one that the main chain of all answers so far, by
 * sets, demands; and what of it reaches another machine, shuffled, doubled and
 * with holes, must make the same chain by sets and step by step.
 *	t_answers [HISTORIES]	default 200; TEST_SEED chooses others */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/hash.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "tests/lib/life.h"
#include "tests/lib/scene.h"
#include "tests/tap/tap.h"

#define ASKED_MAX 24	/* blocks with their stamps */

/* A block with one of its stamps, which somebody may ask a number for. */
struct asked {
	struct buf b, t;
	struct hash ht, document;
	struct omc_item block;
	bool valid;
	struct buf s;		/* its number, once it has one */
	bool remembered;	/* a repeat gets it again (N2) */
};

struct history {
	struct life life;
	struct prng r;
	struct asked asked[ASKED_MAX];
	size_t n_asked;
	struct omc_item item[SCENE_ITEMS];
	size_t n;
	const char *wrong;
};

struct tally {
	unsigned wrong, numbered, refused, repeated, stale, holes;
};

static bool chance(struct history *h, unsigned percent)
{
	return prng_below(&h->r, 100) < percent;
}

static void add(struct history *h, const struct omc_item *i)
{
	if (h->n == SCENE_ITEMS)
		bail("too many items");
	h->item[h->n++] = *i;
}

/* Block and stamp as the set form sees them. */
static void add_asked(struct history *h, struct asked *a)
{
	struct omc_item t = {.type = OMC_STAMP, .valid = a->valid};
	struct block b;

	if (block_decode(BUF_BYTES(&a->b), &b) != 0)
		bail("a block of our own");
	a->block = (struct omc_item){.type = OMC_BLOCK, .mh = b.mh,
		.th = b.th};
	a->block.h = block_hash(BUF_BYTES(&a->b));
	memcpy(a->block.u, b.u, sizeof(b.u));
	a->document = b.attestation;
	t.h = a->ht = timestamp_hash(BUF_BYTES(&a->t));
	t.stamped = a->block.h;
	add(h, &a->block);
	add(h, &t);
}

static struct omc_item number(const struct history *h, const struct asked *a)
{
	struct omc_item i = {.type = OMC_NUMBER, .k = h->life.numbers};

	memcpy(i.y, a->block.u, 16);
	memcpy(i.y + 16, a->ht.b, HASH_LEN);
	return i;
}

/* Numbers that the life took without being asked for a block. */
static void add_other(struct history *h)
{
	struct omc_item i = {.type = OMC_OTHER, .k = h->life.numbers - 1};
	struct number n;
	struct sequence s;

	if (number_decode(BUF_BYTES(&h->life.object[i.k]), &n) != 0 ||
		sequence_peek(n.s, &s) != 0 || s.k != i.k)
		bail("a number of our own");
	memcpy(i.y, s.y, sizeof(i.y));
	add(h, &i);
}

static struct omc main_chain(const struct history *h)
{
	struct omc z;

	omc(h->item, h->n, &h->life.world.chain, false, &z);
	return z;
}

static struct hash parent(struct history *h)
{
	if (chance(h, 55))
		return life_tail(&h->life);
	if (chance(h, 90) && h->n_asked > 0)
		return h->asked[prng_below(&h->r, h->n_asked)].ht;
	return prng_hash(&h->r);
}

/* An old block under another stamp.  False: the clock came back to the very
 * millisecond of one that it has, and so the two are one. */
static bool restamp(struct history *h, const struct asked *old, struct asked *a)
{
	struct hash y = block_hash(BUF_BYTES(&old->b)), ht;
	size_t i;

	if (timestamp_local_make(h->life.world.tsa_seed, &y,
		    h->life.world.ms++, &a->t) != 0)
		bail("no stamp");
	ht = timestamp_hash(BUF_BYTES(&a->t));
	for (i = 0; i < h->n_asked; i++) {
		if (hash_equal(&h->asked[i].ht, &ht)) {
			buf_free(&a->t);
			return false;
		}
	}
	if (buf_copy(BUF_BYTES(&old->b), &a->b) != 0)
		bail("no memory");
	return true;
}

static void step_block(struct history *h)
{
	struct asked *a = &h->asked[h->n_asked];
	struct seqworld *w = &h->life.world;
	struct hash th = parent(h);

	if (h->n_asked == ASKED_MAX)
		return;
	if (chance(h, 10))
		w->ms -= 1 + prng_below(&h->r, 100000);
	if (h->n_asked > 0 && chance(h, 15)) { /* stamped twice */
		if (!restamp(h, &h->asked[prng_below(&h->r, h->n_asked)], a))
			return;
	} else {
		seqworld_block(w, &th, chance(h, 95) ? &h->life.document
			: &h->life.old_document, &a->b, &a->t);
	}
	a->valid = !chance(h, 8);
	if (!a->valid)
		a->t.p[a->t.n - 1 - prng_below(&h->r, 64)] ^= 1;
	add_asked(h, a);
	h->n_asked++;
}

/* What the chain demands of the answer. */
static int demanded(const struct history *h, const struct asked *a,
	const struct omc *z)
{
	if (!a->valid)
		return -EKEYREJECTED;
	if (a->remembered)
		return 0;
	return hash_equal(&a->block.th, &z->z[z->n - 1].ht) &&
			       hash_equal(&a->document, &h->life.document)
		? 0
		: -ESTALE;
}

/* Had it been numbered, would the main chain have gone on with it? */
static bool would_grow(struct history *h, const struct asked *a)
{
	const struct omc_item n = number(h, a);
	struct omc before = main_chain(h), after;

	add(h, &n);
	after = main_chain(h);
	h->n--;
	return after.n > before.n;
}

static void numbered(struct history *h, struct asked *a,
	const struct omc *before, struct buf *s)
{
	struct life *l = &h->life;
	const struct omc_item n = number(h, a);
	struct buf b = {0}, t = {0};
	struct omc after;
	struct sequence q;

	if (buf_copy(BUF_BYTES(&a->b), &b) != 0 ||
		buf_copy(BUF_BYTES(&a->t), &t) != 0 ||
		buf_copy(BUF_BYTES(s), &a->s) != 0 ||
		sequence_peek(BUF_BYTES(s), &q) != 0)
		bail("a copy");
	a->remembered = true;
	add(h, &n);
	after = main_chain(h);
	if (q.k != n.k || memcmp(q.y, n.y, sizeof(q.y)) != 0)
		h->wrong = "it is not the next number, over this block";
	else if (after.n != before->n + 1 || after.watermark != (int64_t)n.k ||
		 after.reason != CHAIN_NO_SUCCESSOR ||
		 after.z[after.n - 1].k != n.k ||
		 after.z[after.n - 1].height != q.height)
		h->wrong = "what was numbered is not the main chain's end";
	life_accepted(l, &b, &t, s, life_epoch_is_new(l));
}

static void step_ask(struct history *h, struct tally *tally)
{
	struct asked *a = &h->asked[prng_below(&h->r, h->n_asked)];
	struct omc z = main_chain(h);
	struct buf s = {0};
	struct hash told = {{0}}, tail = z.z[z.n - 1].ht;
	int want = demanded(h, a, &z);
	int rc = numbering_sequence(h->life.n, BUF_BYTES(&a->b), 0,
		BUF_BYTES(&a->t), &s, &told);

	if (rc != want) {
		h->wrong = "another answer than the main chain demands";
	} else if (rc == 0 && a->remembered) {
		tally->repeated++;
		if (!bytes_equal(BUF_BYTES(&s), BUF_BYTES(&a->s)))
			h->wrong = "a repeat got another answer";
	} else if (rc == 0) {
		tally->numbered++;
		numbered(h, a, &z, &s);
	} else if (hash_equal(&a->document, &h->life.document) &&
		   would_grow(h, a)) {
		h->wrong = "refused what the main chain would go on with";
	} else {
		tally->refused++;
		tally->stale += rc == -ESTALE;
		if (rc == -ESTALE && !hash_equal(&told, &tail))
			h->wrong = "another tail than the main chain's";
	}
	buf_free(&s);
}

/* A recovery is shown the newest block's number, and knows no older one. */
static void step_restart(struct history *h)
{
	struct life *l = &h->life;
	struct hash tail = life_tail(l);
	size_t i;

	if (chance(h, 50)) {
		life_handover(l);
		add_other(h);
		return;
	}
	life_recover(l);
	add_other(h);
	for (i = 0; i < h->n_asked; i++)
		h->asked[i].remembered &= hash_equal(&h->asked[i].ht, &tail);
}

/* What arrives elsewhere: shuffled, some of it twice, some of it never, and
 * read once more from the start by a process that was restarted. */
static void deliver(struct history *h, bool holes, struct tally *tally)
{
	struct chain *c = chain_new(&h->life.world.chain, false);
	size_t i, kept = 0, restart = prng_below(&h->r, h->n);
	struct omc z;

	for (i = 0; i < h->n; i++)
		if (!holes || !chance(h, 5))
			h->item[kept++] = h->item[i];
	h->n = kept;
	for (i = 0; i < kept && h->n < SCENE_ITEMS; i++)
		if (chance(h, 10))
			h->item[h->n++] = h->item[i];
	scene_shuffle(&h->r, h->item, h->n);
	for (i = 0; c != NULL && i < h->n; i++) {
		scene_feed(c, &h->item[i]);
		if (i == restart) {
			chain_free(c);
			c = chain_new(&h->life.world.chain, false);
			i = (size_t)-1;
			restart = SIZE_MAX;
		}
	}
	if (c == NULL)
		bail("no memory");
	z = main_chain(h);
	tally->holes += z.n < h->life.blocks;
	if (!omc_same(c, &z))
		h->wrong = "step by step another chain than by sets";
	if (!holes && (z.n != h->life.blocks ||
			      z.watermark + 1 != (int64_t)h->life.numbers))
		h->wrong = "not all that was numbered is the main chain";
	chain_free(c);
}

static void start(struct history *h, struct attestor *attestor)
{
	struct asked *a = &h->asked[0];
	struct omc_item n;

	life_born(&h->life, attestor);
	if (buf_copy(BUF_BYTES(&h->life.b[0]), &a->b) != 0 ||
		buf_copy(BUF_BYTES(&h->life.t[0]), &a->t) != 0 ||
		buf_copy(BUF_BYTES(&h->life.s[0]), &a->s) != 0)
		bail("no memory");
	a->valid = a->remembered = true;
	add_asked(h, a);
	h->n_asked = 1;
	n = number(h, a);
	n.k = 0;
	add(h, &n);
}

static void stop(struct history *h)
{
	size_t i;

	life_dead(&h->life);
	for (i = 0; i < h->n_asked; i++) {
		buf_free(&h->asked[i].b);
		buf_free(&h->asked[i].t);
		buf_free(&h->asked[i].s);
	}
	free(h);
}

static void run(struct attestor *attestor, uint64_t seed, struct tally *tally)
{
	struct history *h = calloc(1, sizeof(*h));
	unsigned i, steps;

	if (h == NULL)
		bail("no memory");
	start(h, attestor);
	h->r = h->life.world.prng = (struct prng){seed};
	steps = 5 + (unsigned)prng_below(&h->r, 30);
	for (i = 0; i < steps && h->wrong == NULL; i++) {
		if (chance(h, 35))
			step_block(h);
		else if (chance(h, 97))
			step_ask(h, tally);
		else
			step_restart(h);
	}
	if (h->wrong == NULL)
		deliver(h, chance(h, 50), tally);
	if (h->wrong != NULL) {
		tally->wrong++;
		diag("TEST_SEED=%llu t_answers 1: %s",
			(unsigned long long)seed, h->wrong);
	}
	stop(h);
}

int main(int argc, char **argv)
{
	unsigned i, histories = argc > 1 ? (unsigned)atoi(argv[1]) : 200;
	struct attestor *attestor = life_attestor();
	struct tally t = {0};

	plan(2);
	/* in this one the clock comes back to the millisecond of a stamp */
	run(attestor, 298110, &t);
	for (i = 0; i < histories; i++)
		run(attestor, prng_seed() + i, &t);
	is_int(t.wrong, 0, "%u histories: every answer and every refusal of the "
			   "sequencer is the one that omc demands", histories);
	ok(histories < 100 || (t.numbered > histories && t.stale > histories &&
				      t.repeated > histories / 2 &&
				      t.holes > histories / 20),
		"they are not dull: %u numbered, %u refused (%u stale), %u "
		"repeated, %u arrived with holes", t.numbered, t.refused,
		t.stale, t.repeated, t.holes);
	attestor_free(attestor);
	return done();
}
