#include "tests/fuzz/fuzz.h"

#include "core/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct number n;
	struct genesis g;
	struct buf again = {0};

	if (number_decode(in, &n) == 0)
		must_agree(number_encode(&n, &again), in, &again);
	if (genesis_decode(in, &g) == 0)
		must_agree(genesis_encode(&g, &again), in, &again);
	return 0;
}
