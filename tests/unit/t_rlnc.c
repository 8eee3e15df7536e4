/* Coding: any k shares give the object again; first use by many threads. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backends/share.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "tests/lib/mutate.h"
#include "tests/lib/prng.h"
#include "tests/lib/stripes.h"
#include "tests/tap/tap.h"

#define THREADS 8
#define CELL 8256	/* more than one block of the kernel, and not whole */

static struct prng rnd;

/* Of all subsets of k shares: how many do not give the object again. */
static unsigned failures(const struct stripes *s, struct bytes object)
{
	unsigned set, i, m, bad = 0, pick[RLNC_N_MAX];

	for (set = 0; set < 1u << s->rows.n; set++) {
		cleanup(buf) struct buf got = {0};

		if ((unsigned)__builtin_popcount(set) != s->rows.k)
			continue;
		for (i = 0, m = 0; i < s->rows.n; i++)
			if (set >> i & 1)
				pick[m++] = i;
		bad += !stripes_decode(s, pick, &got) ||
			!bytes_equal(BUF_BYTES(&got), object);
	}
	return bad;
}

static unsigned round_trip(size_t n, unsigned k, unsigned of, bool systematic,
	uint32_t cell)
{
	struct stripes s = {0};
	uint8_t *p = malloc(n + 1);
	struct hash hy;
	unsigned bad = 1;

	if (p == NULL)
		bail("no memory");
	prng_fill(&rnd, p, n);
	hy = hash_sha3(BYTES(p, n));
	if (rlnc_draw(&hy, k, of, systematic, &s.rows, NULL) == 0) {
		stripes_encode(&s, BYTES(p, n), cell);
		bad = failures(&s, BYTES(p, n));
		stripes_free(&s);
	}
	free(p);
	return bad;
}

static void test_any_three(void)
{
	static const size_t lengths[] = {0, 1, 2, 3, 63, 64, 65, 191, 192, 193,
		1000, 3 * CELL - 1, 3 * CELL, 3 * CELL + 1, 100000};
	unsigned bad = 0;
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		bad += round_trip(lengths[i], 3, 6, true, CELL);
		bad += round_trip(lengths[i], 3, 6, false, CELL);
		bad += round_trip(lengths[i], 3, 6, true, 64);
	}
	is_int(bad, 0, "any 3 of 6 shares give the object, at awkward lengths");
}

static void test_other_shapes(void)
{
	unsigned bad = round_trip(777, 1, 1, true, 64) +
		round_trip(777, 1, 3, false, 64) +
		round_trip(777, 2, 3, true, 64) +
		round_trip(777, 4, 8, true, 128) +
		round_trip(777, 4, 8, false, 128) +
		round_trip(7777, 15, 16, true, 64) +
		round_trip(7777, 16, 16, false, 64);

	is_int(bad, 0, "so do any k of n for other k and n");
}

static void test_limits(void)
{
	struct rlnc_rows r = {.k = 77};
	struct hash h = {{0}};

	is_int(rlnc_draw(&h, 0, 6, true, &r, NULL), -EINVAL, "k = 0");
	is_int(rlnc_draw(&h, 7, 6, true, &r, NULL), -EINVAL, "k > n");
	is_int(rlnc_draw(&h, 3, 17, true, &r, NULL), -EINVAL, "n > 16");
	is_int(rlnc_draw(&h, 8, 16, true, &r, NULL), -EINVAL,
		"8 of 16: no draw would fit all subsets");
	is_int(r.k, 77, "a refusal leaves the rows alone");
	is_int(rlnc_draw(&h, 6, 12, true, &r, NULL), 0,
		"6 of 12 is found after some draws");
}

static void test_zeros(void)
{
	static const uint8_t rows[3][RLNC_K_MAX] = {
		{0, 0}, {0, 5}, {1, 0}};
	uint8_t *cell[5];
	unsigned i;

	for (i = 0; i < 5; i++) {
		cell[i] = aligned_alloc(64, 192);
		if (cell[i] == NULL)
			bail("no memory");
		prng_fill(&rnd, cell[i], 192);
	}
	rlnc_encode(2, 3, rows, (const uint8_t *const *)cell, cell + 2, 192);
	for (i = 0; i < 192; i++)
		if (cell[2][i] != 0)
			break;
	is_int(i, 192, "a row of zeros makes zeros, whatever was there");
	ok(memcmp(cell[4], cell[0], 192) == 0 &&
			memcmp(cell[3], cell[1], 192) != 0,
		"a zero in a row leaves that cell out");
	for (i = 0; i < 5; i++)
		free(cell[i]);
}

static void test_dependent(void)
{
	static const uint8_t same[2][RLNC_K_MAX] = {{3, 7}, {3, 7}};
	static const uint8_t good[2][RLNC_K_MAX] = {{0, 7}, {3, 0}};
	uint8_t inverse[2][RLNC_K_MAX] = {{9}};

	ok(!rlnc_independent(2, same) &&
			rlnc_invert(2, same, inverse) == -EINVAL &&
			inverse[0][0] == 9,
		"equal rows are dependent and have no inverse");
	ok(rlnc_independent(2, good) && rlnc_invert(2, good, inverse) == 0,
		"a matrix with zeros on its diagonal has one");
}

static pthread_barrier_t together;

static void *first_use(void *arg)
{
	struct hash h = {{(uint8_t)(uintptr_t)arg}};
	struct stripes s = {0};
	static const uint8_t object[500] = {1, 2, 3};

	pthread_barrier_wait(&together);
	if (rlnc_draw(&h, 3, 6, true, &s.rows, NULL) == 0)
		stripes_encode(&s, BYTES(object, sizeof(object)), 64);
	stripes_free(&s);
	return NULL;
}

static void first_use_child(void)
{
	pthread_t t[THREADS];
	uintptr_t i;

	pthread_barrier_init(&together, NULL, THREADS);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, first_use, (void *)i) != 0)
			_exit(1);
	for (i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	_exit(0);
}

/* Before anything else here opens the library's fields. */
static void test_first_use(void)
{
	int i, status, died = 0;
	pid_t child;

	for (i = 0; i < 40; i++) {
		fflush(NULL);
		child = fork();
		if (child == 0)
			first_use_child();
		if (child < 0 || waitpid(child, &status, 0) != child)
			bail("cannot fork");
		died += status != 0;
	}
	is_int(died, 0, "%d threads may all be the first", THREADS);
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	uint8_t again[SHARE_HEADER];
	struct share_header h;

	(void)ctx;
	if (in.n != SHARE_HEADER || share_header_decode(in.p, &h) != 0)
		return MUTATE_REFUSED;
	share_header_encode(&h, again);
	return memcmp(again, in.p, SHARE_HEADER) == 0 ? MUTATE_ACCEPTED
						      : MUTATE_BROKEN;
}

/* The same behind a CRC that is right, as an attacker would write it. */
static enum mutate_answer feed_with_crc(void *ctx, struct bytes in)
{
	uint8_t copy[SHARE_HEADER];
	uint32_t crc;

	if (in.n != SHARE_HEADER)
		return MUTATE_REFUSED;
	memcpy(copy, in.p, sizeof(copy));
	crc = share_crc32c(0, BYTES(copy, 124));
	copy[124] = (uint8_t)(crc >> 24);
	copy[125] = (uint8_t)(crc >> 16);
	copy[126] = (uint8_t)(crc >> 8);
	copy[127] = (uint8_t)crc;
	return feed(ctx, BYTES(copy, sizeof(copy)));
}

static void test_header(void)
{
	struct share_header h = {.k = 3, .n = 6, .index = 4, .cell = RLNC_CELL,
		.length = 400000, .meta_length = 99, .row = {74, 2, 96}};
	struct share_header got = {0};
	uint8_t raw[SHARE_HEADER], row[RLNC_K_MAX] = {0};

	memset(h.hy.b, 0x33, HASH_LEN);
	h.payload_length = rlnc_share_length(h.length, h.k, h.cell);
	share_header_encode(&h, raw);
	ok(memcmp(raw, "NFSH\1\10\3\6\0\4\0\0\0\1\0\0", 16) == 0,
		"a header begins with what share.h says");
	ok(share_header_decode(raw, &got) == 0 &&
			hash_equal(&got.hy, &h.hy) && got.index == 4 &&
			got.length == 400000 && got.meta_length == 99 &&
			got.payload_length == 133376 &&
			memcmp(got.row, h.row, RLNC_K_MAX) == 0,
		"and is read again");
	is_int(share_size(&h), 128 + 99 + 133376 + 3 * 4,
		"size: header, META, payload, a CRC for each of 3 cells");
	mutate("share header", BYTES(raw, SHARE_HEADER), MUTATIONS, feed,
		NULL);
	mutate("share header with its CRC made right",
		BYTES(raw, SHARE_HEADER), MUTATIONS, feed_with_crc, NULL);
	memcpy(raw + 72, row, RLNC_K_MAX);
	is_int(feed_with_crc(NULL, BYTES(raw, SHARE_HEADER)), MUTATE_REFUSED,
		"a row of zeros is refused: it tells nothing");
}

static void test_crc(void)
{
	uint8_t zeros[32] = {0};
	uint32_t first = share_crc32c(0, BYTES("12345", 5));

	is_int(share_crc32c(0, BYTES("123456789", 9)), 0xe3069283,
		"CRC32C of the digits");
	is_int(share_crc32c(0, BYTES(zeros, 32)), 0x8a9136aa,
		"CRC32C of 32 zeros (RFC 3720 B.4)");
	is_int(share_crc32c(first, BYTES("6789", 4)), 0xe3069283,
		"in two pieces");
	is_int(share_crc32c(0, BYTES("", 0)), 0, "of nothing");
}

int main(void)
{
	plan(0);
	rnd.state = prng_seed();
	test_first_use();
	test_any_three();
	test_other_shapes();
	test_limits();
	test_zeros();
	test_dependent();
	test_header();
	test_crc();
	return done();
}
