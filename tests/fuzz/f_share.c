#include "tests/fuzz/fuzz.h"

#include "backends/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct share_header h;
	uint8_t again[SHARE_HEADER];

	if (size != SHARE_HEADER || share_header_decode(data, &h) != 0)
		return 0;
	share_header_encode(&h, again);
	if (memcmp(again, in.p, SHARE_HEADER) != 0)
		abort();
	return 0;
}
