#include "tests/fuzz/fuzz.h"

#include "core/timestamp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct hash y;
	struct bytes g;
	uint64_t p;

	timestamp_local_decode(in, &y, &p, &g);
	return 0;
}
