/*
 * prng: random numbers for tests, the same for the same seed everywhere.
 *
 * prng_seed() is what a test starts from: TEST_SEED in the environment, or a
 * fixed number, so that a failure can be repeated.
 */
#ifndef TESTS_PRNG_H
#define TESTS_PRNG_H

#include "core/bytes.h"

struct prng {
	uint64_t state;
};

uint64_t prng_seed(void);
uint64_t prng_next(struct prng *r);
/* 0 .. n - 1, n > 0 */
uint64_t prng_below(struct prng *r, uint64_t n);
void prng_fill(struct prng *r, void *p, size_t n);
struct hash prng_hash(struct prng *r);

#endif
