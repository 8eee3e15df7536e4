#include "core/keccak_plain.h"

#include <string.h>

#define RATE 136	/* bytes absorbed by a permutation: 200 - 2 * 32 */
#define WORDS 25	/* of the state */
#define ROUNDS 24

/* FIPS 202, 3.2.5 */
static const uint64_t iota[ROUNDS] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a,
	0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a,
	0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
	0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081,
	0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static uint64_t rotated(uint64_t v, unsigned n)
{
	return n == 0 ? v : v << n | v >> (64 - n);
}

static void theta(uint64_t a[WORDS])
{
	uint64_t c[5], d;
	unsigned x, y;

	for (x = 0; x < 5; x++)
		c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
	for (x = 0; x < 5; x++) {
		d = c[(x + 4) % 5] ^ rotated(c[(x + 1) % 5], 1);
		for (y = 0; y < WORDS; y += 5)
			a[x + y] ^= d;
	}
}

/* Lane (x, y) goes to (y, 2x + 3y); the t-th on the way from (1, 0) is rotated
 * by (t + 1)(t + 2)/2 (3.2.2, 3.2.3). */
static void rho_and_pi(uint64_t a[WORDS])
{
	uint64_t moving = a[1], next;
	unsigned x = 1, y = 0, t, to;

	for (t = 0; t < 24; t++) {
		to = (2 * x + 3 * y) % 5;
		x = y;
		y = to;
		next = a[x + 5 * y];
		a[x + 5 * y] = rotated(moving, (t + 1) * (t + 2) / 2 % 64);
		moving = next;
	}
}

static void chi(uint64_t a[WORDS])
{
	uint64_t row[5];
	unsigned x, y;

	for (y = 0; y < WORDS; y += 5) {
		memcpy(row, a + y, sizeof(row));
		for (x = 0; x < 5; x++)
			a[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
	}
}

static void permute(uint64_t a[WORDS])
{
	unsigned i;

	for (i = 0; i < ROUNDS; i++) {
		theta(a);
		rho_and_pi(a);
		chi(a);
		a[0] ^= iota[i];
	}
}

static void absorb(uint64_t a[WORDS], size_t at, uint8_t byte)
{
	a[at / 8] ^= (uint64_t)byte << (at % 8 * 8);
}

struct hash keccak_plain(const struct bytes *parts, size_t n)
{
	uint64_t a[WORDS] = {0};
	struct hash ret;
	size_t at = 0, i, j;

	for (i = 0; i < n; i++)
		for (j = 0; j < parts[i].n; j++) {
			absorb(a, at++, parts[i].p[j]);
			if (at == RATE) {
				permute(a);
				at = 0;
			}
		}
	absorb(a, at, 0x06); /* SHA3's suffix and the padding's begin */
	absorb(a, RATE - 1, 0x80);
	permute(a);
	for (i = 0; i < HASH_LEN; i++)
		ret.b[i] = (uint8_t)(a[i / 8] >> (i % 8 * 8));
	return ret;
}
