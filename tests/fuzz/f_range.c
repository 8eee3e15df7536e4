#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/range.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct range_source src = {zeros, NULL};
	struct range r = {.to = 0};
	struct header h;
	struct hash root;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	size -= sizeof(h);
	r.from = h.from;
	r.to = h.to;
	r.n = h.hashes % (RANGE_HASHES_MAX + 1);
	r.left = BYTES(data, h.from % CHUNK_SIZE < size ? h.from % CHUNK_SIZE
							: size);
	r.right = BYTES(data + r.left.n, size - r.left.n);
	/* a long piece would only be slow */
	if (range_fits(&r, h.size) && r.to - r.from < 1 << 20)
		range_root(&r, h.size, &src, &root);
	return 0;
}
