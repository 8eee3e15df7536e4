#include <errno.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/params.h"
#include "core/timestamp.h"
#include "tests/lib/mkjwt.h"
#include "tests/lib/mktsa.h"
#include "tests/tap/tap.h"

#define AT UINT64_C(1790000000123)

static const uint8_t seed[32] = {1, 2, 3}, other_seed[32] = {4, 5, 6};
static uint8_t public[32], other_public[32];
static const struct bytes block = BYTES("block", 5);
static struct hash y;

static struct params named(uint8_t type, const uint8_t *key)
{
	return (struct params){
		.n_authorities = 1,
		.authority = {{.type = type, .key = BYTES(key, 32)}},
		.quorum = 1,
	};
}

static void form(void)
{
	cleanup(buf) struct buf t = {0}, again = {0}, msg = {0}, whole = {0};
	struct cborw w = {0};
	struct hash got, want, gy;
	struct bytes g;
	uint64_t p = 0;

	is_int(timestamp_local_make(seed, &y, AT, &t), 0, "a timestamp is made");
	is_int(timestamp_local_decode(BUF_BYTES(&t), &gy, &p, &g), 0, "and read");
	ok(p == AT && hash_equal(&gy, &y), "with its time and what it is over");
	is_int(timestamp_local_make(seed, &y, AT, &again), 0, "made again");
	is_bytes(BUF_BYTES(&again), BUF_BYTES(&t), "it is the same");

	cborw_array(&w, 3);
	cborw_hash(&w, &y);
	cborw_uint(&w, AT);
	cborw_bytes(&w, g);
	if (cborw_end(&w, &whole) != 0)
		bail("no memory");
	is_bytes(BUF_BYTES(&t), BUF_BYTES(&whole), "as libcbor writes it");
	cborw_array(&w, 3);
	cborw_text(&w, "notaryfs.t.v1");
	cborw_hash(&w, &y);
	cborw_uint(&w, AT);
	if (cborw_end(&w, &msg) != 0)
		bail("no memory");
	want = hash_sha3(BUF_BYTES(&msg));
	got = timestamp_local_message(&y, AT);
	is_bytes(HASH_BYTES(&got), HASH_BYTES(&want),
		"what is signed is H([magic, y, p])");

	buf_free(&again);
	is_int(timestamp_local_make(seed, &y, TIMESTAMP_MS_MAX + 1, &again),
		-EINVAL, "the year 10000 cannot be written");
	is_int(timestamp_local_decode(BYTES(t.p, t.n - 1), &gy, &p, &g),
		-EBADMSG, "a short one is damaged");
	if (buf_add(&t, "", 1) != 0)
		bail("no memory");
	is_int(timestamp_local_decode(BUF_BYTES(&t), &gy, &p, &g), -EBADMSG,
		"and so is a long one");
}

static void validates(void)
{
	struct params p = named(TIMESTAMP_LOCAL, public);
	struct params q = named(TIMESTAMP_LOCAL, other_public);
	struct params rfc = named(TIMESTAMP_RFC3161, public);
	cleanup(buf) struct buf t = {0};
	struct timestamp got = {.signers = 99};
	size_t i, taken = 0;

	if (timestamp_local_make(seed, &y, AT, &t) != 0)
		bail("cannot sign");
	is_int(timestamp_validate(&q, 0, BUF_BYTES(&t), block, &got),
		V_TIMESTAMP_SIGNATURE, "another authority's is refused");
	is_int(got.signers, 99, "and nothing is said about it");
	is_int(timestamp_validate(&p, 0, BUF_BYTES(&t), block, &got), V_VALID,
		"the authority's own holds");
	ok(got.p_ms == AT && hash_equal(&got.y, &y) && got.signers == 1,
		"with time, block and authority");
	q.n_authorities = 2;
	q.authority[1] = p.authority[0];
	is_int(timestamp_validate(&q, 0, BUF_BYTES(&t), block, &got), V_VALID,
		"any authority of the parameters may sign");
	is_int(got.signers, 2, "and it is said which");
	is_int(timestamp_validate(&p, 1, BUF_BYTES(&t), block, &got), V_TIMESTAMP_TYPE,
		"a type that the parameters do not name");
	is_int(timestamp_validate(&rfc, 0, BUF_BYTES(&t), block, &got),
		V_TIMESTAMP_TYPE, "local ones, where they name another");
	is_int(timestamp_validate(&p, 0, BUF_BYTES(&t), BYTES("other", 5), &got),
		V_TIMESTAMP_BLOCK, "the authority's, over another block");
	is_int(timestamp_validate(&p, 0, BUF_BYTES(&t), BYTES(NULL, 0), &got),
		V_VALID, "whose block is not at hand");
	is_int(timestamp_validate(&p, 0, BYTES("x", 1), block, &got),
		V_TIMESTAMP_MALFORMED, "no timestamp at all");
	for (i = 0; i < t.n; i++) {
		t.p[i] ^= 1;
		taken += timestamp_validate(&p, 0, BUF_BYTES(&t), block, &got) == V_VALID;
		t.p[i] ^= 1;
	}
	is_int(taken, 0, "no byte of it can be changed");
}

static enum verdict by_tsa(const struct params *p, const struct mktsa *m,
	const char *imprint, struct bytes over, struct timestamp *ret)
{
	cleanup(buf) struct buf t = {0};

	mktsa_stamp(m, &(struct mktsa_token){.imprint = imprint}, block, &t);
	*ret = (struct timestamp){0};
	return timestamp_validate(
		p, TIMESTAMP_RFC3161, BUF_BYTES(&t), over, ret);
}

static void tsa(void)
{
	struct params p = named(TIMESTAMP_RFC3161, public);
	cleanup(buf) struct buf root = {0}, t = {0};
	struct timestamp got;
	struct mktsa m;

	mktsa_init(&m, "P-256");
	mktsa_der(m.root, &root);
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_TIMESTAMP_SIGNATURE,
		"an authority whose certificate is none");
	p.authority[0].key = BUF_BYTES(&root);
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_TIMESTAMP_SIGNATURE,
		"and without a name of the form");
	p.authority[0].name = BYTES("tsa *", 5);
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_VALID,
		"RFC 3161: a token over the block by SHA-256");
	ok(hash_equal(&got.y, &y) && got.p_ms == MKTSA_MS, "stamps H(b)");
	is_int(by_tsa(&p, &m, "SHA256", BYTES(NULL, 0), &got), V_VALID,
		"where the block is not at hand");
	ok(hash_is_zero(&got.y), "it does not say H(b)");
	is_int(by_tsa(&p, &m, "SHA3-256", BYTES(NULL, 0), &got), V_VALID,
		"unless its imprint is");
	ok(hash_equal(&got.y, &y), "SHA3-256");
	is_int(by_tsa(&p, &m, "SHA512", BYTES("other", 5), &got),
		V_TIMESTAMP_BLOCK, "over another block");
	p.authority[0].name = BYTES("tsa 1.2.3.4.1", 13);
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_VALID,
		"under the policy of the name");
	p.authority[0].name = BYTES("tsa 1.2.3.4.2", 13);
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_TIMESTAMP_SIGNATURE,
		"under another");
	p.authority[1] = (struct params_authority){.type = TIMESTAMP_RFC3161,
		.key = BUF_BYTES(&root), .name = BYTES("tsa *", 5)};
	p.n_authorities = 2;
	is_int(by_tsa(&p, &m, "SHA256", block, &got), V_VALID,
		"by a second authority");
	is_int(got.signers, 2, "which is said");
	mktsa_response(2, BYTES(NULL, 0), &t);
	is_int(timestamp_validate(&p, TIMESTAMP_RFC3161, BUF_BYTES(&t), block,
		       &got), V_TIMESTAMP_MALFORMED, "a refusal is no stamp");
	mktsa_done(&m);
}

static void jwt(void)
{
	struct params p = named(TIMESTAMP_JWT, public);
	cleanup(buf) struct buf set = {0}, t = {0};
	EVP_PKEY *key = EVP_EC_gen("P-256");
	char hex[HASH_HEX + 1], claims[256];
	struct timestamp got;

	buf_add(&set, "{\"keys\":[", 9);
	mkjwt_jwk(key, "", &set);
	buf_add(&set, "]}", 2);
	hex_encode(HASH_BYTES(&y), hex);
	snprintf(claims, sizeof claims, "{\"iss\":\"i\",\"token_use\":\"id\","
		"\"iat\":1767323045,\"email\":\"%s@bky.sh\"}", hex);
	mkjwt_sign(key, "{\"alg\":\"ES256\"}", claims, &t);
	p.authority[0].key = BUF_BYTES(&set);
	p.authority[0].name = BYTES("i", 1);
	is_int(timestamp_validate(&p, TIMESTAMP_JWT, BUF_BYTES(&t), block, &got),
		V_VALID, "JWT: a token that names H(b)");
	ok(hash_equal(&got.y, &y) && got.p_ms == UINT64_C(1767323045000),
		"with its time");
	is_int(timestamp_validate(&p, TIMESTAMP_JWT, BUF_BYTES(&t),
		       BYTES("other", 5), &got), V_TIMESTAMP_BLOCK,
		"over another block");
	p.authority[0].name = BYTES("j", 1);
	is_int(timestamp_validate(&p, TIMESTAMP_JWT, BUF_BYTES(&t), block, &got),
		V_TIMESTAMP_SIGNATURE, "by another issuer");
	is_int(timestamp_validate(&p, TIMESTAMP_JWT, BYTES("x", 1), block, &got),
		V_TIMESTAMP_MALFORMED, "no token at all");
	EVP_PKEY_free(key);
}

int main(void)
{
	plan(0);
	y = hash_sha3(block);
	is_int(timestamp_local_public(seed, public), 0, "a seed has a public key");
	is_int(timestamp_local_public(other_seed, other_public), 0, "each");
	ok(memcmp(public, other_public, 32) != 0, "its own");
	form();
	validates();
	tsa();
	jwt();
	return done();
}
