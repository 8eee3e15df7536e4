#include "tests/fuzz/fuzz.h"

#include "enclave/wire.h"

/* What the enclave reads first of all that the host sends. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct wire w;
	struct buf again = {0};

	if (wire_decode(in, &w) == 0)
		must_agree(wire_encode(&w, &again), in, &again);
	return 0;
}
