/*
 * mkfinal: a later block that names a main log with a mkchain's block in it,
 * as key 12 of a certificate has it, for logs of any size.
 */
#ifndef TESTS_MKFINAL_H
#define TESTS_MKFINAL_H

#include "tests/lib/mkchain.h"

struct mkfinal {
	struct block block;
	struct buf b, t;
	struct certificate_final f; /* points into it */
};

/* The log has `size` leaves, of which that at c->seq.height is c's block and
 * all others are made up.  Stamped at p_ms. */
void mkfinal_init(struct mkfinal *f, const struct mkchain *c, uint64_t size,
	uint64_t p_ms);
/* Encodes and stamps f->block again after it was changed. */
void mkfinal_seal(struct mkfinal *f, const struct mkchain *c, uint64_t p_ms);
void mkfinal_done(struct mkfinal *f);

#endif
