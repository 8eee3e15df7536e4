#include "tests/fuzz/fuzz.h"

#include "core/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct meta m;
	struct extent_meta e;
	struct buf again = {0};

	if (extent_meta_decode(in, &e) == 0)
		must_agree(extent_meta_encode(&e, &again), in, &again);
	if (meta_decode(in, &m) != 0)
		return 0;
	must_agree(meta_encode(&m, &again), in, &again);
	meta_done(&m);
	return 0;
}
