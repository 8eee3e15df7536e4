#include "tests/lib/mkjwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <string.h>

#include "core/cleanup.h"
#include "tests/tap/tap.h"

static void must(bool good, const char *what)
{
	if (!good)
		bail("mkjwt: %s", what);
}

static void add(struct buf *b, const char *s)
{
	must(buf_add(b, s, strlen(s)) == 0, "memory");
}

void mkjwt_base64(struct bytes v, struct buf *ret)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t i, bit;
	unsigned x, j;

	for (bit = 0; bit < v.n * 8; bit += 6) {
		for (x = 0, j = 0; j < 6; j++) {
			i = bit + j;
			x = x << 1 | (i < v.n * 8 ?
				(unsigned)v.p[i / 8] >> (7 - i % 8) & 1 : 0);
		}
		must(buf_add(ret, &digit[x], 1) == 0, "memory");
	}
}

static void add_number(EVP_PKEY *key, const char *name, const char *param,
	size_t pad, struct buf *ret)
{
	BIGNUM *bn = NULL;
	uint8_t v[1024];
	int n;

	must(EVP_PKEY_get_bn_param(key, param, &bn) == 1, param);
	n = pad > 0 ? BN_bn2binpad(bn, v, (int)pad) : BN_bn2bin(bn, v);
	must(n > 0, param);
	add(ret, ",\"");
	add(ret, name);
	add(ret, "\":\"");
	mkjwt_base64(BYTES(v, (size_t)n), ret);
	add(ret, "\"");
	BN_free(bn);
}

void mkjwt_jwk(EVP_PKEY *key, const char *more, struct buf *ret)
{
	if (EVP_PKEY_is_a(key, "RSA")) {
		add(ret, "{\"kty\":\"RSA\"");
		add_number(key, "n", OSSL_PKEY_PARAM_RSA_N, 0, ret);
		add_number(key, "e", OSSL_PKEY_PARAM_RSA_E, 0, ret);
	} else {
		add(ret, "{\"kty\":\"EC\",\"crv\":\"P-256\"");
		add_number(key, "x", OSSL_PKEY_PARAM_EC_PUB_X, 32, ret);
		add_number(key, "y", OSSL_PKEY_PARAM_EC_PUB_Y, 32, ret);
	}
	add(ret, more);
	add(ret, "}");
}

static void ecdsa_raw(const uint8_t *der, size_t n, uint8_t ret[64])
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);

	must(sig != NULL &&
			BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) == 32 &&
			BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) == 32,
		"a signature");
	ECDSA_SIG_free(sig);
}

void mkjwt_sign(EVP_PKEY *key, const char *header, const char *claims,
	struct buf *ret)
{
	cleanup(buf) struct buf b = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[1024], raw[64];
	size_t n = sizeof(sig);

	mkjwt_base64(BYTES(header, strlen(header)), &b);
	add(&b, ".");
	mkjwt_base64(BYTES(claims, strlen(claims)), &b);
	must(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
			EVP_DigestSign(ctx, sig, &n, b.p, b.n) == 1,
		"signing");
	EVP_MD_CTX_free(ctx);
	add(&b, ".");
	if (EVP_PKEY_is_a(key, "EC")) {
		ecdsa_raw(sig, n, raw);
		mkjwt_base64(BYTES(raw, sizeof(raw)), &b);
	} else {
		mkjwt_base64(BYTES(sig, n), &b);
	}
	must(buf_add(ret, b.p, b.n) == 0, "memory");
}
