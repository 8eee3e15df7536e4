#include "tests/fuzz/fuzz.h"

#include "core/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct cose_sign1 c;

	cose_decode(in, size, &c);
	EVP_PKEY_free(cose_key(in));
	return 0;
}
