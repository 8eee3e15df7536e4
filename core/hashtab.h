/*
 * hashtab: a table of nodes that the caller owns, found by a 32-byte key.
 *
 * The node is embedded in the caller's struct, so that adding and removing
 * cannot fail once there is room: hashtab_reserve() first, then commit.
 * Keys are hashes, or hashtab_key() of a number; their first bytes choose the
 * slot.  Zeroed is empty.  Not thread-safe.
 */
#ifndef CORE_HASHTAB_H
#define CORE_HASHTAB_H

#include "core/bytes.h"

struct hashtab_node {
	struct hashtab_node *next;
	struct hash key;
};

struct hashtab {
	struct hashtab_node **slot;
	size_t n_slots, n;
};

struct hash hashtab_key(uint64_t number);

/* Room for n nodes in all; -ENOMEM. */
int hashtab_reserve(struct hashtab *t, size_t n);
/* node->key must be set and absent, and there must be room. */
void hashtab_add(struct hashtab *t, struct hashtab_node *node);
struct hashtab_node *hashtab_find(const struct hashtab *t,
	const struct hash *key); /* or NULL */
/* The node must be in the table. */
void hashtab_remove(struct hashtab *t, struct hashtab_node *node);
/* Empties the table, giving each node to drop() unless that is NULL. */
void hashtab_done(struct hashtab *t, void (*drop)(struct hashtab_node *));

#endif
