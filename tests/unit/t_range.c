/* Ranges of files: whatever is proved is what was recorded. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/range.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define FILE_MAX (40 * CHUNK_SIZE)

static uint8_t data[FILE_MAX];
static uint8_t edge[2 * RANGE_EDGE_MAX];

/* A piece of memory; reading beyond it is a fault of the caller's. */
struct memory {
	const uint8_t *p;
	uint64_t n;
	int fail;
};

static int from_memory(void *ctx, uint64_t off, uint8_t *ret, size_t n)
{
	struct memory *m = ctx;

	if (m->fail != 0)
		return m->fail;
	if (off > m->n || n > m->n - off)
		bail("read of %zu at %llu of %llu", n, (unsigned long long)off,
			(unsigned long long)m->n);
	memcpy(ret, m->p + off, n);
	return 0;
}

static int make(uint64_t from, uint64_t to, uint64_t size, struct range *ret)
{
	struct memory m = {data, size, 0};

	return range_make(from, to, size,
		&(struct range_source){from_memory, &m}, edge, ret);
}

static int fold(const struct range *r, uint64_t size, const uint8_t *piece,
	struct hash *ret)
{
	struct memory m = {piece, r->to - r->from, 0};

	return range_root(
		r, size, &(struct range_source){from_memory, &m}, ret);
}

static bool proves(uint64_t from, uint64_t to, uint64_t size)
{
	struct hash want = chunktree_root_bytes(BYTES(data, size)), got;
	struct range r;

	return make(from, to, size, &r) == 0 && range_fits(&r, size) &&
	       fold(&r, size, data + from, &got) == 0 &&
	       hash_equal(&want, &got);
}

static void all_chunks(void)
{
	uint64_t n, a, b, wrong = 0;

	for (n = 1; n <= 20; n++)
		for (a = 0; a < n; a++)
			for (b = a + 1; b <= n; b++)
				wrong += !proves(a * CHUNK_SIZE, b * CHUNK_SIZE,
					n * CHUNK_SIZE);
	is_int(wrong, 0, "all runs of chunks of 1 to 20 chunks");
}

static void borders(void)
{
	static const int64_t near[] = {-1, 0, 1};
	uint64_t chunk, wrong = 0, size = 11 * CHUNK_SIZE + 77, i;
	struct range r;

	for (chunk = 1; chunk < 11; chunk++)
		for (i = 0; i < 9; i++)
			wrong += !proves((uint64_t)((int64_t)(chunk *
							   CHUNK_SIZE) +
						   near[i % 3]),
				(uint64_t)((int64_t)((chunk + 1) * CHUNK_SIZE) +
					near[i / 3]), size);
	is_int(wrong, 0, "a byte before and after each border of chunks");
	ok(proves(0, size, size), "the whole file");
	ok(proves(size - 1, size, size), "its last byte");
	ok(proves(0, 1, size), "its first");
	ok(proves(0, 1, 1), "a file of one byte");
	is_int(make(CHUNK_SIZE, 3 * CHUNK_SIZE, size, &r), 0, "at borders");
	ok(r.left.n == 0 && r.right.n == 0, "nothing but the range is shown");
	is_int(make(5 * CHUNK_SIZE, size, size, &r), 0, "to the end");
	ok(r.right.n == 0, "nothing is shown behind it");
}

static void random_ranges(void)
{
	struct prng rng = {11};
	uint64_t i, size, from, to, wrong = 0;

	for (i = 0; i < 400; i++) {
		size = 1 + prng_below(&rng, FILE_MAX);
		from = prng_below(&rng, size);
		to = from + 1 + prng_below(&rng, size - from);
		wrong += !proves(from, to, size);
	}
	is_int(wrong, 0, "ranges anywhere in files of any size");
}

static void refusals(void)
{
	uint64_t size = 9 * CHUNK_SIZE + 5, from = 5000, to = 20000;
	struct hash want = chunktree_root_bytes(BYTES(data, size)), got;
	struct range good, r;
	uint8_t piece[15000];
	size_t i, wrong = 0;

	is_int(make(from, to, size, &good), 0, "a range");
	for (i = 0; i < sizeof(piece); i += 97) {
		memcpy(piece, data + from, sizeof(piece));
		piece[i] ^= 1;
		fold(&good, size, piece, &got);
		wrong += hash_equal(&want, &got);
	}
	for (i = 0; i < good.n; i++) {
		r = good;
		r.hash[i].b[5] ^= 1;
		fold(&r, size, data + from, &got);
		wrong += hash_equal(&want, &got);
	}
	edge[0] ^= 1;
	fold(&good, size, data + from, &got);
	wrong += hash_equal(&want, &got);
	edge[0] ^= 1;
	is_int(wrong, 0, "another bit in piece, hashes or edges: another root");
	r = good;
	r.n++;
	ok(!range_fits(&r, size), "a hash more does not fit");
	r.n -= 2;
	ok(!range_fits(&r, size), "nor one less");
	r = good;
	r.left.n--;
	ok(!range_fits(&r, size), "nor an edge that is shorter");
	r = good;
	r.right.n++;
	ok(!range_fits(&r, size), "nor one that is longer");
	ok(!range_fits(&good, size + CHUNK_SIZE * 20), "nor another size");
	r = (struct range){.from = 0, .to = UINT64_MAX};
	ok(!range_fits(&r, UINT64_MAX), "nor a size that no file has");
	is_int(make(5, 5, size, &r), -EINVAL, "an empty one is not made");
	is_int(make(5, size + 1, size, &r), -EINVAL, "nor one past the end");
}

static void limits(void)
{
	struct memory m = {data, 0, -EIO};
	struct range_source src = {from_memory, &m};
	uint64_t huge = (uint64_t)INT64_MAX;
	struct range r = {.from = 0, .to = CHUNK_SIZE};
	unsigned n;

	for (n = 0; n <= RANGE_HASHES_MAX; n++) {
		r.n = n;
		if (range_fits(&r, huge))
			break;
	}
	ok(n <= RANGE_HASHES_MAX, "the largest file there is: %u hashes", n);
	is_int(range_make(5, 9, 100, &src, edge, &r), -EIO,
		"a file that cannot be read");
}

int main(void)
{
	struct prng rng = {1};
	size_t i;

	plan(0);
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)prng_next(&rng);
	all_chunks();
	borders();
	random_ranges();
	refusals();
	limits();
	return done();
}
