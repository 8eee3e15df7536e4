/* The pinned keys of jwt.h: J2. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "core/jsonread.h"
#include "core/jwt_impl.h"

#define RSA_BITS_MIN 2048
#define RSA_BITS_MAX 8192	/* more only costs the verifier time */
#define EXPONENT_MAX 8		/* bytes */
#define COORDINATE 32		/* bytes, P-256 */

static uint8_t sextet(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint8_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint8_t)(c - 'a' + 26);
	if (c >= '0' && c <= '9')
		return (uint8_t)(c - '0' + 52);
	return c == '-' ? 62 : c == '_' ? 63 : 0xff;
}

int jwt_base64(struct bytes text, struct buf *ret)
{
	uint32_t held = 0;
	unsigned bits = 0;
	uint8_t v, byte;
	size_t i;

	if (text.n % 4 == 1 || buf_reserve(ret, text.n / 4 * 3 + 3) != 0)
		return -EBADMSG;
	for (i = 0; i < text.n; i++) {
		v = sextet(text.p[i]);
		if (v == 0xff)
			return -EBADMSG;
		held = held << 6 | v;
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		byte = (uint8_t)(held >> bits);
		held &= (1U << bits) - 1;
		if (buf_add(ret, &byte, 1) != 0)
			return -EBADMSG;
	}
	return held == 0 ? 0 : -EBADMSG; /* bits left over are zero */
}

static int member(const struct jsonr *key, const char *name, struct buf *ret)
{
	struct bytes text;
	int rc = jsonr_text(key, name, &text);

	return rc != 0 ? rc : jwt_base64(text, ret);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *bld)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY *key = NULL;

	if (ctx != NULL && params != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *rsa_key(const struct jsonr *jwk)
{
	cleanup(buf) struct buf n = {0}, e = {0};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *bn_n = NULL, *bn_e = NULL;
	EVP_PKEY *key = NULL;

	if (member(jwk, "n", &n) == 0 && member(jwk, "e", &e) == 0 &&
		n.n <= RSA_BITS_MAX / 8 && e.n <= EXPONENT_MAX) {
		bn_n = BN_bin2bn(n.p, (int)n.n, NULL);
		bn_e = BN_bin2bn(e.p, (int)e.n, NULL);
	}
	if (bld != NULL && bn_n != NULL && bn_e != NULL &&
		BN_num_bits(bn_n) >= RSA_BITS_MIN && BN_is_odd(bn_n) &&
		BN_is_odd(bn_e) && !BN_is_one(bn_e) &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) == 1 &&
		OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e) == 1)
		key = from_params("RSA", bld);
	OSSL_PARAM_BLD_free(bld);
	BN_free(bn_n);
	BN_free(bn_e);
	return key;
}

static EVP_PKEY *ec_key(const struct jsonr *jwk)
{
	cleanup(buf) struct buf point = {0};
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	struct bytes crv = {0};
	EVP_PKEY *key = NULL;

	if (bld != NULL && jsonr_text(jwk, "crv", &crv) == 0 &&
		bytes_equal(crv, BYTES("P-256", 5)) &&
		buf_add(&point, "\x04", 1) == 0 &&
		member(jwk, "x", &point) == 0 && point.n == 1 + COORDINATE &&
		member(jwk, "y", &point) == 0 &&
		point.n == 1 + 2 * COORDINATE &&
		OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
			"prime256v1", 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
			point.p, point.n) == 1)
		key = from_params("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return key;
}

static bool verifies(EVP_PKEY *key, enum jwt_alg alg, struct bytes message,
	struct bytes signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *der = NULL;
	bool good = false;

	if (alg == JWT_ES256) {
		if (signature.n == 2 * COORDINATE)
			signature.n = cose_signature_der(signature, &der);
		else
			signature.n = 0;
		signature.p = der;
	}
	if (ctx != NULL && signature.n > 0 &&
		EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1)
		good = EVP_DigestVerify(ctx, signature.p, signature.n,
			       message.p, message.n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(ctx);
	return good;
}

/* The member is absent or says this. */
static bool says(const struct jsonr *jwk, const char *name, const char *want)
{
	struct bytes v;
	int rc = jsonr_text(jwk, name, &v);

	return rc == -ENOENT ||
	       (rc == 0 && bytes_equal(v, BYTES(want, strlen(want))));
}

static bool of_kind(const struct jsonr *jwk, enum jwt_alg alg)
{
	struct bytes kty;
	const char *want = alg == JWT_RS256 ? "RSA" : "EC";

	return jsonr_text(jwk, "kty", &kty) == 0 &&
	       bytes_equal(kty, BYTES(want, strlen(want))) &&
	       says(jwk, "alg", alg == JWT_RS256 ? "RS256" : "ES256") &&
	       says(jwk, "use", "sig");
}

static enum jwt_answer try_key(const struct jsonr *jwk, enum jwt_alg alg,
	struct bytes kid, struct bytes message, struct bytes signature)
{
	struct bytes name;
	EVP_PKEY *key;
	enum jwt_answer a;

	if (!of_kind(jwk, alg) ||
		(kid.n > 0 && (jsonr_text(jwk, "kid", &name) != 0 ||
				      !bytes_equal(name, kid))))
		return JWT_KEY;
	key = alg == JWT_RS256 ? rsa_key(jwk) : ec_key(jwk);
	if (key == NULL)
		return JWT_KEYS;
	a = verifies(key, alg, message, signature) ? JWT_VALID : JWT_SIGNATURE;
	EVP_PKEY_free(key);
	return a;
}

enum jwt_answer jwt_key_check(struct bytes keys, enum jwt_alg alg,
	struct bytes kid, struct bytes message, struct bytes signature)
{
	enum jwt_answer best = JWT_KEY, a;
	const struct jsonr_value *list;
	struct jsonr all, jwk;
	size_t i;

	if (jsonr_object(keys, &all) != 0)
		return JWT_KEYS;
	list = jsonr_find(&all, "keys");
	if (list == NULL || list->kind != JSONR_ARRAY ||
		jsonr_array(list->raw, &all) != 0 || all.n > JWT_KEYS_MAX)
		return JWT_KEYS;
	for (i = 0; i < all.n; i++) {
		if (all.value[i].kind != JSONR_OBJECT ||
			jsonr_object(all.value[i].raw, &jwk) != 0)
			return JWT_KEYS;
		a = try_key(&jwk, alg, kid, message, signature);
		if (a == JWT_VALID || a == JWT_KEYS)
			return a;
		if (a == JWT_SIGNATURE)
			best = a;
	}
	return best;
}
