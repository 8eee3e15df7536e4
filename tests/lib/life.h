/*
 * life: one chain's sequencer (enclave/numbering.h) from its birth on, through
 * hand-overs and recoveries, and what it answered.
 *
 * Every block and number goes to a chain (core/chain.h) as well, and every
 * number is kept as the object that lies in buckets.  What must not happen
 * here ends the test.
 */
#ifndef TESTS_LIB_LIFE_H
#define TESTS_LIB_LIFE_H

#include "core/attestor.h"
#include "core/chain.h"
#include "enclave/numbering.h"
#include "tests/lib/seqworld.h"

#define LIFE_BLOCKS 400
#define LIFE_NUMBERS 1024

struct life {
	struct attestor *attestor;
	struct buf root_key;
	struct seqworld world;
	struct numbering *n;
	struct hash document;	/* of this epoch */
	struct buf doc;
	/* blocks numbered, and the objects of all numbers */
	struct buf b[LIFE_BLOCKS], t[LIFE_BLOCKS], s[LIFE_BLOCKS];
	size_t blocks;
	struct buf object[LIFE_NUMBERS];
	size_t numbers;
	struct hash old_document;
	struct mlog log;
	struct chain *chain;
};

struct attestor *life_attestor(void);
struct entropy *life_entropy(void);	/* the same numbers every time */
struct numbering *life_numbering(void);	/* an empty one */
/* *l is zero before; a must outlive it. */
void life_born(struct life *l, struct attestor *a);
void life_dead(struct life *l);

/* A document for what n claims; frees what *ret held. */
void life_attest(struct attestor *a, struct numbering *n, struct buf *ret);
/* sequence(b, t) with a stamp of the local kind. */
int life_ask(struct life *l, const struct buf *b, const struct buf *t,
	struct buf *ret);
/* A new block on the tail gets its number; false: it did not. */
bool life_block(struct life *l);
/* A block that was not numbered goes to the chain too. */
void life_note_block(struct life *l, struct bytes raw_b, struct bytes raw_t);
/* It was numbered by s; l has all three afterwards.  first: by its epoch's
 * first number. */
void life_accepted(struct life *l, struct buf *b, struct buf *t,
	struct buf *s, bool first);
struct hash life_tail(const struct life *l); /* H(t) of the newest block */
/* Will the next number be its epoch's first? */
bool life_epoch_is_new(const struct life *l);

void life_handover(struct life *l);
/* The second half of it: s was signed and the old enclave has left. */
void life_handed_over(struct life *l, struct buf *blob, struct buf *s,
	bool first);
void life_recover(struct life *l);
/* Shows l's numbers from one on to another enclave; what that said. */
int life_give(struct life *l, struct numbering *to, size_t from);
size_t life_newest_block(const struct life *l);	/* the number of it */
/* The document of the epoch of number k. */
struct bytes life_document(const struct life *l, size_t k);

#endif
