/*
 * stripes: a whole object as shares in memory, by backends/rlnc.h.
 *
 * Fill rows, then encode; more shares may be mixed in after it.
 */
#ifndef TESTS_LIB_STRIPES_H
#define TESTS_LIB_STRIPES_H

#include "backends/rlnc.h"

struct stripes {
	struct rlnc_rows rows;
	uint64_t length;	/* of the object */
	uint32_t cell;
	size_t share_length;
	uint8_t *share[RLNC_N_MAX];	/* 64-byte aligned */
};

void stripes_encode(struct stripes *s, struct bytes object, uint32_t cell);
struct bytes stripes_share(const struct stripes *s, unsigned i);
/* Adds share rows.n: the sum of weight[j] times share source[j], k of them. */
void stripes_mix(struct stripes *s, const unsigned *source,
	const uint8_t *weight);
/* The object from k shares; false if their rows are dependent. */
bool stripes_decode(const struct stripes *s, const unsigned *source,
	struct buf *ret);
void stripes_free(struct stripes *s);

#endif
