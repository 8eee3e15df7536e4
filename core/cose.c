#include "core/cose.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/memory.h"

#define SIGNATURE_MAX 96 /* bytes of r || s */
#define HEADER_MAX 16	 /* bytes of a protected header that we look into */

static const struct profile {
	enum cose_alg alg;
	const char *group, *digest;
	size_t half;		 /* bytes of r, and of s */
	uint8_t header[4];	 /* {1: alg} */
	size_t header_n;
	/* SubjectPublicKeyInfo up to the point: named curve, uncompressed */
	uint8_t spki[26];
	size_t spki_n;
} profiles[] = {
	{COSE_ES256, "prime256v1", "SHA256", 32, {0xa1, 0x01, 0x26}, 3,
		{0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
			0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
			0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00},
		26},
	{COSE_ES384, "secp384r1", "SHA384", 48, {0xa1, 0x01, 0x38, 0x22}, 4,
		{0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
			0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
			0x22, 0x03, 0x62, 0x00},
		23},
};
#define PROFILES (sizeof(profiles) / sizeof(profiles[0]))

static const struct profile *profile_of(enum cose_alg alg)
{
	size_t i;

	for (i = 0; i < PROFILES; i++)
		if (profiles[i].alg == alg)
			return &profiles[i];
	return NULL;
}

/* -EOPNOTSUPP if it is a header of this form with another algorithm. */
static int header_decode(struct bytes header, const struct profile **ret)
{
	struct cborr r;
	struct cborr_keys keys;
	uint64_t label = 0;
	int64_t alg;
	size_t i;

	for (i = 0; i < PROFILES; i++)
		if (bytes_equal(header, BYTES(profiles[i].header,
						profiles[i].header_n))) {
			*ret = &profiles[i];
			return 0;
		}
	cborr_init(&r, header);
	if (cborr_map(&r, 1, &keys) != 0 || keys.left != 1)
		return -EBADMSG;
	cborr_key_uint(&r, &keys, &label);
	cborr_int(&r, &alg);
	return cborr_end(&r) != 0 || label != 1 ? -EBADMSG : -EOPNOTSUPP;
}

int cose_decode(struct bytes in, size_t payload_max, struct cose_sign1 *ret)
{
	const struct profile *p = NULL;
	struct cose_sign1 c = {0};
	struct cborr_keys none;
	struct cborr r;
	uint64_t n;
	int rc;

	cborr_init(&r, in);
	if (cborr_peek(&r) == CBOR_TAG)
		cborr_tag(&r, COSE_TAG);
	cborr_array(&r, 4, 4, &n);
	cborr_bytes(&r, HEADER_MAX, &c.protected_header);
	cborr_map(&r, 0, &none);
	cborr_bytes(&r, payload_max, &c.payload);
	cborr_bytes(&r, SIZE_MAX, &c.signature);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	rc = header_decode(c.protected_header, &p);
	if (rc != 0)
		return rc;
	if (c.signature.n != 2 * p->half)
		return -EBADMSG;
	c.alg = p->alg;
	*ret = c;
	return 0;
}

static bool key_fits(EVP_PKEY *key, const struct profile *p)
{
	char group[32];
	size_t n;

	return key != NULL && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       strcmp(group, p->group) == 0;
}

/* ["Signature1", protected, h'', payload] (RFC 9052 4.4), with the payload
 * left out at the end: it is hashed where it lies. */
static int structure_head(
	struct bytes header, size_t payload_n, struct buf *ret)
{
	struct cborput w = {0};

	cborput_array(&w, 4);
	cborput_text(&w, "Signature1");
	cborput_bytes(&w, header);
	cborput_bytes(&w, BYTES(NULL, 0));
	cborput_head(&w, CBOR_BYTES, payload_n);
	return cborput_end(&w, ret);
}

int cose_signed(const struct cose_sign1 *c, struct buf *ret)
{
	cleanup(buf) struct buf all = {0};
	int rc = structure_head(c->protected_header, c->payload.n, &all);

	if (rc == 0)
		rc = buf_add(&all, c->payload.p, c->payload.n);
	if (rc != 0)
		return rc;
	*ret = all;
	all = (struct buf){0}; /* the caller has it */
	return 0;
}

size_t cose_signature_der(struct bytes raw, unsigned char **ret)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw.p, (int)(raw.n / 2), NULL);
	BIGNUM *s = BN_bin2bn(raw.p + raw.n / 2, (int)(raw.n / 2), NULL);
	int n = 0;

	if (sig == NULL || r == NULL || s == NULL ||
		ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else {
		n = i2d_ECDSA_SIG(sig, ret); /* sig has r and s */
	}
	ECDSA_SIG_free(sig);
	return n > 0 ? (size_t)n : 0;
}

int cose_check(const struct cose_sign1 *c, EVP_PKEY *key)
{
	const struct profile *p = profile_of(c->alg);
	unsigned before = memory_failures();
	cleanup(buf) struct buf head = {0};
	unsigned char *der = NULL;
	EVP_MD_CTX *ctx;
	size_t n;
	bool good;

	if (p == NULL || c->signature.n != 2 * p->half || !key_fits(key, p))
		return memory_failures() != before ? -ENOMEM : -EKEYREJECTED;
	if (structure_head(c->protected_header, c->payload.n, &head) != 0)
		return -ENOMEM;
	n = cose_signature_der(c->signature, &der);
	ctx = EVP_MD_CTX_new();
	good = n > 0 && ctx != NULL &&
	       EVP_DigestVerifyInit_ex(ctx, NULL, p->digest, NULL, NULL, key,
		       NULL) == 1 &&
	       EVP_DigestVerifyUpdate(ctx, head.p, head.n) == 1 &&
	       EVP_DigestVerifyUpdate(ctx, c->payload.p, c->payload.n) == 1 &&
	       EVP_DigestVerifyFinal(ctx, der, n) == 1;
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	if (good)
		return 0;
	return memory_failures() != before ? -ENOMEM : -EKEYREJECTED;
}

/* DER to r || s of fixed halves. */
static int signature_raw(
	const uint8_t *der, size_t n, size_t half, uint8_t *ret)
{
	const unsigned char *p = der;
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &p, (long)n);
	int h = (int)half, rc = -EIO;

	if (sig != NULL &&
		BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, h) == h &&
		BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + half, h) == h)
		rc = 0;
	ECDSA_SIG_free(sig);
	return rc;
}

static int sign_raw(const struct profile *p, EVP_PKEY *key, struct bytes head,
	struct bytes payload, uint8_t *ret)
{
	uint8_t der[160]; /* a P-384 signature takes at most 104 */
	size_t n = sizeof(der);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL &&
		    EVP_DigestSignInit_ex(ctx, NULL, p->digest, NULL, NULL, key,
			    NULL) == 1 &&
		    EVP_DigestSignUpdate(ctx, head.p, head.n) == 1 &&
		    EVP_DigestSignUpdate(ctx, payload.p, payload.n) == 1 &&
		    EVP_DigestSignFinal(ctx, der, &n) == 1;

	EVP_MD_CTX_free(ctx);
	return good ? signature_raw(der, n, p->half, ret) : -EIO;
}

int cose_sign_bare(enum cose_alg alg, EVP_PKEY *key, struct bytes header,
	struct bytes payload, uint8_t *ret)
{
	const struct profile *p = profile_of(alg);
	unsigned before = memory_failures();
	cleanup(buf) struct buf head = {0};
	int rc;

	if (p == NULL || !key_fits(key, p))
		return memory_failures() != before ? -ENOMEM : -EINVAL;
	rc = structure_head(header, payload.n, &head);
	if (rc == 0)
		rc = sign_raw(p, key, BUF_BYTES(&head), payload, ret);
	return memory_error(rc, before);
}

int cose_sign(enum cose_alg alg, EVP_PKEY *key, struct bytes payload,
	struct buf *ret)
{
	const struct profile *p = profile_of(alg);
	uint8_t sig[SIGNATURE_MAX];
	struct cborput w = {0};
	struct bytes header;
	int rc;

	if (p == NULL)
		return -EINVAL;
	header = BYTES(p->header, p->header_n);
	rc = cose_sign_bare(alg, key, header, payload, sig);
	if (rc != 0)
		return rc;
	cborput_array(&w, 4);
	cborput_bytes(&w, header);
	cborput_head(&w, CBOR_MAP, 0);
	cborput_bytes(&w, payload);
	cborput_bytes(&w, BYTES(sig, 2 * p->half));
	return cborput_end(&w, ret);
}

/* One encoding of a key and no other: keys are compared and hashed as bytes. */
static bool spki_form(struct bytes spki, const struct profile *p)
{
	return spki.n == p->spki_n + 1 + 2 * p->half &&
	       memcmp(spki.p, p->spki, p->spki_n) == 0 &&
	       spki.p[p->spki_n] == POINT_CONVERSION_UNCOMPRESSED;
}

EVP_PKEY *cose_key(struct bytes spki)
{
	const unsigned char *p = spki.p;
	size_t i;

	for (i = 0; i < PROFILES; i++)
		if (spki_form(spki, &profiles[i]))
			return d2i_PUBKEY(NULL, &p, (long)spki.n);
	return NULL;
}

int cose_key_spki(EVP_PKEY *key, struct buf *ret)
{
	unsigned before = memory_failures();
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der), rc;

	if (n <= 0)
		return memory_error(-EIO, before);
	rc = buf_copy(BYTES(der, (size_t)n), ret);
	OPENSSL_free(der);
	return rc;
}
