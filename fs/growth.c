#include "fs/growth.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"

struct kept {
	struct hash root;
	struct standing at;
};

struct growth {
	pthread_mutex_t lock;
	size_t n;
	struct kept *kept[GROWTH_MAX]; /* used last first */
};

void standing_done(struct standing *s)
{
	chunktree_free(s->tree);
	hasher_free(s->sha);
	*s = (struct standing){0};
}

int standing_copy(const struct standing *s, struct standing *ret)
{
	struct standing copy = {.tree = chunktree_copy(s->tree),
		.sha = hasher_copy(s->sha)};

	if (copy.tree == NULL || copy.sha == NULL) {
		standing_done(&copy);
		return -ENOMEM;
	}
	*ret = copy;
	return 0;
}

static void free_kept(struct kept *k)
{
	if (k == NULL)
		return;
	standing_done(&k->at);
	free(k);
}

/* Out of the list, or NULL.  Lock held. */
static struct kept *take(struct growth *g, const struct hash *root)
{
	struct kept *k;
	size_t i;

	for (i = 0; i < g->n && !hash_equal(&g->kept[i]->root, root); i++)
		;
	if (i == g->n)
		return NULL;
	k = g->kept[i];
	for (g->n--; i < g->n; i++)
		g->kept[i] = g->kept[i + 1];
	return k;
}

/* Lock held, and there is room. */
static void put_first(struct growth *g, struct kept *k)
{
	size_t i;

	for (i = g->n++; i > 0; i--)
		g->kept[i] = g->kept[i - 1];
	g->kept[0] = k;
}

int growth_find(struct growth *g, const struct hash *root,
	struct standing *ret)
{
	struct kept *k;

	locked(&g->lock);
	k = take(g, root);
	if (k == NULL)
		return -ENOENT;
	put_first(g, k);
	return standing_copy(&k->at, ret);
}

void growth_keep(struct growth *g, const struct hash *root,
	struct standing *s)
{
	struct kept *k = malloc(sizeof(*k));

	if (k == NULL) {
		standing_done(s);
		return;
	}
	*k = (struct kept){.root = *root, .at = *s};
	*s = (struct standing){0}; /* the list has it */
	locked(&g->lock);
	free_kept(take(g, root));
	if (g->n == GROWTH_MAX)
		free_kept(g->kept[--g->n]);
	put_first(g, k);
}

void growth_drop(struct growth *g, const struct hash *root)
{
	locked(&g->lock);
	free_kept(take(g, root));
}

struct growth *growth_new(void)
{
	struct growth *g = calloc(1, sizeof(*g));

	if (g != NULL)
		pthread_mutex_init(&g->lock, NULL);
	return g;
}

void growth_free(struct growth *g)
{
	if (g == NULL)
		return;
	while (g->n > 0)
		free_kept(g->kept[--g->n]);
	pthread_mutex_destroy(&g->lock);
	free(g);
}
