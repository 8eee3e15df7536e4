/*
 * chain_impl: what chain.c and chain_walk.c share, and nobody else.
 *
 * Everything is a node found by its hash, created when it is first named, so
 * an item that names another waits at that other's node:
 *
 *	number k --y--> stamp node H(t) --y--> block node H(b) --mH--> tree
 *	                     ^------------- parent, t^H ---'
 *
 * A node that was named but whose item has not arrived changes no answer.
 * Memory is taken only before the first change, in the chain_add_*()
 * functions; joining, walking and cutting cannot fail.
 *
 * Each number is WAITING until its stamp and block are known, then
 *	COMPLETE	there is (b, t) with H(t) and u as in y
 *	VOID		it can never be (void rule)
 *	NEVER		the same without the void rule
 * or OTHER from the start.  COMPLETE, VOID and OTHER are accounted for.
 */
#ifndef CORE_CHAIN_IMPL_H
#define CORE_CHAIN_IMPL_H

#include "core/block.h"
#include "core/chain.h"
#include "core/hashtab.h"

#define CHAIN_NOWHERE UINT64_MAX
#define CHAIN_Y 48	/* bytes: u || H(t) */

struct chain_tree;

struct chain_leaf {
	struct hashtab_node node;	/* d^H; in chain.first if it is that */
	struct chain_tree *tree;
};

struct chain_tree {
	struct hashtab_node node;	/* m^H */
	struct chain_leaf *leaf;	/* NULL: not arrived */
	size_t n;
	uint64_t height;	/* lowest on the main chain above 0 */
};

struct chain_block {
	struct hashtab_node node;	/* H(b) */
	bool here;
	uint8_t u[BLOCK_U];
	struct chain_tree *tree;
	struct chain_stamp *parent, *stamps;
};

enum chain_stamp_state { STAMP_ABSENT, STAMP_VALID, STAMP_INVALID };

struct chain_stamp {
	struct hashtab_node node;	/* H(t) */
	enum chain_stamp_state state;
	struct chain_block *block;	/* whose stamp it is, once it is here */
	struct chain_stamp *next;	/* in block->stamps */
	struct chain_number *waiting;
	/* Of the complete numbers of children: the lowest one up to W, and
	 * how many are above W. */
	struct chain_number *child;
	uint64_t above;
};

enum chain_number_state {
	NUMBER_WAITING,
	NUMBER_COMPLETE,
	NUMBER_VOID,
	NUMBER_NEVER,
	NUMBER_OTHER,
};

struct chain_number {
	struct hashtab_node node;
	uint64_t k;
	uint8_t y[CHAIN_Y];
	enum chain_number_state state;
	bool contradicted, counted;	/* counted: in parent->above */
	struct chain_stamp *stamp;	/* NULL: other */
	struct chain_number *next;	/* in stamp->waiting */
};

struct chain_main {
	struct chain_number *number;
	uint64_t highest;	/* number up to here, for the cut */
};

struct chain {
	struct hash b0;
	bool void_rule;
	struct hashtab blocks, stamps, numbers, trees, first;
	size_t leaves;	/* of all trees that arrived */
	uint64_t next;	/* W + 1 */
	uint64_t bad;	/* lowest contradicted number, or UINT64_MAX */
	struct chain_main *main;
	size_t n_main, main_cap;
	uint64_t base;		/* height of main[0] */
	uint64_t missing;	/* lowest height above base without a tree */
	struct chain_number *resumed;	/* main[0] of a resumed chain */
};

struct chain_number *chain_number_find(const struct chain *c, uint64_t k);
/* Count a number that has become complete among its parent's children. */
void chain_count(struct chain_number *n);
/* The number is contradicted: it is nobody's child any more. */
void chain_uncount(struct chain_number *n);
/* Raise W and go on from the tail as far as that allows. */
void chain_walk(struct chain *c);
/* Lower W below c->bad and take back what rested on more. */
void chain_cut(struct chain *c);
/* Append to the main chain; there must be room. */
void chain_push(struct chain *c, struct chain_number *n);
/* A tree has arrived. */
void chain_tree_here(struct chain *c, struct chain_tree *t);

#endif
