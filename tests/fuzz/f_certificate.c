#include "tests/fuzz/fuzz.h"

#include "core/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct report r;
	struct buf text = {0};

	if (verify(in, NULL, NULL, &r) == 0 && report_text(&r, &text) == 0)
		buf_free(&text);
	return 0;
}
