#include "tests/fuzz/fuzz.h"

#include "core/sequence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct sequence s;
	struct recovery r;
	struct buf again = {0};

	sequence_peek(in, &s);
	if (sequence_decode(in, &s) == 0)
		must_agree(sequence_encode(&s, &again), in, &again);
	if (recovery_decode(in, &r) == 0)
		must_agree(recovery_encode(&r, &again), in, &again);
	return 0;
}
