#include "tests/fuzz/fuzz.h"

#include "core/receipt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct buf again = {0};
	struct receipt r;
	struct hash root;

	if (receipt_decode(in, &r) != 0)
		return 0;
	must_agree(receipt_encode(&r, &again), in, &again);
	receipt_check(&r, in, NULL, &root);
	return 0;
}
