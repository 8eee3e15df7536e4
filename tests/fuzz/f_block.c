#include "tests/fuzz/fuzz.h"

#include "core/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct block b;
	struct buf again = {0};

	if (block_decode(in, &b) == 0)
		must_agree(block_encode(&b, &again), in, &again);
	return 0;
}
