#include "tests/fuzz/fuzz.h"

#include "core/attestation.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct attestation a;
	struct attestation_data d;
	struct bytes payload;
	struct hash h;
	struct buf again = {0};

	/* what is taken is not an emulator's */
	if (attestation_decode(in, &a, &payload) == 0 &&
		attestation_refused(in) != V_ATTESTATION_MALFORMED)
		abort();
	attestation_hash(in, &h);
	if (attestation_data_decode(in, &d) == 0)
		must_agree(attestation_data_encode(&d, &again), in, &again);
	return 0;
}
