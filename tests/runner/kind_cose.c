/* Kind cose: COSE_Sign1 messages, some of them wrong in one way.
 *
 * Our profile (core/cose.h) is narrower than COSE: nothing unprotected, just
 * the algorithm protected, no external data, ES256 and ES384.  Each message is
 * held against it with the unprotected map taken out, which no signature
 * covers; what is left outside is said file by file, and its signature is
 * checked all the same where we know the algorithm. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "tests/runner/runner.h"
#include "tests/tap/tap.h"

#define MESSAGE_MAX 65536

static const json_t *sign1(const json_t *doc)
{
	return json_object_get(json_object_get(doc, "input"), "sign0");
}

static bool is_cose(const json_t *doc)
{
	return json_is_object(sign1(doc)) &&
	       text_of(json_object_get(doc, "output"), "cbor") != NULL;
}

/* -- the message, read without our profile */

struct message {
	struct bytes tag;	/* as it stands, or empty */
	struct bytes header, unprotected, payload, signature;
	int64_t alg;		/* in the header, 0: none that is a number */
};

static void read_alg(struct bytes header, int64_t *ret)
{
	struct cborr_keys keys;
	struct cborr r;
	uint64_t label = 0;

	cborr_init(&r, header);
	if (cborr_map(&r, 8, &keys) == 0 && keys.left > 0 &&
		cborr_key_uint(&r, &keys, &label) == 0 && label == 1)
		cborr_int(&r, ret);
}

static bool message_read(struct bytes raw, struct message *m)
{
	struct cborr r;
	uint64_t n;
	unsigned info = raw.n == 0 ? 0 : raw.p[0] & 0x1fU;

	*m = (struct message){.tag = BYTES(raw.p, 0)};
	if (raw.n > 9 && raw.p[0] >> 5 == CBOR_TAG && info < 28)
		m->tag.n = info < 24 ? 1 : 1 + ((size_t)1 << (info - 24));
	cborr_init(&r, BYTES(raw.p + m->tag.n, raw.n - m->tag.n));
	cborr_array(&r, 4, 4, &n);
	cborr_bytes(&r, MESSAGE_MAX, &m->header);
	cborr_skip(&r, &m->unprotected);
	cborr_bytes(&r, MESSAGE_MAX, &m->payload);
	cborr_bytes(&r, MESSAGE_MAX, &m->signature);
	if (cborr_end(&r) != 0)
		return false;
	read_alg(m->header, &m->alg);
	return true;
}

/* The same message with an empty unprotected map: does the profile take it? */
static bool in_profile(const struct message *m)
{
	cleanup(buf) struct buf raw = {0};
	struct cborput w = {0};
	struct cose_sign1 c;

	cborput_raw(&w, m->tag);
	cborput_array(&w, 4);
	cborput_bytes(&w, m->header);
	cborput_head(&w, CBOR_MAP, 0);
	cborput_bytes(&w, m->payload);
	cborput_bytes(&w, m->signature);
	if (cborput_end(&w, &raw) != 0)
		bail("no memory");
	return cose_decode(BUF_BYTES(&raw), MESSAGE_MAX, &c) == 0;
}

/* -- the key */

/* Base64url without padding, appended. */
static bool add_base64(const char *s, struct buf *ret)
{
	char text[256];
	uint8_t out[192];
	size_t n = s == NULL ? 0 : strlen(s), i, pad = (4 - n % 4) % 4;
	int got;

	if (n == 0 || n + pad > sizeof(text) - 1)
		return false;
	for (i = 0; i < n + pad; i++)
		text[i] = (char)(i >= n ? '=' : s[i] == '-' ? '+' :
				 s[i] == '_' ? '/' : s[i]);
	got = EVP_DecodeBlock(out, (uint8_t *)text, (int)(n + pad));
	return got >= (int)pad && buf_add(ret, out, (size_t)got - pad) == 0;
}

static EVP_PKEY *key_read(const json_t *jwk)
{
	cleanup(buf) struct buf point = {0};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	const char *crv = text_of(jwk, "crv");

	if (crv != NULL && buf_add(&point, "\x04", 1) == 0 &&
		add_base64(text_of(jwk, "x"), &point) &&
		add_base64(text_of(jwk, "y"), &point) &&
		OSSL_PARAM_BLD_push_utf8_string(bld,
			OSSL_PKEY_PARAM_GROUP_NAME, crv, 0) == 1 &&
		OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
			point.p, point.n) == 1 &&
		(params = OSSL_PARAM_BLD_to_param(bld)) != NULL &&
		EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static bool verifies(const struct message *m, const json_t *jwk)
{
	struct cose_sign1 c = {
		.alg = (enum cose_alg)m->alg,
		.protected_header = m->header,
		.payload = m->payload,
		.signature = m->signature,
	};
	EVP_PKEY *key = key_read(jwk);
	bool good = key != NULL && cose_check(&c, key) == 0;

	EVP_PKEY_free(key);
	return good;
}

/* -- what the file says of itself */

/* Why our profile leaves a good message outside; NULL: it does not. */
static const char *outside(const json_t *doc)
{
	const json_t *s = sign1(doc);
	const json_t *header = json_object_get(s, "protected");
	const char *alg = text_of(s, "alg");

	if (alg == NULL ||
		(strcmp(alg, "ES256") != 0 && strcmp(alg, "ES384") != 0))
		return "its algorithm is not of the profile";
	if (json_object_get(s, "external") != NULL)
		return "it signs external data";
	if (text_of(header, "alg") == NULL)
		return "its algorithm is not protected";
	if (json_object_size(header) != 1)
		return "it protects more than its algorithm";
	return NULL;
}

/* The signature of a good message is good, also where it protects more. */
static bool must_verify(const json_t *doc)
{
	const json_t *s = sign1(doc);
	const char *alg = text_of(s, "alg");

	return alg != NULL &&
	       (strcmp(alg, "ES256") == 0 || strcmp(alg, "ES384") == 0) &&
	       json_object_get(s, "external") == NULL &&
	       text_of(json_object_get(s, "protected"), "alg") != NULL;
}

static void run_cose(const char *file, const json_t *doc)
{
	cleanup(buf) struct buf raw = {0};
	const json_t *key = json_object_get(sign1(doc), "key");
	bool bad = json_is_true(json_object_get(doc, "fail"));
	const char *why = outside(doc);
	struct cose_sign1 c;
	struct message m;
	bool good, profile, form;

	if (!hex_of(json_object_get(doc, "output"), "cbor", &raw)) {
		ok(false, "%s: holds a message", file);
		return;
	}
	form = message_read(BUF_BYTES(&raw), &m);
	profile = form && in_profile(&m);
	good = form && verifies(&m, key);
	if (form && m.unprotected.n > 1)
		ok(cose_decode(BUF_BYTES(&raw), MESSAGE_MAX, &c) != 0,
			"%s: refused by the profile with its unprotected map",
			file);
	if (bad) {
		ok(!(profile && good), "%s: refused without it", file);
	} else if (why == NULL) {
		ok(profile && good, "%s: valid without it", file);
	} else {
		ok(!(profile && good), "%s: left outside by the profile: %s",
			file, why);
		ok(good == must_verify(doc), "%s: its signature %s", file,
			must_verify(doc) ? "verifies" : "is not ours to check");
	}
}

const struct kind kind_cose = {.name = "cose", .is = is_cose, .run = run_cose};
