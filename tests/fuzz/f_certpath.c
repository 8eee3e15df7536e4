#include "tests/fuzz/fuzz.h"

#include "core/certpath.h"

/* Whatever is asked of a certificate that somebody put into a token. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	X509 *x = NULL;

	if (certpath_read(BYTES(data, size), &x) != 0)
		return 0;
	certpath_plain(x, true, NULL);
	certpath_plain(x, false, "1.2.3");
	certpath_signature(x);
	certpath_names(x, x);
	/* a key that is taken is one that can be used */
	if (certpath_key(x) != NULL && EVP_PKEY_get_bits(certpath_key(x)) < 256)
		abort();
	X509_free(x);
	return 0;
}
