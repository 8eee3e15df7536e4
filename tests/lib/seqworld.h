/*
 * seqworld: a chain of one writer for tests of sequencers: parameters, blocks
 * with stamps, and what a verifier says of the numbers they got.
 */
#ifndef TESTS_SEQWORLD_H
#define TESTS_SEQWORLD_H

#include "core/params.h"
#include "core/sequence.h"
#include "tests/lib/prng.h"

struct seqworld {
	struct prng prng;
	uint8_t tsa_seed[32];
	struct buf params, b0, t0;
	struct hash chain;
	uint64_t ms;		/* the stamps' clock */
};

/* Parameters that name key, first document and root, and a stamped block zero
 * over them.  any_image, or the image whose PCR 16 is pcr16. */
void seqworld_init(struct seqworld *w, struct bytes key, struct bytes doc,
	struct bytes root, struct bytes recovery_key, const uint8_t *pcr16);
void seqworld_done(struct seqworld *w);

/* A block whose parent's stamp has hash th, and its stamp.  It commits to the
 * document, whose hash is given. */
void seqworld_block(struct seqworld *w, const struct hash *th,
	const struct hash *document, struct buf *ret_b, struct buf *ret_t);

/* Holds numbers 0, 1, 2 ... as they come against what must hold of them. */
struct seqaudit {
	struct params params;	/* points into the world's */
	struct hash chain, head, first_document;
	uint64_t k, blocks;	/* seen so far */
	uint32_t epoch, recoveries;
	enum sequence_type type; /* of the last one */
	uint8_t y[SEQUENCE_Y];
	struct buf key;
};
void seqaudit_init(struct seqaudit *a, const struct seqworld *w);
/* NULL if all is well, else what is wrong with this number object. */
const char *seqaudit_add(struct seqaudit *a, struct bytes object);
void seqaudit_done(struct seqaudit *a);

#endif
