#include "core/timestamp.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/hash.h"
#include "core/jwt.h"
#include "core/memory.h"
#include "core/params.h"
#include "core/timestamp_impl.h"
#include "core/tsp.h"

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

static enum verdict validate_local(const struct params_authority *a,
	struct bytes t, struct timestamp *ret)
{
	struct hash msg;
	struct bytes g;

	if (timestamp_local_decode(t, &ret->y, &ret->p_ms, &g) != 0)
		return V_TIMESTAMP_MALFORMED;
	msg = timestamp_local_message(&ret->y, ret->p_ms);
	return signed_by(a->key, g, &msg) ? V_VALID : V_TIMESTAMP_SIGNATURE;
}

bool timestamp_tsa_policy(struct bytes name, struct bytes *ret)
{
	static const char tsa[] = "tsa ";
	size_t n = sizeof(tsa) - 1;

	if (name.n <= n || memcmp(name.p, tsa, n) != 0)
		return false;
	*ret = BYTES(name.p + n, name.n - n);
	if (bytes_equal(*ret, BYTES("*", 1)))
		ret->n = 0;
	return true;
}

static enum verdict validate_tsp(const struct params *p,
	const struct params_authority *a, struct bytes t, struct bytes block,
	struct timestamp *ret)
{
	struct tsp_policy policy = {
		.certs = a->key, .bag = p->bag, .n_bag = p->n_bag};
	struct tsp_token token;

	if (!timestamp_tsa_policy(a->name, &policy.oid))
		return V_TIMESTAMP_SIGNATURE;
	switch (tsp_open(&policy, t, block, &token)) {
	case TSP_VALID:
		ret->p_ms = token.p_ms;
		if (block.p != NULL) /* by whatever hash: it is over this */
			ret->y = hash_sha3(block);
		else if (token.sha3)
			memcpy(ret->y.b, token.imprint, HASH_LEN);
		return V_VALID;
	case TSP_IMPRINT:
		return V_TIMESTAMP_BLOCK;
	case TSP_MALFORMED:
	case TSP_STATUS:
	case TSP_CONTENT_TYPE:
	case TSP_SIGNERS:
		return V_TIMESTAMP_MALFORMED;
	default:
		return V_TIMESTAMP_SIGNATURE;
	}
}

static enum verdict validate_jwt(const struct params_authority *a,
	struct bytes t, struct timestamp *ret)
{
	struct jwt_policy policy = {.keys = a->key, .issuer = a->name};
	struct jwt_token token;

	switch (jwt_open(&policy, t, &token)) {
	case JWT_VALID:
		ret->p_ms = token.p_ms;
		ret->y = token.y;
		return V_VALID;
	case JWT_MALFORMED:
	case JWT_TIME:
	case JWT_NAME:
		return V_TIMESTAMP_MALFORMED;
	default:
		return V_TIMESTAMP_SIGNATURE;
	}
}

static enum verdict validate_by(const struct params *p, size_t i,
	struct bytes t, struct bytes block, struct timestamp *ret)
{
	const struct params_authority *a = &p->authority[i];
	struct hash hb;
	enum verdict v;

	switch (a->type) {
	case TIMESTAMP_LOCAL:
		v = validate_local(a, t, ret);
		break;
	case TIMESTAMP_RFC3161:
		return validate_tsp(p, a, t, block, ret);
	case TIMESTAMP_JWT:
		v = validate_jwt(a, t, ret);
		break;
	default:
		return V_UNSUPPORTED;
	}
	if (v == V_VALID && block.p != NULL) {
		hb = hash_sha3(block);
		if (!hash_equal(&ret->y, &hb))
			return V_TIMESTAMP_BLOCK;
	}
	return v;
}

enum verdict timestamp_by(const struct params *p, size_t i, struct bytes t,
	struct bytes block, struct timestamp *ret)
{
	unsigned before = memory_failures();

	return memory_verdict(validate_by(p, i, t, block, ret), before);
}

/* One authority of the type has to vouch for it.  If none does, the answer is
 * that of whoever got furthest; verdicts are numbered in the checks' order. */
static enum verdict validate_alone(const struct params *p, uint64_t type,
	struct bytes t, struct bytes block, struct timestamp *ret)
{
	enum verdict furthest = V_TIMESTAMP_TYPE, v;
	struct timestamp stamp;
	bool any = false;
	size_t i;

	for (i = 0; i < p->n_authorities; i++) {
		if (p->authority[i].type != type)
			continue;
		stamp = (struct timestamp){.signers = (uint8_t)(1U << i)};
		v = timestamp_by(p, i, t, block, &stamp);
		if (v == V_VALID) {
			stamp.after_ms = stamp.p_ms;
			*ret = stamp;
			return V_VALID;
		}
		if (v == V_NO_MEMORY)
			return v; /* it may be the one */
		if (!any || v > furthest)
			furthest = v;
		any = true;
	}
	return furthest;
}

enum verdict timestamp_validate(const struct params *p, uint64_t type,
	struct bytes t, struct bytes block, struct timestamp *ret)
{
	if (type == TIMESTAMP_SET)
		return timestamp_set_validate(p, t, block, ret);
	if (p->quorum > 1)
		return V_TIMESTAMP_QUORUM;
	return validate_alone(p, type, t, block, ret);
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
	unsigned before = memory_failures();
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
		return memory_error(-EIO, before);
	cborput_array(&w, 3);
	cborput_bytes(&w, HASH_BYTES(y));
	cborput_uint(&w, p_ms);
	cborput_bytes(&w, BYTES(g, sizeof(g)));
	return cborput_end(&w, ret);
}

int timestamp_local_public(const uint8_t seed[32], uint8_t ret[32])
{
	unsigned before = memory_failures();
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
	return memory_error(rc, before);
}
