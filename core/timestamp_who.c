#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "core/der.h"
#include "core/hash.h"
#include "core/timestamp.h"

/* The subject as RFC 2253 writes it: ASCII, with whatever is not escaped. */
static size_t subject(X509 *x, char *ret, size_t size)
{
	BIO *out = BIO_new(BIO_s_mem());
	int n = 0;

	if (out != NULL && X509_NAME_print_ex(out, X509_get_subject_name(x), 0,
			XN_FLAG_RFC2253) > 0)
		n = BIO_read(out, ret, (int)size - 1);
	BIO_free(out);
	ret[n < 0 ? 0 : n] = '\0';
	return strlen(ret);
}

size_t timestamp_who(const struct params_authority *a,
	char ret[TIMESTAMP_WHO_MAX])
{
	char whom[TIMESTAMP_WHO_MAX / 2];
	const uint8_t *p = a->key.p;
	X509 *root = NULL;
	size_t n = a->name.n < PARAMS_NAME_MAX ? a->name.n : PARAMS_NAME_MAX;

	memcpy(ret, a->name.p, n);
	if (a->type == TIMESTAMP_RFC3161)
		root = d2i_X509(NULL, &p, (long)a->key.n);
	if (root != NULL && subject(root, whom, sizeof(whom)) > 0)
		n += (size_t)snprintf(ret + n, TIMESTAMP_WHO_MAX - n, " (%s)",
			whom);
	X509_free(root);
	return n;
}

bool timestamp_root(const struct params_authority *a, struct hash *ret)
{
	struct bytes rest = a->key, content, whole;
	uint8_t tag;

	if (a->type != TIMESTAMP_RFC3161 ||
		der_next(&rest, &tag, &content, &whole) != 0)
		return false;
	*ret = hash_sha256(whole);
	return true;
}
