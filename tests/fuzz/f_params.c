#include "tests/fuzz/fuzz.h"

#include "core/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct params p;
	struct buf again = {0};

	if (params_decode(in, &p) == 0)
		must_agree(params_encode(&p, &again), in, &again);
	return 0;
}
