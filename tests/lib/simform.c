#include "tests/lib/simform.h"

#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/cborhead.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/hash.h"

#define FIELD_MAX 1024

static bool signed_by(
	const uint8_t key[32], const struct hash *message, struct bytes g)
{
	EVP_PKEY *pk = EVP_PKEY_new_raw_public_key(
		EVP_PKEY_ED25519, NULL, key, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = pk != NULL && ctx != NULL && g.n == 64 &&
		EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pk) == 1 &&
		EVP_DigestVerify(ctx, g.p, g.n, message->b, HASH_LEN) == 1;

	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pk);
	return good;
}

/* Parts of a message to be signed, each already encoded or to be headed. */
static struct bytes head(
	uint8_t room[CBOR_HEAD_MAX], enum cbor_major major, uint64_t v)
{
	return BYTES(room, cbor_head(room, major, v));
}

int sim_block_read(struct bytes raw, struct sim_block *ret)
{
	struct sim_block b = {0};
	struct cborr r;
	uint64_t n = 0;

	cborr_init(&r, raw);
	cborr_array(&r, 3, 3, &n);
	cborr_fixed(&r, b.u, sizeof(b.u));
	cborr_hash(&r, &b.mh);
	cborr_hash(&r, &b.th);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	b.hb = hash_sha3(raw);
	*ret = b;
	return 0;
}

int sim_stamp_read(
	const struct sim_params *p, struct bytes raw, struct sim_stamp *ret)
{
	uint8_t h[4][CBOR_HEAD_MAX];
	struct sim_stamp t = {0};
	struct bytes g = {0};
	struct hash message;
	struct cborr r;
	uint64_t n = 0, ms = 0;

	cborr_init(&r, raw);
	cborr_array(&r, 3, 3, &n);
	cborr_hash(&r, &t.y);
	cborr_uint(&r, &ms);
	cborr_bytes(&r, FIELD_MAX, &g);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	message = hash_sha3_parts(
		(const struct bytes[]){
			head(h[0], CBOR_ARRAY, 3),
			head(h[1], CBOR_TEXT, 13),
			BYTES("notaryfs.t.v1", 13),
			head(h[2], CBOR_BYTES, HASH_LEN),
			HASH_BYTES(&t.y),
			head(h[3], CBOR_UINT, ms),
		},
		6);
	t.ht = hash_sha3(raw);
	t.valid = signed_by(p->kt, &message, g);
	*ret = t;
	return 0;
}

static bool number_signed(
	const struct sim_number *s, const uint8_t key[32], struct bytes g)
{
	uint8_t h[4][CBOR_HEAD_MAX];
	struct hash message = hash_sha3_parts(
		(const struct bytes[]){
			head(h[0], CBOR_ARRAY, 3),
			head(h[1], CBOR_TEXT, 13),
			BYTES("notaryfs.s.v1", 13),
			head(h[2], CBOR_BYTES, sizeof(s->y)),
			BYTES(s->y, sizeof(s->y)),
			head(h[3], CBOR_UINT, s->k),
		},
		6);

	return signed_by(key, &message, g);
}

/* ga is over everything before it, with a label in place of it. */
static bool document_signed(const uint8_t ka[32], struct bytes s,
	struct bytes key, struct bytes image, uint64_t ms, struct bytes ga)
{
	uint8_t h[5][CBOR_HEAD_MAX];
	struct hash message = hash_sha3_parts(
		(const struct bytes[]){
			head(h[0], CBOR_ARRAY, 5),
			head(h[1], CBOR_TEXT, 13),
			BYTES("notaryfs.a.v1", 13),
			s,
			head(h[2], CBOR_BYTES, key.n),
			key,
			head(h[3], CBOR_BYTES, image.n),
			image,
			head(h[4], CBOR_UINT, ms),
		},
		9);

	return signed_by(ka, &message, ga);
}

int sim_number_read(
	const struct sim_params *p, struct bytes raw, struct sim_number *ret)
{
	struct sim_number s = {0};
	struct bytes inner = {0}, g = {0}, key = {0}, image = {0}, ga = {0};
	struct cborr r, in;
	uint64_t n = 0, ms = 0;

	cborr_init(&r, raw);
	cborr_array(&r, 5, 5, &n);
	cborr_skip(&r, &inner);
	cborr_bytes(&r, FIELD_MAX, &key);
	cborr_bytes(&r, FIELD_MAX, &image);
	cborr_uint(&r, &ms);
	cborr_bytes(&r, FIELD_MAX, &ga);
	cborr_init(&in, inner);
	cborr_array(&in, 3, 3, &n);
	cborr_fixed(&in, s.y, sizeof(s.y));
	cborr_uint(&in, &s.k);
	cborr_bytes(&in, FIELD_MAX, &g);
	if (cborr_end(&r) != 0 || cborr_end(&in) != 0)
		return -EBADMSG;
	s.valid = bytes_equal(key, BYTES(p->ks, 32)) &&
		bytes_equal(image, BYTES(p->image, 32)) &&
		number_signed(&s, p->ks, g) &&
		document_signed(p->ka, inner, key, image, ms, ga);
	*ret = s;
	return 0;
}
