/* The chain against the set form of the corrected omc, on random histories.
 *	t_chain [SCENES]	default 5000; TEST_SEED chooses others */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/chain.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/scene.h"
#include "tests/tap/tap.h"

static uint64_t seed;

/* Every transaction there is, and one there is not. */
static bool same_places(const struct chain *c, const struct scene *s,
	size_t arrived, const struct omc *z)
{
	struct chain_place have, want;
	struct hash none = {{1}};
	size_t i, j;

	if (chain_find(c, &none, &have) != -ENOENT)
		return false;
	for (i = 0; i < s->n; i++) {
		for (j = 0; j < s->item[i].n; j++) {
			const struct hash *dh = &s->item[i].leaf[j];
			bool found = omc_find(s->item, arrived, z, dh, &want);

			if ((chain_find(c, dh, &have) == 0) != found)
				return false;
			if (found && (!omc_same_link(&have.at, &want.at) ||
					     !omc_same_link(&have.lower,
						     &want.lower) ||
					     have.index != want.index ||
					     have.n != want.n ||
					     have.first != want.first))
				return false;
		}
	}
	return true;
}

static bool agrees(const struct chain *c, const struct scene *s,
	size_t arrived, bool void_rule)
{
	struct omc z;

	omc(s->item, arrived, &s->b0, void_rule, &z);
	return omc_same(c, &z) && same_places(c, s, arrived, &z);
}

/* A main chain as it was, to see that it is still the beginning. */
struct before {
	size_t n;
	struct hash ht[OMC_BLOCKS];
};

static bool grown(const struct chain *c, struct before *b)
{
	struct chain_link l;
	bool good = chain_length(c) >= b->n;
	size_t i;

	for (i = 0; good && i < b->n; i++)
		good = chain_at(c, i, &l) == 0 && hash_equal(&l.ht, &b->ht[i]);
	for (b->n = 0; chain_at(c, b->n, &l) == 0; b->n++)
		b->ht[b->n] = l.ht;
	return good;
}

static struct chain *new_chain(const struct scene *s, bool void_rule)
{
	struct chain *c = chain_new(&s->b0, void_rule);

	if (c == NULL)
		bail("no memory");
	return c;
}

/* A process that was restarted and reads what it had in another order. */
static struct chain *restarted(struct prng *r, const struct scene *s,
	size_t arrived, bool void_rule)
{
	static struct omc_item again[SCENE_ITEMS];
	struct chain *c = new_chain(s, void_rule);
	size_t i;

	memcpy(again, s->item, arrived * sizeof(again[0]));
	scene_shuffle(r, again, arrived);
	for (i = 0; i < arrived; i++)
		scene_feed(c, &again[i]);
	return c;
}

struct tally {
	unsigned steps, wrong, shrunk, blocks, gaps, cuts, voids, certified;
};

static void count(struct tally *t, const struct chain *c)
{
	t->blocks += (unsigned)chain_length(c);
	t->gaps += chain_reason(c) == CHAIN_GAP;
	t->cuts += chain_reason(c) == CHAIN_EQUIVOCATED;
}

static void run_scene(unsigned number, struct prng *r, struct tally *t)
{
	static struct scene s;
	struct scene_how how = {
		.blocks = 1 + (size_t)prng_below(r, number % 50 == 0 ? 30 : 9),
		.equivocate = number % 10 == 0,
		.withhold = number % 2 == 1,
	};
	bool void_rule = number % 3 == 0, each = number % 5 == 0;
	struct before before = {0};
	struct chain *c;
	size_t i;

	scene_make(&s, r, how);
	c = new_chain(&s, void_rule);
	for (i = 0; i < s.n; i++) {
		scene_feed(c, &s.item[i]);
		if (prng_below(r, 50) == 0) {
			chain_free(c);
			c = restarted(r, &s, i + 1, void_rule);
		}
		if (each) {
			t->steps++;
			t->wrong += !agrees(c, &s, i + 1, void_rule);
		}
		if (!how.equivocate)
			t->shrunk += !grown(c, &before);
	}
	if (!agrees(c, &s, s.n, void_rule)) {
		diag("scene %u of seed %llu", number,
			(unsigned long long)seed);
		t->wrong++;
	}
	count(t, c);
	chain_free(c);
}

static void test_scenes(unsigned scenes)
{
	struct tally t = {0};
	unsigned i;

	for (i = 0; i < scenes; i++) {
		struct prng r = {.state = seed + i};

		run_scene(i, &r, &t);
	}
	is_int(t.wrong, 0, "%u histories: main chain, watermark, reason and "
			   "every certificate are those of the set form",
		scenes);
	is_int(t.shrunk, 0, "C3: the main chain only ever grows");
	ok(t.blocks > 2 * scenes && t.gaps > scenes / 20 &&
			t.cuts > scenes / 40,
		"they are not dull: %u blocks, %u gaps, %u cuts, "
		"%u steps compared", t.blocks, t.gaps, t.cuts, t.steps);
}

/* Every allocation of every arrival fails once. */
static void test_no_memory(void)
{
	static struct scene s;
	unsigned number, wrong = 0, failures = 0;
	size_t i;

	for (number = 0; number < 60; number++) {
		struct prng r = {.state = seed + 1000000 + number};
		struct chain *c;
		long n;

		scene_make(&s, &r, (struct scene_how){.blocks = 6,
					   .equivocate = number % 4 == 0});
		c = new_chain(&s, number % 2 == 0);
		for (i = 0; i < s.n; i++) {
			for (n = 0;; n++) {
				allocfail_arm((unsigned long)n + 1, true);
				if (scene_feed(c, &s.item[i]) == 0)
					break;
				allocfail_disarm();
				failures++;
				wrong += !agrees(c, &s, i, number % 2 == 0);
			}
			allocfail_disarm();
		}
		wrong += !agrees(c, &s, s.n, number % 2 == 0);
		chain_free(c);
	}
	ok(failures > 1000 && wrong == 0,
		"%u arrivals without memory left the chain as it was",
		failures);
}

static void test_no_memory_at_first(void)
{
	struct hash h = {{7}};
	struct chain *c = NULL;
	long n;

	for (n = 0; c == NULL && n < 20; n++) {
		allocfail_arm((unsigned long)n + 1, true);
		c = chain_resume(3, 3, &h);
	}
	allocfail_disarm();
	ok(n > 3 && c != NULL && chain_length(c) == 4,
		"a chain that cannot be resumed gives its memory back");
	chain_free(c);
}

static bool resumes(const struct scene *s, const struct omc *z, size_t at)
{
	struct chain *c = chain_resume(at, z->z[at].k, &z->z[at].ht);
	struct chain_link l;
	bool good;
	size_t i;

	if (c == NULL)
		bail("no memory");
	good = chain_length(c) == at + 1 && chain_at(c, at, &l) == 0 &&
		hash_is_zero(&l.hb) && hash_equal(&l.ht, &z->z[at].ht);
	for (i = 0; i < s->n; i++)
		scene_feed(c, &s->item[i]);
	good &= chain_length(c) == z->n && chain_reason(c) == z->reason &&
		chain_watermark(c) == z->watermark;
	for (i = at; i < z->n; i++)
		good &= chain_at(c, i, &l) == 0 && omc_same_link(&l, &z->z[i]);
	good &= at == 0 || chain_at(c, at - 1, &l) == -ENOENT;
	chain_free(c);
	return good;
}

static void test_resume(void)
{
	static struct scene s;
	unsigned number, wrong = 0, tried = 0;
	struct omc z;
	size_t at;

	for (number = 0; number < 300; number++) {
		struct prng r = {.state = seed + 2000000 + number};

		scene_make(&s, &r, (struct scene_how){.blocks = 9,
					   .in_order = true,
					   .withhold = number % 2 == 1});
		omc(s.item, s.n, &s.b0, false, &z);
		for (at = 0; at < z.n; at++) {
			tried++;
			wrong += !resumes(&s, &z, at);
		}
	}
	ok(tried > 500 && wrong == 0,
		"resumed behind any of %u blocks it goes on as before", tried);
}

/* A scene in which contradictions arrive one below the other. */
static void test_cut_often(void)
{
	static struct scene s;
	struct prng r = {.state = seed + 3000000};
	unsigned wrong = 0;
	struct chain *c;
	size_t i, n;

	scene_make(&s, &r, (struct scene_how){.blocks = 25});
	c = new_chain(&s, true);
	for (i = 0; i < s.n; i++)
		scene_feed(c, &s.item[i]);
	n = s.n;
	while (s.counter-- > 0 && s.n < SCENE_ITEMS) {
		s.item[s.n] = (struct omc_item){.type = OMC_NUMBER,
			.k = s.counter};
		prng_fill(&r, s.item[s.n].y, sizeof(s.item[s.n].y));
		scene_feed(c, &s.item[s.n++]);
		wrong += !agrees(c, &s, s.n, true);
	}
	ok(s.n > n && wrong == 0 && chain_length(c) == 0 &&
			chain_watermark(c) == -1 &&
			chain_reason(c) == CHAIN_EQUIVOCATED,
		"%zu contradictions from the top down take back one block "
		"after the other", s.n - n);
	chain_free(c);
}

static void test_tree_refused(void)
{
	struct hash b0 = {{1}}, leaf[2] = {{{2}}, {{3}}}, root = {{4}};
	struct chain *c = chain_new(&b0, false);

	is_int(chain_add_tree(c, &root, leaf, 2), -EBADMSG,
		"leaves that do not make the root are refused");
	is_int(chain_add_tree(c, &root, leaf, 0), -EBADMSG,
		"a tree of nothing is refused");
	chain_free(c);
}

#define MANY 20000

/* The items of a straight chain, each of which is 0..2 of block i. */
static void feed_part(struct chain *c, size_t i, unsigned part)
{
	struct hash hb = {{1, (uint8_t)i, (uint8_t)(i >> 8)}};
	struct hash ht = {{2, (uint8_t)i, (uint8_t)(i >> 8)}};
	struct hash th = {{2, (uint8_t)(i - 1), (uint8_t)((i - 1) >> 8)}};
	uint8_t y[48] = {0};

	if (i == 0)
		th = (struct hash){{0}};
	memcpy(y + 16, ht.b, HASH_LEN);
	if (part == 0)
		chain_add_block(c, &hb, y, &hb, &th);
	else if (part == 1)
		chain_add_stamp(c, &ht, &hb, true);
	else
		chain_add_number(c, i, y);
}

static void test_many(void)
{
	struct hash b0 = {{1}};
	struct chain *c = chain_new(&b0, false);
	size_t i;

	/* 7919 has no factor in common: every part once, in a wild order. */
	for (i = 0; i < 3 * MANY; i++) {
		size_t at = i * 7919 % (3 * MANY);

		feed_part(c, at / 3, (unsigned)(at % 3));
	}
	ok(chain_length(c) == MANY && chain_watermark(c) == MANY - 1 &&
			chain_reason(c) == CHAIN_NO_SUCCESSOR,
		"%d blocks in a wild order make one chain", MANY);
	chain_free(c);
}

/* Block zero, two timestamps of it, and number 0 over the second, in any order. */
static void test_genesis_stamped_twice(void)
{
	struct hash b0 = {{1}}, mh = {{2}}, none = {{0}}, t[2] = {{{3}}, {{4}}};
	struct chain_link at;
	uint8_t y[48] = {9};
	size_t order, i, good = 0;

	memcpy(y + 16, t[1].b, HASH_LEN);
	for (order = 0; order < 24; order++) {
		size_t left[4] = {0, 1, 2, 3}, n = 4, of = order;
		struct chain *c = chain_new(&b0, false);

		for (i = 0; i < 4; i++) {
			size_t which = left[of % n];

			memmove(left + of % n, left + of % n + 1,
				(n - 1 - of % n) * sizeof(*left));
			of /= n--;
			if (which == 0)
				chain_add_block(c, &b0, y, &mh, &none);
			else if (which == 3)
				chain_add_number(c, 0, y);
			else
				chain_add_stamp(c, &t[which - 1], &b0, true);
		}
		good += chain_at(c, 0, &at) == 0 && hash_equal(&at.ht, &t[1]);
		chain_free(c);
	}
	is_int((int)good, 24, "number 0 says which timestamp of block zero counts");
}

/* Block zero and a block, each with stamp and number: items 0 to 5. */
static void two_blocks(struct scene *s)
{
	struct omc_item *i = s->item;
	size_t j;

	s->b0 = (struct hash){{1}};
	for (j = 0; j < 2; j++) {
		i[3 * j] = (struct omc_item){.type = OMC_BLOCK,
			.h = {{(uint8_t)(1 + j)}}, .u = {(uint8_t)(1 + j)},
			.mh = {{(uint8_t)(11 + j)}}};
		i[3 * j + 1] = (struct omc_item){.type = OMC_STAMP,
			.h = {{(uint8_t)(21 + j)}}, .stamped = i[3 * j].h,
			.valid = true};
		i[3 * j + 2] = (struct omc_item){.type = OMC_NUMBER, .k = j};
		memcpy(i[3 * j + 2].y, i[3 * j].u, 16);
		memcpy(i[3 * j + 2].y + 16, i[3 * j + 1].h.b, HASH_LEN);
	}
	i[3].th = i[1].h;
	s->n = 6;
}

/* The seventh item, which is at odds with one of the six. */
static bool at_odds(unsigned which, struct omc_item *i)
{
	i[6] = i[5];
	switch (which) {
	case 0: /* number 1 over another block */
		i[6].y[0] ^= 1;
		return true;
	case 1: /* number 1 over another stamp */
		i[6].y[16] ^= 1;
		return true;
	case 2: /* number 1 is a hand-over */
		i[6].type = OMC_OTHER;
		i[6].y[0] ^= 1;
		return true;
	case 3: /* the same y as a hand-over's */
		i[6].type = OMC_OTHER;
		return true;
	case 4: /* number 0 twice */
		i[6] = i[2];
		i[6].y[0] ^= 1;
		return true;
	case 5: /* one block, two numbers */
		i[6].k = 2;
		return true;
	case 6: /* the very same once more */
		return true;
	case 7: /* a number that nobody fills */
		i[6].k = 2;
		i[6].y[16] ^= 1;
		return true;
	}
	return false;
}

/* The items in the order of that number, below n!. */
static void in_order_of(size_t order, const struct omc_item *from, size_t n,
	struct omc_item *ret)
{
	bool taken[8] = {false};
	size_t i, j, of;

	for (i = 0; i < n; i++) {
		of = order % (n - i);
		order /= n - i;
		for (j = 0; taken[j] || of > 0; j++)
			of -= !taken[j];
		taken[j] = true;
		ret[i] = from[j];
	}
}

static void test_every_order(void)
{
	static struct scene s, t;
	unsigned which, wrong = 0, tried = 0;
	struct chain *c;
	size_t order, i;

	two_blocks(&s);
	t = s;
	t.n = 7;
	for (which = 0; at_odds(which, s.item); which++) {
		for (order = 0; order < 5040; order++, tried++) {
			in_order_of(order, s.item, 7, t.item);
			c = new_chain(&t, order % 2 == 0);
			for (i = 0; i < 7; i++) {
				scene_feed(c, &t.item[i]);
				wrong += !agrees(c, &t, i + 1, order % 2 == 0);
			}
			chain_free(c);
		}
	}
	ok(tried == 8 * 5040 && wrong == 0,
		"two blocks and a number at odds with them, in all %u orders",
		tried);
}

int main(int argc, char **argv)
{
	plan(12);
	seed = prng_seed();
	test_scenes(argc > 1 ? (unsigned)atoi(argv[1]) : 5000);
	test_no_memory();
	test_no_memory_at_first();
	test_resume();
	test_cut_often();
	test_tree_refused();
	test_many();
	test_genesis_stamped_twice();
	test_every_order();
	return done();
}
