#include "tests/fuzz/fuzz.h"

#include "core/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct record rec;
	struct record_xattr x;
	struct buf again = {0};
	size_t at = 0;

	if (record_decode(in, &rec) != 0)
		return 0;
	while (record_xattrs_next(rec.xattrs, &at, &x) > 0)
		;
	must_agree(record_encode(&rec, &again), in, &again);
	return 0;
}
