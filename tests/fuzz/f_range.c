#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <string.h>

#include "core/range.h"

#define FILE_MAX_SIZE 65536 /* bytes; longer ones would only be slow */

/* from, to, size, number of hashes, then the edges' bytes. */
struct header {
	uint64_t from, to, size;
	uint8_t hashes;
};

static int zeros(void *ctx, uint64_t off, uint8_t *ret, size_t n)
{
	(void)ctx;
	(void)off;
	memset(ret, 0, n);
	return 0;
}

/* Whatever form it has: read, or refused. */
static void foreign(const struct header *h, struct bytes in)
{
	struct range_source src = {zeros, NULL};
	struct range r = {.from = h->from, .to = h->to};
	size_t left = h->from % CHUNK_SIZE;
	struct hash root;

	r.n = h->hashes % (RANGE_HASHES_MAX + 1);
	r.left = BYTES(in.p, left < in.n ? left : in.n);
	r.right = BYTES(in.p + r.left.n, in.n - r.left.n);
	if (range_fits(&r, h->size) && r.to - r.from < 1 << 20)
		range_root(&r, h->size, &src, &root);
}

/* A file whose bytes go round, and any part of it. */
struct file {
	struct bytes in;
	uint64_t size, base;
	unsigned flip;	/* of the byte at base */
};

static int read_file(void *ctx, uint64_t off, uint8_t *ret, size_t n)
{
	const struct file *f = ctx;
	size_t i;

	if (off + f->base > f->size || n > f->size - f->base - off)
		return -EINVAL;
	for (i = 0; i < n; i++)
		ret[i] = f->in.p[(f->base + off + i) % f->in.n];
	if (off == 0 && n > 0)
		ret[0] ^= (uint8_t)f->flip;
	return 0;
}

static struct hash root_of(struct file *f)
{
	uint8_t all[FILE_MAX_SIZE];

	if (read_file(f, 0, all, (size_t)f->size) != 0)
		abort();
	return chunktree_root_bytes(BYTES(all, (size_t)f->size));
}

/* What range_make() makes leads to the file's root, and with another byte in
 * the piece it leads elsewhere. */
static void own(const struct header *h, struct bytes in)
{
	struct file f = {.in = in, .size = h->size % FILE_MAX_SIZE + 1};
	struct range_source src = {read_file, &f};
	uint64_t from = h->from % f.size, to = from + 1 + h->to % (f.size - from);
	uint8_t edge[2 * RANGE_EDGE_MAX];
	struct hash want = root_of(&f), got;
	struct range r;

	if (range_make(from, to, f.size, &src, edge, &r) != 0 ||
		!range_fits(&r, f.size))
		abort();
	f.base = from;
	if (range_root(&r, f.size, &src, &got) != 0 || !hash_equal(&got, &want))
		abort();
	f.flip = 1;
	if (range_root(&r, f.size, &src, &got) != 0 || hash_equal(&got, &want))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct header h;
	struct bytes in;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	in = BYTES(data + sizeof(h), size - sizeof(h));
	foreign(&h, in);
	if (in.n > 0)
		own(&h, in);
	return 0;
}
