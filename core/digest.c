#include "core/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct digester {
	EVP_MD_CTX *ctx;
	bool bad;
};

static const struct known {
	const char *name;
	const EVP_MD *(*md)(void);
	unsigned strength;
} known[] = {
	{"sha-256", EVP_sha256, 128},
	{"sha-384", EVP_sha384, 192},
	{"sha-512", EVP_sha512, 256},
	{"sha3-256", EVP_sha3_256, 128},
	{"sha3-384", EVP_sha3_384, 192},
	{"sha3-512", EVP_sha3_512, 256},
};

static const struct known *find(struct bytes name)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (bytes_equal(name, BYTES(known[i].name, strlen(known[i].name))))
			return &known[i];
	return NULL;
}

unsigned digest_strength(struct bytes name)
{
	const struct known *k = find(name);

	return k == NULL ? 0 : k->strength;
}

struct digester *digester_new(struct bytes name)
{
	const struct known *k = find(name);
	struct digester *d = k == NULL ? NULL : calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	d->bad = d->ctx == NULL ||
		 EVP_DigestInit_ex(d->ctx, k->md(), NULL) != 1;
	return d;
}

void digester_add(struct digester *d, struct bytes part)
{
	d->bad = d->bad || EVP_DigestUpdate(d->ctx, part.p, part.n) != 1;
}

void digester_add_zeros(struct digester *d, uint64_t n)
{
	static const uint8_t zeros[16384]; /* stays in the first cache */
	uint64_t some;

	for (; n > 0; n -= some) {
		some = n < sizeof(zeros) ? n : sizeof(zeros);
		digester_add(d, BYTES(zeros, (size_t)some));
	}
}

size_t digester_end(struct digester *d, uint8_t ret[DIGEST_MAX])
{
	unsigned n = 0;

	if (d == NULL)
		return 0;
	if (d->bad || EVP_DigestFinal_ex(d->ctx, ret, &n) != 1)
		n = 0;
	EVP_MD_CTX_free(d->ctx);
	free(d);
	return n;
}

size_t digest_of(struct bytes name, struct bytes msg, uint8_t ret[DIGEST_MAX])
{
	struct digester *d = digester_new(name);

	if (d != NULL)
		digester_add(d, msg);
	return digester_end(d, ret);
}
