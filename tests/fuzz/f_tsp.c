#include "tests/fuzz/fuzz.h"

#include "core/tsp.h"

/* A certificate that pins nothing of what comes is no loss: parsing, and all
 * that is asked before the path, is what is fuzzed.  The first 1024 bytes at
 * most stand for it too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t cut = size < 2 ? 0 : ((unsigned)data[0] << 8 | data[1]) % 1024U;
	struct tsp_policy policy;
	struct tsp_token t;

	if (size < 2 || cut > size - 2)
		return 0;
	policy = (struct tsp_policy){.certs = BYTES(data + 2, cut)};
	tsp_open(&policy, BYTES(data + 2 + cut, size - 2 - cut), BYTES("", 0),
		&t);
	return 0;
}
