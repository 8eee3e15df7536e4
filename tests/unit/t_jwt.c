#include "core/jwt.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "tests/lib/mkjwt.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define ISSUER "https://issuer.example/pool"
#define RS "{\"alg\":\"RS256\",\"kid\":\"r\"}"
#define ES "{\"kid\":\"e\",\"alg\":\"ES256\"}"
#define REST ",\"token_use\":\"id\",\"iat\":1767323045,\"exp\":1767326645}"

static EVP_PKEY *rsa, *ec, *stranger;
static struct buf keys;
static struct jwt_policy policy = {.issuer = BYTES(ISSUER, sizeof(ISSUER) - 1)};
static struct hash y;
static char hex[HASH_HEX + 1], other[HASH_HEX + 1];
static struct jwt_token got;

#define IS(got, want, ...) is_str(jwt_text(got), jwt_text(want), __VA_ARGS__)

static enum jwt_answer answer(EVP_PKEY *key, const char *header,
	const char *claims)
{
	cleanup(buf) struct buf t = {0};

	got = (struct jwt_token){0};
	mkjwt_sign(key, header, claims, &t);
	return jwt_open(&policy, BUF_BYTES(&t), &got);
}

/* Claims of the issuer with these in them. */
__attribute__((format(printf, 1, 2)))
static const char *with(const char *fmt, ...)
{
	static char text[1024];
	char part[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(part, sizeof part, fmt, ap);
	va_end(ap);
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",%s" REST, part);
	return text;
}

static const char *mail(void)
{
	return with("\"email\":\"%s@bky.sh\"", hex);
}

static void add(struct buf *b, const char *s)
{
	if (buf_add(b, s, strlen(s)) != 0)
		bail("no memory");
}

static void holds(void)
{
	IS(answer(rsa, RS, mail()), JWT_VALID, "an ID token by RS256 holds");
	ok(hash_equal(&got.y, &y) && got.p_ms == UINT64_C(1767323045000),
		"with H(b) and iat; that exp has passed is no matter");
	IS(answer(ec, ES, mail()), JWT_VALID, "and one by ES256");
	IS(answer(ec, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}", mail()), JWT_VALID,
		"J2: without a key's name any of its kind will do");
	IS(answer(rsa, RS, with("\"cognito:username\":\"%s\"", hex)),
		JWT_VALID, "J4: H(b) in cognito:username");
	IS(answer(rsa, RS, with("\"cognito:username\":\"%s@bky.sh\"", hex)),
		JWT_VALID, "J4: before an @");
	IS(answer(rsa, RS, with("\"email\":\"%s@b\",\"cognito:username\":"
				"\"0b2f\"", hex)),
		JWT_VALID, "J4: in email, where the user has another name");
	IS(answer(rsa, RS, with("\"email\":\"a@b\",\"cognito:username\":"
				"\"%s\"", hex)),
		JWT_VALID, "J4: and the other way");
	ok(hash_equal(&got.y, &y), "is read");
}

static void names(void)
{
	IS(answer(rsa, RS, with("\"sub\":\"%s\"", hex)), JWT_NAME,
		"J4: elsewhere it does not count");
	IS(answer(rsa, RS, with("\"email\":\"%s\"", hex)), JWT_NAME,
		"J4: email without an @");
	IS(answer(rsa, RS, with("\"email\":\"%.63s@b\"", hex)), JWT_NAME,
		"J4: a digit too few");
	IS(answer(rsa, RS, with("\"email\":\"%s0@b\"", hex)), JWT_NAME,
		"J4: one too many");
	IS(answer(rsa, RS, with("\"email\":\"A%s@b\"", hex + 1)), JWT_NAME,
		"J4: a capital");
	IS(answer(rsa, RS, with("\"email\":\"g%s@b\"", hex + 1)), JWT_NAME,
		"J4: no digit");
	IS(answer(rsa, RS, with("\"email\":\"%s@b\",\"cognito:username\":"
				"\"%s\"", hex, other)),
		JWT_NAME, "J4: two that differ");
	IS(answer(rsa, RS, with("\"email\":[\"%s@b\"]", hex)),
		JWT_MALFORMED, "J4: email is a list");
	IS(answer(rsa, RS, with("\"email\":\"%s@b\",\"email\":\"%s@b\"", other,
				   hex)),
		JWT_MALFORMED, "J1: email twice");
}

static void claims(void)
{
	char text[512];

	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "/\",\"email\":"
		"\"%s@b\"" REST, hex);
	IS(answer(rsa, RS, text), JWT_ISSUER, "J3: another issuer");
	snprintf(text, sizeof text, "{\"email\":\"%s@b\"" REST, hex);
	IS(answer(rsa, RS, text), JWT_ISSUER, "J3: none");
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",\"username\":"
		"\"%s\",\"token_use\":\"access\",\"iat\":1}", hex);
	IS(answer(rsa, RS, text), JWT_USE, "J3: an access token");
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",\"email\":"
		"\"%s@b\",\"iat\":1}", hex);
	IS(answer(rsa, RS, text), JWT_USE, "J3: one that does not say");
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",\"email\":"
		"\"%s@b\",\"token_use\":\"id\"}", hex);
	IS(answer(rsa, RS, text), JWT_TIME, "no iat");
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",\"email\":"
		"\"%s@b\",\"token_use\":\"id\",\"iat\":1.5}", hex);
	IS(answer(rsa, RS, text), JWT_TIME, "iat with a fraction");
	snprintf(text, sizeof text, "{\"iss\":\"" ISSUER "\",\"email\":"
		"\"%s@b\",\"token_use\":\"id\",\"iat\":253402300800}", hex);
	IS(answer(rsa, RS, text), JWT_TIME, "iat in the year 10000");
	IS(answer(rsa, RS, "[]"), JWT_MALFORMED, "J1: claims that are a list");
}

static void algorithms(void)
{
	static const char *const bad[] = {"none", "None", "HS256", "RS384",
		"PS256", "ES384", "EdDSA", "rs256", ""};
	char header[64];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(header, sizeof header, "{\"alg\":\"%s\"}", bad[i]);
		IS(answer(rsa, header, mail()), JWT_ALGORITHM,
			"J2: algorithm \"%s\" is refused", bad[i]);
		is_str(got.algorithm, bad[i], "by its name");
	}
	IS(answer(rsa, "{\"kid\":\"r\"}", mail()), JWT_MALFORMED, "J2: none");
	IS(answer(rsa, "{\"alg\":\"RS256\",\"alg\":\"RS256\"}", mail()),
		JWT_MALFORMED, "J1: twice");
	IS(answer(rsa, "{\"alg\":\"RS256\",\"crit\":[\"b64\"],\"b64\":true}",
		   mail()), JWT_CRITICAL, "J2: crit");
}

static void keys_meant(void)
{
	IS(answer(stranger, RS, mail()), JWT_SIGNATURE, "J2: a stranger's key");
	IS(answer(rsa, "{\"alg\":\"RS256\",\"kid\":\"x\"}", mail()), JWT_KEY,
		"J2: a key that is not pinned");
	IS(answer(rsa, "{\"alg\":\"ES256\",\"kid\":\"r\"}", mail()), JWT_KEY,
		"J2: a key of the other kind");
	IS(answer(ec, "{\"alg\":\"RS256\",\"kid\":\"e\"}", mail()), JWT_KEY,
		"J2: and the other way");
	IS(answer(ec, "{\"alg\":\"ES256\",\"kid\":7}", mail()), JWT_MALFORMED,
		"J2: a name that is none");
	policy.issuer.n = 0;
	IS(answer(rsa, RS, mail()), JWT_ISSUER, "J3: no issuer is pinned");
	policy.issuer.n = sizeof(ISSUER) - 1;
}

static enum jwt_answer under(const char *set)
{
	struct bytes saved = policy.keys;
	enum jwt_answer a;

	policy.keys = BYTES(set, strlen(set));
	a = answer(rsa, "{\"alg\":\"RS256\"}", mail());
	policy.keys = saved;
	return a;
}

static void key_sets(void)
{
	cleanup(buf) struct buf set = {0};
	EVP_PKEY *weak = EVP_RSA_gen(1024U);

	IS(under(""), JWT_KEYS, "a set that is none");
	IS(under("{}"), JWT_KEYS, "one without keys");
	IS(under("{\"keys\":{}}"), JWT_KEYS, "whose keys are no list");
	IS(under("{\"keys\":[1]}"), JWT_KEYS, "of numbers");
	IS(under("{\"keys\":[]}"), JWT_KEY, "an empty one");
	IS(under("{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}"), JWT_KEY,
		"one of keys that we do not use");
	IS(under("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}]}"),
		JWT_KEYS, "a key that is too short");
	IS(under("{\"keys\":[{\"kty\":\"RSA\",\"n\":\"A=\",\"e\":\"AQAB\"}]}"),
		JWT_KEYS, "one that is not base64url");
	add(&set, "{\"keys\":[");
	mkjwt_jwk(weak, "", &set);
	add(&set, "]}");
	if (buf_add(&set, "", 1) != 0)
		bail("no memory");
	IS(under((const char *)set.p), JWT_KEYS, "1024 bits are too few");
	set.n = 0;
	add(&set, "{\"keys\":[");
	mkjwt_jwk(stranger, "", &set);
	add(&set, ",");
	mkjwt_jwk(rsa, ",\"use\":\"enc\"", &set);
	add(&set, "]}");
	if (buf_add(&set, "", 1) != 0)
		bail("no memory");
	IS(under((const char *)set.p), JWT_SIGNATURE,
		"a key for encryption does not sign");
	EVP_PKEY_free(weak);
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct jwt_token t;

	(void)ctx;
	if (jwt_open(&policy, in, &t) != JWT_VALID)
		return MUTATE_REFUSED;
	return MUTATE_BROKEN; /* it has one spelling, all of it signed */
}

static void damaged(void)
{
	static const char *const bad[] = {".", "..", "a.b", "a.b.c.d", "", "=",
		"e30.e30.", "e30..e30", ".e30.e30", "e31.e30.e30"};
	cleanup(buf) struct buf t = {0};
	struct jwt_token v;
	size_t i, taken = 0;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		IS(jwt_open(&policy, BYTES(bad[i], strlen(bad[i])), &v),
			JWT_MALFORMED, "J1: \"%s\"", bad[i]);
	mkjwt_sign(rsa, RS, mail(), &t);
	for (i = 0; i < t.n; i++) {
		t.p[i] ^= 1;
		taken += feed(NULL, BUF_BYTES(&t)) != MUTATE_REFUSED;
		t.p[i] ^= 1;
	}
	is_int(taken, 0, "no character of it can be changed");
	for (i = 0; i < t.n; i++)
		taken += feed(NULL, BYTES(t.p, i)) != MUTATE_REFUSED;
	is_int(taken, 0, "nor can it be cut off");
	add(&t, "=");
	IS(jwt_open(&policy, BUF_BYTES(&t), &v), JWT_MALFORMED, "J1: padding");
	t.p[t.n - 1] = '\n';
	IS(jwt_open(&policy, BUF_BYTES(&t), &v), JWT_MALFORMED,
		"J1: a line end behind it");
}

static enum mutate_answer feed_claims(void *ctx, struct bytes in)
{
	cleanup(buf) struct buf claims = {0};
	enum jwt_answer a;

	(void)ctx;
	if (buf_copy(in, &claims) != 0 || buf_add(&claims, "", 1) != 0)
		bail("no memory");
	a = answer(ec, ES, (const char *)claims.p);
	return a == JWT_VALID ? MUTATE_ACCEPTED : MUTATE_REFUSED;
}

int main(void)
{
	struct hash h;
	const char *text;

	plan(0);
	y = hash_sha3(BYTES("block", 5));
	h = hash_sha3(BYTES("other", 5));
	hex_encode(HASH_BYTES(&y), hex);
	hex_encode(HASH_BYTES(&h), other);
	rsa = EVP_RSA_gen(2048U);
	stranger = EVP_RSA_gen(2048U);
	ec = EVP_EC_gen("P-256");
	add(&keys, "{\"keys\":[");
	mkjwt_jwk(rsa, ",\"kid\":\"r\",\"alg\":\"RS256\",\"use\":\"sig\"",
		&keys);
	add(&keys, ",");
	mkjwt_jwk(ec, ",\"kid\":\"e\"", &keys);
	add(&keys, "]}");
	policy.keys = BUF_BYTES(&keys);
	holds();
	names();
	claims();
	algorithms();
	keys_meant();
	key_sets();
	damaged();
	text = mail();
	mutate("signed claims", BYTES(text, strlen(text)), 1000, feed_claims,
		NULL);
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(ec);
	EVP_PKEY_free(stranger);
	buf_free(&keys);
	return done();
}
