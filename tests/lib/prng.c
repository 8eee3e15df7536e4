#include "tests/lib/prng.h"

#include <stdlib.h>

uint64_t prng_seed(void)
{
	const char *s = getenv("TEST_SEED");

	return s != NULL ? strtoull(s, NULL, 0) : 20240229;
}

/* splitmix64: short, no bad seeds */
uint64_t prng_next(struct prng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t prng_below(struct prng *r, uint64_t n)
{
	return prng_next(r) % n;
}

void prng_fill(struct prng *r, void *p, size_t n)
{
	uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++)
		b[i] = (uint8_t)prng_next(r);
}

struct hash prng_hash(struct prng *r)
{
	struct hash h;

	prng_fill(r, h.b, sizeof(h.b));
	return h;
}
