/* chain_walk: the watermark, the main chain up to it, and what is found on
 * it.  Nothing here takes memory or fails. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/chain_impl.h"

static struct chain_stamp *parent_of(const struct chain_number *n)
{
	return n->stamp->block->parent;
}

void chain_count(struct chain_number *n)
{
	if (n->contradicted)
		return;
	n->counted = true;
	parent_of(n)->above++;
}

void chain_uncount(struct chain_number *n)
{
	if (!n->counted)
		return;
	n->counted = false;
	parent_of(n)->above--;
}

static bool better(const struct chain_leaf *a, const struct chain_leaf *b)
{
	if (a->tree->height != b->tree->height)
		return a->tree->height < b->tree->height;
	return a < b; /* one tree, one array */
}

/* Enter the leaves of a tree that is here and on the main chain; of equal
 * ones the first stays ([0075]). */
static void index_tree(struct chain *c, struct chain_tree *t)
{
	struct chain_leaf *old, *leaf;

	for (leaf = t->leaf; leaf < t->leaf + t->n; leaf++) {
		old = (struct chain_leaf *)hashtab_find(
			&c->first, &leaf->node.key);
		if (old != NULL && !better(leaf, old))
			continue;
		if (old != NULL)
			hashtab_remove(&c->first, &old->node);
		hashtab_add(&c->first, &leaf->node);
	}
}

/* Only of the highest block: whatever leaf was found here first is then found
 * nowhere. */
static void unindex_tree(struct chain *c, struct chain_tree *t)
{
	struct chain_leaf *leaf;

	for (leaf = t->leaf; leaf != NULL && leaf < t->leaf + t->n; leaf++)
		if (hashtab_find(&c->first, &leaf->node.key) == &leaf->node)
			hashtab_remove(&c->first, &leaf->node);
}

static struct chain_tree *tree_at(const struct chain *c, uint64_t height)
{
	return c->main[height - c->base].number->stamp->block->tree;
}

static void move_missing(struct chain *c)
{
	while (c->missing < chain_length(c) &&
		tree_at(c, c->missing)->leaf != NULL)
		c->missing++;
}

void chain_tree_here(struct chain *c, struct chain_tree *t)
{
	if (t->height == CHAIN_NOWHERE)
		return;
	index_tree(c, t);
	move_missing(c);
}

void chain_push(struct chain *c, struct chain_number *n)
{
	uint64_t height = chain_length(c), highest = n->k;
	struct chain_tree *t = n->stamp->block->tree;

	assert(c->n_main < c->main_cap);
	if (c->n_main > 0 && c->main[c->n_main - 1].highest > highest)
		highest = c->main[c->n_main - 1].highest;
	c->main[c->n_main++] =
		(struct chain_main){.number = n, .highest = highest};
	/* Block zero holds the parameters, no transactions. */
	if (height > 0 && t->height == CHAIN_NOWHERE) {
		t->height = height;
		if (t->leaf != NULL)
			index_tree(c, t);
	}
	move_missing(c);
}

static void pop(struct chain *c)
{
	uint64_t height = chain_length(c) - 1;
	struct chain_tree *t = tree_at(c, height);

	if (t->height == height) {
		unindex_tree(c, t);
		t->height = CHAIN_NOWHERE;
	}
	c->n_main--;
	if (c->missing > height && height > 0)
		c->missing = height;
}

static bool accounted(const struct chain_number *n)
{
	return n != NULL &&
		(n->state == NUMBER_COMPLETE || n->state == NUMBER_VOID ||
			n->state == NUMBER_OTHER);
}

/* W has reached this number. */
static void account(struct chain *c, struct chain_number *n)
{
	if (n->state != NUMBER_COMPLETE)
		return;
	chain_uncount(n);
	if (n->k == 0) { /* C1 */
		if (hash_equal(&n->stamp->block->node.key, &c->b0))
			chain_push(c, n);
	} else if (parent_of(n)->child == NULL) { /* C2: in rising order */
		parent_of(n)->child = n;
	}
}

static struct chain_stamp *tail(const struct chain *c)
{
	return c->main[c->n_main - 1].number->stamp;
}

void chain_walk(struct chain *c)
{
	struct chain_number *n;

	while (c->next < c->bad) { /* C3 */
		n = chain_number_find(c, c->next);
		if (!accounted(n))
			break;
		c->next++;
		account(c, n);
	}
	while (c->n_main > 0 && tail(c)->child != NULL)
		chain_push(c, tail(c)->child);
}

void chain_cut(struct chain *c)
{
	struct chain_number *n;

	while (c->next > c->bad) {
		n = chain_number_find(c, --c->next);
		if (n->state != NUMBER_COMPLETE)
			continue;
		if (parent_of(n)->child == n)
			parent_of(n)->child = NULL;
		chain_count(n);
	}
	while (c->n_main > 0 && c->main[c->n_main - 1].highest >= c->next)
		pop(c);
}

uint64_t chain_length(const struct chain *c)
{
	return c->base + c->n_main;
}

int64_t chain_watermark(const struct chain *c)
{
	return (int64_t)c->next - 1;
}

enum chain_reason chain_reason(const struct chain *c)
{
	if (c->n_main == 0)
		return c->bad == 0 ? CHAIN_EQUIVOCATED : CHAIN_GENESIS_INVALID;
	if (c->next == c->bad)
		return CHAIN_EQUIVOCATED;
	return tail(c)->above > 0 ? CHAIN_GAP : CHAIN_NO_SUCCESSOR;
}

const char *chain_reason_text(enum chain_reason r)
{
	switch (r) {
	case CHAIN_NO_SUCCESSOR:
		return "no-successor";
	case CHAIN_GAP:
		return "gap";
	case CHAIN_GENESIS_INVALID:
		return "genesis-invalid";
	case CHAIN_EQUIVOCATED:
		return "sequencer-equivocated";
	}
	return "?";
}

int chain_at(const struct chain *c, uint64_t height, struct chain_link *ret)
{
	const struct chain_number *n;
	const struct chain_block *b;
	struct chain_link l = {.height = height};

	if (height < c->base || height >= chain_length(c))
		return -ENOENT;
	n = c->main[height - c->base].number;
	l.k = n->k;
	l.ht = n->stamp->node.key;
	b = n->stamp->block;
	if (b != NULL)
		l.hb = b->node.key;
	if (b != NULL && b->here)
		l.mh = b->tree->node.key;
	*ret = l;
	return 0;
}

int chain_find(const struct chain *c, const struct hash *dh,
	struct chain_place *ret)
{
	const struct chain_leaf *leaf = (const struct chain_leaf *)hashtab_find(
		&c->first, dh);
	const struct chain_tree *t;
	struct chain_place p;

	if (leaf == NULL)
		return -ENOENT;
	t = leaf->tree;
	if (chain_at(c, t->height, &p.at) != 0 ||
		chain_at(c, t->height - 1, &p.lower) != 0)
		return -ENOENT;
	p.index = (uint64_t)(leaf - t->leaf);
	p.n = t->n;
	p.first = t->height < c->missing;
	*ret = p;
	return 0;
}
