#include "tests/fuzz/fuzz.h"

#include "core/cborread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct cborr r;
	struct bytes item;

	cborr_init(&r, in);
	while (cborr_peek(&r) >= 0 && cborr_skip(&r, &item) == 0)
		;
	return 0;
}
