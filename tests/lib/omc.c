#include "tests/lib/omc.h"

#include <errno.h>
#include <string.h>

#include "tests/tap/tap.h"

/* One (b, t, a) of V. */
struct triple {
	const struct omc_item *b, *t;
	uint64_t k;
};

struct sets {
	const struct omc_item *item;
	size_t n;
	struct triple v[4096];
	size_t n_v;
	bool have[OMC_NUMBERS], contradicted[OMC_NUMBERS];
	uint64_t bad;	/* lowest contradicted, OMC_NUMBERS for none */
};

#define EACH(i, s) \
	(const struct omc_item *i = (s)->item; i < (s)->item + (s)->n; i++)

static bool numbers(const struct omc_item *i)
{
	return i->type == OMC_NUMBER || i->type == OMC_OTHER;
}

static void contradictions(struct sets *s)
{
	s->bad = OMC_NUMBERS;
	for EACH (i, s)
		for EACH (j, s)
			if (numbers(i) && numbers(j) && i->k == j->k &&
				(i->type != j->type ||
					memcmp(i->y, j->y, 48) != 0)) {
				s->contradicted[i->k] = true;
				if (i->k < s->bad)
					s->bad = i->k;
			}
}

/* t.y = H(b), validate(t), a.y = b.u || H(t) */
static void triples(struct sets *s)
{
	for EACH (a, s)
		for EACH (t, s)
			for EACH (b, s) {
				if (a->type != OMC_NUMBER ||
					t->type != OMC_STAMP || !t->valid ||
					b->type != OMC_BLOCK ||
					s->contradicted[a->k] ||
					!hash_equal(&t->stamped, &b->h) ||
					memcmp(a->y, b->u, 16) != 0 ||
					memcmp(a->y + 16, t->h.b, 32) != 0)
					continue;
				if (s->n_v == 4096)
					bail("too many triples");
				s->v[s->n_v++] = (struct triple){b, t, a->k};
			}
}

/* t is at hand and bad, or its block is and has another u. */
static bool is_void(const struct sets *s, const struct omc_item *a)
{
	for EACH (t, s) {
		if (t->type != OMC_STAMP || memcmp(a->y + 16, t->h.b, 32) != 0)
			continue;
		if (!t->valid)
			return true;
		for EACH (b, s)
			if (b->type == OMC_BLOCK &&
				hash_equal(&t->stamped, &b->h) &&
				memcmp(a->y, b->u, 16) != 0)
				return true;
	}
	return false;
}

static void accounted(struct sets *s, bool void_rule)
{
	size_t i;

	for (i = 0; i < s->n_v; i++)
		s->have[s->v[i].k] = true;
	for EACH (a, s) {
		if (a->type == OMC_OTHER ||
			(a->type == OMC_NUMBER && void_rule && is_void(s, a)))
			s->have[a->k] = true;
	}
	for (i = (size_t)s->bad; i < OMC_NUMBERS; i++)
		s->have[i] = false;
}

/* argmin a.k over the children of the tail */
static const struct triple *successor(
	const struct sets *s, const struct hash *tail)
{
	const struct triple *z = NULL, *c;

	for (c = s->v; c < s->v + s->n_v; c++)
		if (hash_equal(&c->b->th, tail) && (z == NULL || c->k < z->k))
			z = c;
	return z;
}

/* #{x in have : k < x < z.k} = z.k - k - 1, and z.k in have */
static bool no_gap(const struct sets *s, uint64_t k, uint64_t zk)
{
	uint64_t x, n = 0;

	for (x = k + 1; x < zk; x++)
		n += s->have[x];
	return n == zk - k - 1 && s->have[zk];
}

static void append(struct omc *ret, const struct triple *z)
{
	if (ret->n == OMC_BLOCKS)
		bail("too long a chain");
	ret->z[ret->n] = (struct chain_link){ret->n, z->k, z->b->h, z->t->h,
		z->b->mh};
	ret->n++;
}

static const struct triple *genesis(
	const struct sets *s, const struct hash *b0)
{
	const struct triple *c;

	for (c = s->v; c < s->v + s->n_v; c++)
		if (c->k == 0 && s->have[0] && hash_equal(&c->b->h, b0))
			return c;
	return NULL;
}

void omc(const struct omc_item *item, size_t n, const struct hash *b0,
	bool void_rule, struct omc *ret)
{
	static struct sets s;
	const struct triple *z;
	uint64_t k = 0;
	bool cut;

	memset(&s, 0, sizeof(s));
	s.item = item;
	s.n = n;
	contradictions(&s);
	triples(&s);
	accounted(&s, void_rule);
	*ret = (struct omc){.watermark = -1};
	while (ret->watermark + 1 < OMC_NUMBERS && s.have[ret->watermark + 1])
		ret->watermark++;
	cut = s.bad < OMC_NUMBERS && ret->watermark + 1 == (int64_t)s.bad;
	z = genesis(&s, b0);
	if (z == NULL) {
		ret->reason = s.bad == 0 ? CHAIN_EQUIVOCATED
					 : CHAIN_GENESIS_INVALID;
		return;
	}
	append(ret, z);
	ret->reason = CHAIN_NO_SUCCESSOR;
	while ((z = successor(&s, &ret->z[ret->n - 1].ht)) != NULL) {
		if (z->k > k && !no_gap(&s, k, z->k)) {
			ret->reason = CHAIN_GAP;
			break;
		}
		append(ret, z);
		k = z->k > k ? z->k : k;
	}
	if (cut)
		ret->reason = CHAIN_EQUIVOCATED;
}

bool omc_same_link(const struct chain_link *a, const struct chain_link *b)
{
	return a->height == b->height && a->k == b->k &&
		hash_equal(&a->hb, &b->hb) && hash_equal(&a->ht, &b->ht) &&
		hash_equal(&a->mh, &b->mh);
}

bool omc_same(const struct chain *c, const struct omc *z)
{
	struct chain_link l;
	size_t i;

	if (chain_length(c) != z->n || chain_watermark(c) != z->watermark ||
		chain_reason(c) != z->reason ||
		chain_at(c, z->n, &l) != -ENOENT)
		return false;
	for (i = 0; i < z->n; i++)
		if (chain_at(c, i, &l) != 0 || !omc_same_link(&l, &z->z[i]))
			return false;
	return true;
}

static const struct omc_item *tree_of(
	const struct omc_item *item, size_t n, const struct hash *mh)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (item[i].type == OMC_TREE && hash_equal(&item[i].h, mh))
			return &item[i];
	return NULL;
}

bool omc_find(const struct omc_item *item, size_t n, const struct omc *z,
	const struct hash *dh, struct chain_place *ret)
{
	const struct omc_item *m;
	bool first = true;
	size_t x, i;

	for (x = 1; x < z->n; x++) {
		m = tree_of(item, n, &z->z[x].mh);
		first = first && m != NULL;
		for (i = 0; m != NULL && i < m->n; i++) {
			if (!hash_equal(&m->leaf[i], dh))
				continue;
			*ret = (struct chain_place){z->z[x], z->z[x - 1], i,
				m->n, first};
			return true;
		}
	}
	return false;
}
