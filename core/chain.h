/*
 * chain: the main chain, computed step by step (the patent's omc, corrected).
 *
 * Items arrive in any order and any number of times; each costs O(1) expected.
 * The chain sees checked values only: a stamp whose signature was validated, a
 * number whose attestation was checked.  Their encodings are the caller's.
 *
 * Result: Z = b0 t0 b1 t1 ..., by three rules (core/DESIGN.md lists what was
 * wrong in the printed algorithm):
 *   C1  b0 must hold number 0;
 *   C2  of the children of the tail the one with the lowest number is next;
 *   C3  nothing is decided past W, the largest number such that 0..W are all
 *       accounted for.  So Z only ever grows, whatever arrives later.
 * If two numbers contradict (one k, two y; or one k, a block's and not a
 * block's) the chain ends before the lowest such k, whatever the order of
 * arrival.
 *
 * Accounted for: a number with its complete (b, t); a number that the
 * sequencer spent on something else than a block (hand-over, recovery); with
 * the void rule, a number that can never belong to a block.
 *
 * Not thread-safe.
 */
#ifndef CORE_CHAIN_H
#define CORE_CHAIN_H

#include "core/bytes.h"

struct chain;

enum chain_reason {
	CHAIN_NO_SUCCESSOR,	/* complete as far as known */
	CHAIN_GAP,		/* a successor waits for a missing number */
	CHAIN_GENESIS_INVALID,
	CHAIN_EQUIVOCATED,	/* the sequencer contradicted itself */
};

struct chain *chain_new(const struct hash *b0, bool void_rule);
/* Continue behind a main-chain block known to be final: height, number and
 * H(t) of it.  Numbers up to k count as accounted for and are not looked at
 * again, so this is for a sequencer that numbers no child before its parent,
 * as ours does not.  hb and mh of that block are zero until it is added. */
struct chain *chain_resume(uint64_t height, uint64_t k, const struct hash *ht);
void chain_free(struct chain *c);

/* Each returns 0, or -ENOMEM (the chain is then as before). */
int chain_add_block(struct chain *c, const struct hash *hb,
	const uint8_t u[16], const struct hash *mh, const struct hash *th);
/* y is what the stamp is over; valid: its signature holds.  An invalid stamp
 * matters only to the void rule. */
int chain_add_stamp(struct chain *c, const struct hash *ht,
	const struct hash *y, bool valid);
int chain_add_number(struct chain *c, uint64_t k, const uint8_t y[48]);
/* A number that is no block's: hand-over or recovery, with its own y. */
int chain_add_other(struct chain *c, uint64_t k, const uint8_t y[48]);
/* The leaves d^H of the tree with root mh.  -EBADMSG if they do not make it. */
int chain_add_tree(struct chain *c, const struct hash *mh,
	const struct hash *dh, size_t n);

struct chain_link {
	uint64_t height, k;
	struct hash hb, ht, mh;
};

/* Height of the tail plus one: main-chain blocks, b0 included. */
uint64_t chain_length(const struct chain *c);
/* W, or -1 when number 0 is not accounted for. */
int64_t chain_watermark(const struct chain *c);
enum chain_reason chain_reason(const struct chain *c);
const char *chain_reason_text(enum chain_reason r); /* "no-successor", ... */
/* The block at a height of the main chain; -ENOENT, also below the height
 * where a chain was resumed. */
int chain_at(const struct chain *c, uint64_t height, struct chain_link *ret);

/* Where a transaction stands (FIG. 7, first instance). */
struct chain_place {
	struct chain_link at, lower;	/* its block; the block below */
	uint64_t index, n;		/* leaf of n */
	bool first;	/* the trees of all blocks below were present (of a
			 * resumed chain: of those behind its start) */
};
/* -ENOENT: not on the main chain, or in block zero. */
int chain_find(const struct chain *c, const struct hash *dh,
	struct chain_place *ret);

#endif
