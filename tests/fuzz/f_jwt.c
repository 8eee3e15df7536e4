#include "tests/fuzz/fuzz.h"

#include "core/jsonread.h"
#include "core/jwt_impl.h"

/* What comes before the signature's check, and what comes behind it: a fuzzer
 * cannot sign, so the parts are fed by themselves. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = BYTES(data, size);
	struct jwt_policy policy = {.issuer = BYTES("i", 1)};
	struct jwt_token t;
	struct jsonr o;
	struct buf b = {0};

	policy.keys = in;
	jwt_open(&policy, in, &t);
	jsonr_object(in, &o);
	jsonr_array(in, &o);
	jwt_key_check(in, JWT_RS256, BYTES("", 0), in, BYTES("s", 1));
	jwt_key_check(in, JWT_ES256, BYTES("", 0), in, in);
	jwt_base64(in, &b);
	buf_free(&b);
	return 0;
}
