#include "core/chain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/chain_impl.h"
#include "core/cleanup.h"
#include "core/merkle.h"

static struct chain *empty(void)
{
	struct chain *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->bad = UINT64_MAX;
	c->missing = 1;
	return c;
}

struct chain *chain_new(const struct hash *b0, bool void_rule)
{
	struct chain *c = empty();

	if (c == NULL)
		return NULL;
	c->b0 = *b0;
	c->void_rule = void_rule;
	return c;
}

static void drop(struct hashtab_node *node)
{
	free(node);
}

static void drop_tree(struct hashtab_node *node)
{
	struct chain_tree *t = (struct chain_tree *)node;

	free(t->leaf);
	free(t);
}

void chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	hashtab_done(&c->first, NULL); /* the trees own the leaves */
	hashtab_done(&c->trees, drop_tree);
	hashtab_done(&c->blocks, drop);
	hashtab_done(&c->stamps, drop);
	hashtab_done(&c->numbers, drop);
	free(c->resumed);
	free(c->main);
	free(c);
}

/* The node of this key, made if need be: size bytes that start with it. */
static void *named(struct hashtab *t, const struct hash *key, size_t size)
{
	struct hashtab_node *node = hashtab_find(t, key);

	if (node != NULL)
		return node;
	if (hashtab_reserve(t, t->n + 1) != 0)
		return NULL;
	node = calloc(1, size);
	if (node == NULL)
		return NULL;
	node->key = *key;
	hashtab_add(t, node);
	return node;
}

static struct chain_block *block_named(struct chain *c, const struct hash *hb)
{
	return named(&c->blocks, hb, sizeof(struct chain_block));
}

static struct chain_stamp *stamp_named(struct chain *c, const struct hash *ht)
{
	return named(&c->stamps, ht, sizeof(struct chain_stamp));
}

static struct chain_tree *tree_named(struct chain *c, const struct hash *mh)
{
	struct chain_tree *t = named(&c->trees, mh, sizeof(*t));

	if (t != NULL && t->height == 0)
		t->height = CHAIN_NOWHERE;
	return t;
}

/* Room on the main chain for every number there is, and one more. */
static int reserve_main(struct chain *c)
{
	size_t need = c->numbers.n + 2, cap = c->main_cap;
	struct chain_main *p;

	if (need <= cap)
		return 0;
	cap = cap < 8 ? 8 : 2 * cap;
	p = realloc(c->main, cap * sizeof(*p));
	if (p == NULL)
		return -ENOMEM;
	c->main = p;
	c->main_cap = cap;
	return 0;
}

struct chain *chain_resume(uint64_t height, uint64_t k, const struct hash *ht)
{
	struct chain *c = empty();
	struct chain_number *n = calloc(1, sizeof(*n));

	if (c == NULL || n == NULL || reserve_main(c) != 0)
		goto fail;
	n->stamp = stamp_named(c, ht);
	if (n->stamp == NULL)
		goto fail;
	n->k = k;
	n->state = NUMBER_COMPLETE;
	c->base = height;
	c->missing = height + 1;
	c->next = k + 1;
	c->main[0] = (struct chain_main){.number = n, .highest = k};
	c->n_main = 1;
	c->resumed = n; /* the chain has it */
	return c;
fail:
	free(n);
	chain_free(c);
	return NULL;
}

/* What becomes of the numbers over this stamp, if that is known by now. */
static void settle(struct chain *c, struct chain_stamp *t)
{
	struct chain_number *n;

	if (t->state == STAMP_ABSENT ||
		(t->state == STAMP_VALID && !t->block->here))
		return;
	while ((n = t->waiting) != NULL) {
		t->waiting = n->next;
		n->next = NULL;
		if (t->state == STAMP_VALID &&
			memcmp(t->block->u, n->y, BLOCK_U) == 0) {
			n->state = NUMBER_COMPLETE;
			chain_count(n);
		} else {
			n->state = c->void_rule ? NUMBER_VOID : NUMBER_NEVER;
		}
	}
}

int chain_add_block(struct chain *c, const struct hash *hb,
	const uint8_t u[BLOCK_U], const struct hash *mh, const struct hash *th)
{
	struct chain_block *b = block_named(c, hb);
	struct chain_tree *m = tree_named(c, mh);
	struct chain_stamp *parent = stamp_named(c, th), *t;

	if (b == NULL || m == NULL || parent == NULL)
		return -ENOMEM;
	if (b->here)
		return 0;
	b->here = true;
	memcpy(b->u, u, BLOCK_U);
	b->tree = m;
	b->parent = parent;
	for (t = b->stamps; t != NULL; t = t->next)
		settle(c, t);
	chain_walk(c);
	return 0;
}

int chain_add_stamp(struct chain *c, const struct hash *ht,
	const struct hash *y, bool valid)
{
	struct chain_stamp *t;
	struct chain_block *b;

	if (!valid && !c->void_rule)
		return 0;
	t = stamp_named(c, ht);
	b = block_named(c, y);
	if (t == NULL || b == NULL)
		return -ENOMEM;
	if (t->state != STAMP_ABSENT)
		return 0;
	t->state = valid ? STAMP_VALID : STAMP_INVALID;
	t->block = b;
	t->next = b->stamps;
	b->stamps = t;
	settle(c, t);
	chain_walk(c);
	return 0;
}

struct chain_number *chain_number_find(const struct chain *c, uint64_t k)
{
	struct hash key = hashtab_key(k);

	return (struct chain_number *)hashtab_find(&c->numbers, &key);
}

/* One number, two meanings: the sequencer broke its promise ([0026]). */
static void contradict(struct chain *c, struct chain_number *n)
{
	n->contradicted = true;
	chain_uncount(n);
	if (n->k >= c->bad)
		return;
	c->bad = n->k;
	chain_cut(c);
}

static int add_number(struct chain *c, uint64_t k, const uint8_t y[CHAIN_Y],
	bool other)
{
	struct hash key = hashtab_key(k), ht;
	struct chain_number *n;
	struct chain_stamp *t = NULL;

	if (c->resumed != NULL && k <= c->resumed->k)
		return 0;
	n = chain_number_find(c, k);
	if (n != NULL) {
		if (memcmp(n->y, y, CHAIN_Y) != 0 ||
			other != (n->state == NUMBER_OTHER))
			contradict(c, n);
		return 0;
	}
	memcpy(ht.b, y + BLOCK_U, HASH_LEN);
	if (reserve_main(c) != 0 ||
		(!other && (t = stamp_named(c, &ht)) == NULL) ||
		(n = named(&c->numbers, &key, sizeof(*n))) == NULL)
		return -ENOMEM;
	n->k = k;
	memcpy(n->y, y, CHAIN_Y);
	n->stamp = t;
	if (other) {
		n->state = NUMBER_OTHER;
	} else {
		n->next = t->waiting;
		t->waiting = n;
		settle(c, t);
	}
	chain_walk(c);
	return 0;
}

int chain_add_number(struct chain *c, uint64_t k, const uint8_t y[CHAIN_Y])
{
	return add_number(c, k, y, false);
}

int chain_add_other(struct chain *c, uint64_t k, const uint8_t y[CHAIN_Y])
{
	return add_number(c, k, y, true);
}

static int check_tree(const struct hash *mh, const struct hash *dh, size_t n)
{
	struct merkle *m = NULL;
	struct hash root;
	int rc = merkle_new(dh, n, &m);

	if (rc != 0)
		return rc == -ENOMEM ? rc : -EBADMSG;
	root = merkle_root(m);
	merkle_free(m);
	return hash_equal(&root, mh) ? 0 : -EBADMSG;
}

int chain_add_tree(struct chain *c, const struct hash *mh,
	const struct hash *dh, size_t n)
{
	struct chain_tree *t = (struct chain_tree *)hashtab_find(&c->trees, mh);
	cleanup(free) struct chain_leaf *leaf = NULL;
	size_t i;
	int rc;

	if (t != NULL && t->leaf != NULL)
		return 0;
	rc = check_tree(mh, dh, n);
	if (rc != 0)
		return rc;
	t = tree_named(c, mh);
	leaf = calloc(n, sizeof(*leaf));
	if (t == NULL || leaf == NULL ||
		hashtab_reserve(&c->first, c->leaves + n) != 0)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		leaf[i].node.key = dh[i];
		leaf[i].tree = t;
	}
	t->leaf = leaf;
	leaf = NULL; /* the tree has them */
	t->n = n;
	c->leaves += n;
	chain_tree_here(c, t);
	return 0;
}
