/*
 * omc: the main chain as the corrected FIG. 6 says it, by sets.
 *
 * It shares nothing with core/chain.c, takes quadratic time and is there to be
 * compared with.  core/DESIGN.md gives the pseudo-code.
 */
#ifndef TESTS_LIB_OMC_H
#define TESTS_LIB_OMC_H

#include "core/chain.h"

#define OMC_LEAVES 4
#define OMC_BLOCKS 128	/* on a main chain */
#define OMC_NUMBERS 256	/* numbers are below this */

enum omc_type { OMC_BLOCK, OMC_STAMP, OMC_NUMBER, OMC_OTHER, OMC_TREE };

struct omc_item {
	enum omc_type type;
	struct hash h;		/* H(b), H(t) or m^H */
	uint8_t u[16];		/* block */
	struct hash mh, th;	/* block */
	struct hash stamped;	/* stamp: its y */
	bool valid;		/* stamp */
	uint64_t k;		/* number, other */
	uint8_t y[48];		/* number, other */
	size_t n;		/* tree */
	struct hash leaf[OMC_LEAVES];
};

struct omc {
	size_t n;
	struct chain_link z[OMC_BLOCKS];
	int64_t watermark;
	enum chain_reason reason;
};

void omc(const struct omc_item *item, size_t n, const struct hash *b0,
	bool void_rule, struct omc *ret);
bool omc_same_link(const struct chain_link *a, const struct chain_link *b);
/* Has a chain the same blocks, watermark and reason? */
bool omc_same(const struct chain *c, const struct omc *z);
/* FIG. 7 over the same items: false if it certifies nothing. */
bool omc_find(const struct omc_item *item, size_t n, const struct omc *z,
	const struct hash *dh, struct chain_place *ret);

#endif
