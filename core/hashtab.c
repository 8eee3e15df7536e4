#include "core/hashtab.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hash hashtab_key(uint64_t number)
{
	struct hash h = {{0}};
	uint64_t mixed = number;

	/* Numbers in a row spread, and different ones stay different. */
	mixed = (mixed ^ mixed >> 32) * 0x9e3779b97f4a7c15;
	mixed ^= mixed >> 29;
	memcpy(h.b, &mixed, sizeof(mixed));
	return h;
}

static struct hashtab_node **slot_of(
	const struct hashtab *t, const struct hash *key)
{
	uint64_t first;

	memcpy(&first, key->b, sizeof(first));
	return &t->slot[first & (t->n_slots - 1)];
}

static void push(struct hashtab *t, struct hashtab_node *node)
{
	struct hashtab_node **slot = slot_of(t, &node->key);

	node->next = *slot;
	*slot = node;
}

int hashtab_reserve(struct hashtab *t, size_t n)
{
	struct hashtab old = *t;
	struct hashtab_node *node;
	size_t i, n_slots = old.n_slots > 0 ? old.n_slots : 16;

	if (n <= old.n_slots)
		return 0;
	while (n_slots < n) {
		if (__builtin_mul_overflow(n_slots, 2, &n_slots))
			return -ENOMEM;
	}
	t->slot = calloc(n_slots, sizeof(struct hashtab_node *));
	if (t->slot == NULL) {
		*t = old;
		return -ENOMEM;
	}
	t->n_slots = n_slots;
	for (i = 0; i < old.n_slots; i++) {
		while ((node = old.slot[i]) != NULL) {
			old.slot[i] = node->next;
			push(t, node);
		}
	}
	free(old.slot);
	return 0;
}

void hashtab_add(struct hashtab *t, struct hashtab_node *node)
{
	assert(t->n < t->n_slots);
	push(t, node);
	t->n++;
}

struct hashtab_node *hashtab_find(
	const struct hashtab *t, const struct hash *key)
{
	struct hashtab_node *node;

	if (t->n == 0)
		return NULL;
	for (node = *slot_of(t, key); node != NULL; node = node->next)
		if (hash_equal(&node->key, key))
			return node;
	return NULL;
}

void hashtab_remove(struct hashtab *t, struct hashtab_node *node)
{
	struct hashtab_node **at = slot_of(t, &node->key);

	while (*at != node)
		at = &(*at)->next;
	*at = node->next;
	node->next = NULL;
	t->n--;
}

void hashtab_done(struct hashtab *t, void (*drop)(struct hashtab_node *))
{
	struct hashtab_node *node, *next;
	size_t i;

	for (i = 0; drop != NULL && i < t->n_slots; i++) {
		for (node = t->slot[i]; node != NULL; node = next) {
			next = node->next;
			drop(node);
		}
	}
	free(t->slot);
	*t = (struct hashtab){0};
}
