/*
 * scene: a random history of one chain, and the order in which it arrives.
 *
 * Honest services with a misbehaving world around them: forks, blocks stamped
 * twice, second numbers for one y, children numbered before their parents,
 * junk and void numbers, bad stamps, foreign parents, transactions doubled,
 * hand-over numbers; then items withheld, doubled and shuffled.
 */
#ifndef TESTS_LIB_SCENE_H
#define TESTS_LIB_SCENE_H

#include "tests/lib/omc.h"
#include "tests/lib/prng.h"

#define SCENE_ITEMS 512

struct scene_how {
	size_t blocks;
	bool equivocate;	/* one number gets a second meaning */
	bool in_order;		/* no child is numbered before its parent */
	bool withhold;
};

struct scene {
	struct prng *random;
	struct hash b0;
	uint64_t counter;	/* the sequencer's next number */
	size_t n;
	struct omc_item item[SCENE_ITEMS];
};

void scene_make(struct scene *s, struct prng *r, struct scene_how how);
void scene_shuffle(struct prng *r, struct omc_item *item, size_t n);
/* Hands an item to a chain; what chain_add_*() returned. */
int scene_feed(struct chain *c, const struct omc_item *item);

#endif
