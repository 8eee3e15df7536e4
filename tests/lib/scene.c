#include "tests/lib/scene.h"

#include <string.h>

#include "core/merkle.h"
#include "tests/tap/tap.h"

#define PENDING 256

/* Blocks with their stamps that wait for a number. */
struct pending {
	size_t n;
	struct { size_t b, t; } at[PENDING];
};

static bool chance(struct scene *s, unsigned percent)
{
	return prng_below(s->random, 100) < percent;
}

static struct omc_item *add(struct scene *s, enum omc_type type)
{
	struct omc_item *i = &s->item[s->n];

	if (s->n == SCENE_ITEMS)
		bail("too many items in a scene");
	s->n++;
	*i = (struct omc_item){.type = type};
	return i;
}

static struct hash any_leaf(struct scene *s)
{
	size_t tries;
	const struct omc_item *i;

	for (tries = 0; tries < 20; tries++) {
		i = &s->item[prng_below(s->random, s->n)];
		if (i->type == OMC_TREE && i->n > 0)
			return i->leaf[prng_below(s->random, i->n)];
	}
	return prng_hash(s->random);
}

static struct hash add_tree(struct scene *s)
{
	struct omc_item *i = add(s, OMC_TREE);
	struct merkle *m = NULL;
	size_t j, n = 1 + (size_t)prng_below(s->random, OMC_LEAVES);

	for (j = 0; j < n; j++)
		i->leaf[j] = chance(s, 20) ? any_leaf(s) : prng_hash(s->random);
	i->n = n;
	if (merkle_new(i->leaf, n, &m) != 0)
		bail("no tree");
	i->h = merkle_root(m);
	merkle_free(m);
	return i->h;
}

static size_t add_block(struct scene *s, const struct hash *th)
{
	struct hash mh = add_tree(s);
	struct omc_item *i = add(s, OMC_BLOCK);

	if (chance(s, 5)) /* the batch of another block, once more */
		mh = s->item[0].h;
	i->h = prng_hash(s->random);
	prng_fill(s->random, i->u, sizeof(i->u));
	i->mh = mh;
	i->th = *th;
	return s->n - 1;
}

static size_t add_stamp(struct scene *s, size_t b, bool valid)
{
	struct omc_item *i = add(s, OMC_STAMP);

	i->h = prng_hash(s->random);
	i->stamped = s->item[b].h;
	i->valid = valid;
	return s->n - 1;
}

static void add_number(struct scene *s, enum omc_type type, uint64_t k,
	const uint8_t *u, const struct hash *ht)
{
	struct omc_item *i = add(s, type);

	i->k = k;
	memcpy(i->y, u, 16);
	memcpy(i->y + 16, ht->b, HASH_LEN);
}

/* sequence(y): the same y gets the same number. */
static void sequence(struct scene *s, const uint8_t *u, const struct hash *ht)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->item[i].type == OMC_NUMBER &&
			memcmp(s->item[i].y, u, 16) == 0 &&
			memcmp(s->item[i].y + 16, ht->b, HASH_LEN) == 0)
			break;
	add_number(s, OMC_NUMBER, i < s->n ? s->item[i].k : s->counter++, u,
		ht);
}

static void misbehave(struct scene *s, size_t b, size_t t)
{
	const struct omc_item *block = &s->item[b], *stamp = &s->item[t];
	struct hash junk = prng_hash(s->random);
	uint64_t z = prng_below(s->random, 100);

	if (z < 6)
		sequence(s, block->u, &stamp->h);	/* asked twice */
	else if (z < 10)				/* second number */
		add_number(s, OMC_NUMBER, s->counter++, block->u, &stamp->h);
	else if (z < 14)				/* wrong u: void */
		sequence(s, junk.b, &stamp->h);
	else if (z < 15)
		sequence(s, junk.b, &junk);
	else if (z < 21)				/* hand-over */
		add_number(s, OMC_OTHER, s->counter++, junk.b, &junk);
}

static void number_some(struct scene *s, struct pending *p, bool in_order)
{
	size_t i, b, t;

	while (p->n > 0 && chance(s, 75)) {
		i = in_order || chance(s, 80) ? 0
			: (size_t)prng_below(s->random, p->n);
		b = p->at[i].b;
		t = p->at[i].t;
		memmove(&p->at[i], &p->at[i + 1],
			(p->n - i - 1) * sizeof(p->at[0]));
		p->n--;
		sequence(s, s->item[b].u, &s->item[t].h);
		misbehave(s, b, t);
	}
}

static void wait(struct pending *p, size_t b, size_t t)
{
	if (p->n == PENDING)
		bail("too many blocks in a scene");
	p->at[p->n].b = b;
	p->at[p->n].t = t;
	p->n++;
}

static size_t any_stamp(struct scene *s)
{
	size_t i;

	do
		i = (size_t)prng_below(s->random, s->n);
	while (s->item[i].type != OMC_STAMP);
	return i;
}

/* One more block on `tail` or elsewhere; returns the tail for the next. */
static size_t grow(struct scene *s, struct pending *p, size_t tail)
{
	size_t on = chance(s, 60) ? tail : any_stamp(s), b, t;
	struct hash parent = s->item[on].h;

	if (chance(s, 3))
		parent = prng_hash(s->random);
	b = add_block(s, &parent);
	t = add_stamp(s, b, !chance(s, 6));
	if (chance(s, 5))
		add_stamp(s, b, true);	/* and never numbered */
	wait(p, b, t);
	if (chance(s, 10))
		wait(p, b, add_stamp(s, b, true));
	return chance(s, 80) ? t : tail;
}

static void equivocate(struct scene *s)
{
	struct hash junk = prng_hash(s->random);
	uint64_t k = prng_below(s->random, s->counter + 1);
	size_t i;

	for (i = 0; i < s->n; i++)
		if (s->item[i].type == OMC_NUMBER && s->item[i].k == k)
			break;
	if (i < s->n && chance(s, 30)) { /* the same y as another type */
		struct omc_item *twin = add(s, OMC_OTHER);

		*twin = s->item[i];
		twin->type = OMC_OTHER;
		return;
	}
	add_number(s, chance(s, 80) ? OMC_NUMBER : OMC_OTHER, k, junk.b,
		&s->item[any_stamp(s)].h);
}

void scene_shuffle(struct prng *r, struct omc_item *item, size_t n)
{
	struct omc_item swap;
	size_t j;

	for (; n > 1; n--) {
		j = (size_t)prng_below(r, n);
		swap = item[n - 1];
		item[n - 1] = item[j];
		item[j] = swap;
	}
}

static void deliver(struct scene *s, bool withhold)
{
	size_t i, n = s->n, kept = 0;

	for (i = 0; i < n; i++)
		if (!withhold || !chance(s, 4))
			s->item[kept++] = s->item[i];
	s->n = kept;
	for (i = 0; i < kept && s->n < SCENE_ITEMS; i++)
		if (chance(s, 10))
			s->item[s->n++] = s->item[i];
	scene_shuffle(s->random, s->item, s->n);
}

void scene_make(struct scene *s, struct prng *r, struct scene_how how)
{
	static const struct hash zero;
	struct pending p = {0};
	size_t b, t, i;

	*s = (struct scene){.random = r};
	b = add_block(s, &zero);
	s->b0 = s->item[b].h;
	t = add_stamp(s, b, true);
	if (chance(s, 97))
		sequence(s, s->item[b].u, &s->item[t].h);
	else
		wait(&p, b, t);
	for (i = 0; i < how.blocks; i++) {
		t = grow(s, &p, t);
		number_some(s, &p, how.in_order);
	}
	number_some(s, &p, how.in_order);
	if (how.equivocate)
		equivocate(s);
	deliver(s, how.withhold);
}

int scene_feed(struct chain *c, const struct omc_item *i)
{
	switch (i->type) {
	case OMC_BLOCK:
		return chain_add_block(c, &i->h, i->u, &i->mh, &i->th);
	case OMC_STAMP:
		return chain_add_stamp(c, &i->h, &i->stamped, i->valid);
	case OMC_NUMBER:
		return chain_add_number(c, i->k, i->y);
	case OMC_OTHER:
		return chain_add_other(c, i->k, i->y);
	case OMC_TREE:
		return chain_add_tree(c, &i->h, i->leaf, i->n);
	}
	return 0;
}
