#include "core/timestamp.h"

#include <errno.h>
#include <openssl/evp.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/hash.h"
#include "core/params.h"

#define LOCAL_MAGIC "notaryfs.t.v1"
#define LOCAL_KEY 32 /* bytes of an Ed25519 key, either half */
#define LOCAL_G 64   /* bytes of a signature */

struct hash timestamp_hash(struct bytes t)
{
	return hash_sha3(t);
}

struct hash timestamp_local_message(const struct hash *y, uint64_t p_ms)
{
	/* [magic, y, p] with the heads that never change written out */
	static const uint8_t head[] = {0x83, 0x60 | (sizeof(LOCAL_MAGIC) - 1)};
	static const uint8_t y_head[] = {0x58, HASH_LEN};
	uint8_t p[CBOR_HEAD_MAX];
	struct bytes parts[] = {BYTES(head, sizeof(head)),
		BYTES(LOCAL_MAGIC, sizeof(LOCAL_MAGIC) - 1),
		BYTES(y_head, sizeof(y_head)), HASH_BYTES(y),
		BYTES(p, cbor_head(p, CBOR_UINT, p_ms))};

	return hash_sha3_parts(parts, sizeof(parts) / sizeof(parts[0]));
}

int timestamp_local_decode(struct bytes t, struct hash *ret_y,
	uint64_t *ret_p_ms, struct bytes *ret_g)
{
	struct hash y;
	struct bytes g = {0};
	struct cborr r;
	uint64_t n, p;

	cborr_init(&r, t);
	cborr_array(&r, 3, 3, &n);
	cborr_hash(&r, &y);
	cborr_uint_max(&r, TIMESTAMP_MS_MAX, &p);
	cborr_bytes(&r, LOCAL_G, &g);
	if (cborr_end(&r) != 0 || g.n != LOCAL_G)
		return -EBADMSG;
	*ret_y = y;
	*ret_p_ms = p;
	*ret_g = g;
	return 0;
}

static bool signed_by(struct bytes key, struct bytes g, const struct hash *msg)
{
	EVP_PKEY *pkey = NULL;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = false;

	if (key.n == LOCAL_KEY)
		pkey = EVP_PKEY_new_raw_public_key(
			EVP_PKEY_ED25519, NULL, key.p, key.n);
	if (pkey != NULL && ctx != NULL &&
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1)
		good = EVP_DigestVerify(ctx, g.p, g.n, msg->b, HASH_LEN) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

static enum verdict validate_local(
	const struct params *p, struct bytes t, struct timestamp *ret)
{
	struct timestamp v;
	struct hash msg;
	struct bytes g;

	if (timestamp_local_decode(t, &v.y, &v.p_ms, &g) != 0)
		return V_TIMESTAMP_MALFORMED;
	msg = timestamp_local_message(&v.y, v.p_ms);
	for (v.authority = 0; v.authority < p->n_authorities; v.authority++)
		if (p->authority[v.authority].type == TIMESTAMP_LOCAL &&
			signed_by(p->authority[v.authority].key, g, &msg)) {
			*ret = v;
			return V_VALID;
		}
	return V_TIMESTAMP_SIGNATURE;
}

enum verdict timestamp_validate(const struct params *p, uint64_t type,
	struct bytes t, struct timestamp *ret)
{
	size_t i;

	for (i = 0; i < p->n_authorities; i++)
		if (p->authority[i].type == type)
			break;
	if (i == p->n_authorities)
		return V_TIMESTAMP_TYPE;
	if (type != TIMESTAMP_LOCAL)
		return V_UNSUPPORTED;
	return validate_local(p, t, ret);
}

static EVP_PKEY *seed_key(const uint8_t seed[32])
{
	return EVP_PKEY_new_raw_private_key(
		EVP_PKEY_ED25519, NULL, seed, LOCAL_KEY);
}

int timestamp_local_make(const uint8_t seed[32], const struct hash *y,
	uint64_t p_ms, struct buf *ret)
{
	struct hash msg = timestamp_local_message(y, p_ms);
	EVP_PKEY *key;
	EVP_MD_CTX *ctx;
	struct cborput w = {0};
	uint8_t g[LOCAL_G];
	size_t n = sizeof(g);
	bool good;

	if (p_ms > TIMESTAMP_MS_MAX)
		return -EINVAL;
	key = seed_key(seed);
	ctx = EVP_MD_CTX_new();
	good = key != NULL && ctx != NULL &&
	       EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestSign(ctx, g, &n, msg.b, HASH_LEN) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	if (!good)
		return -EIO;
	cborput_array(&w, 3);
	cborput_bytes(&w, HASH_BYTES(y));
	cborput_uint(&w, p_ms);
	cborput_bytes(&w, BYTES(g, sizeof(g)));
	return cborput_end(&w, ret);
}

int timestamp_local_public(const uint8_t seed[32], uint8_t ret[32])
{
	EVP_PKEY *key = seed_key(seed);
	uint8_t pub[LOCAL_KEY];
	size_t i, n = sizeof(pub);
	int rc = -EIO;

	if (key != NULL && EVP_PKEY_get_raw_public_key(key, pub, &n) == 1 &&
		n == sizeof(pub)) {
		for (i = 0; i < n; i++)
			ret[i] = pub[i];
		rc = 0;
	}
	EVP_PKEY_free(key);
	return rc;
}
