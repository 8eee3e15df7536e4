#include "tests/fuzz/fuzz.h"

#include "core/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct hash y;
	struct bytes g;
	uint64_t p;
	struct timestamp_one one[PARAMS_AUTHORITIES_MAX];
	struct buf again = {0};
	size_t n;

	if (timestamp_set_decode(in, one, &n) == 0)
		must_agree(timestamp_set_encode(one, n, &again), in, &again);
	timestamp_local_decode(in, &y, &p, &g);
	return 0;
}
