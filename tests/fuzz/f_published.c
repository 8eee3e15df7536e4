#include "tests/fuzz/fuzz.h"

#include "core/published.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct published p;
	struct buf again = {0};

	if (published_decode(in, &p) == 0)
		must_agree(published_encode(&p, &again), in, &again);
	return 0;
}
