#include "core/jwt.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/jsonread.h"
#include "core/jwt_impl.h"
#include "core/timestamp.h"

static const char *const texts[] = {
	[JWT_VALID] = "the token holds",
	[JWT_KEYS] = "the issuer's keys cannot be read",
	[JWT_MALFORMED] = "the token is malformed",
	[JWT_ALGORITHM] = "the algorithm is neither RS256 nor ES256",
	[JWT_CRITICAL] = "the token has an extension that must be known",
	[JWT_KEY] = "none of the issuer's keys is meant",
	[JWT_SIGNATURE] = "the signature does not verify",
	[JWT_ISSUER] = "the token is from another issuer",
	[JWT_USE] = "the token is not an ID token",
	[JWT_TIME] = "the token does not say when it was issued",
	[JWT_NAME] = "the token names no hash",
};

const char *jwt_text(enum jwt_answer a)
{
	return texts[a];
}

/* -- J1 */

struct parts {
	struct bytes message;	/* what is signed: header.claims */
	struct buf header, claims, signature;
};

static void parts_done(struct parts *p)
{
	buf_free(&p->header);
	buf_free(&p->claims);
	buf_free(&p->signature);
}

/* Up to the dot, which is taken too. */
static int take_part(struct bytes *rest, bool last, struct buf *ret)
{
	const uint8_t *dot = memchr(rest->p, '.', rest->n);
	size_t n = dot == NULL ? rest->n : (size_t)(dot - rest->p);

	if ((dot == NULL) != last || n == 0 ||
		jwt_base64(BYTES(rest->p, n), ret) != 0)
		return -EBADMSG;
	if (!last)
		*rest = BYTES(dot + 1, rest->n - n - 1);
	return 0;
}

static int parts_read(struct bytes token, struct parts *p)
{
	struct bytes rest = token;

	if (token.n == 0 || token.n > TIMESTAMP_MAX ||
		take_part(&rest, false, &p->header) != 0 ||
		take_part(&rest, false, &p->claims) != 0 ||
		take_part(&rest, true, &p->signature) != 0)
		return -EBADMSG;
	p->message = BYTES(token.p, token.n - rest.n - 1);
	return 0;
}

/* -- J2 */

static void name_algorithm(struct bytes name, struct jwt_token *ret)
{
	size_t n = name.n < sizeof(ret->algorithm) ? name.n :
						     sizeof(ret->algorithm) - 1;

	memcpy(ret->algorithm, name.p, n);
	ret->algorithm[n] = '\0';
}

static enum jwt_answer header_read(struct bytes header, enum jwt_alg *ret_alg,
	struct buf *ret_kid, struct jwt_token *ret)
{
	struct bytes alg, kid;
	struct jsonr o;
	int rc;

	if (jsonr_object(header, &o) != 0 || jsonr_text(&o, "alg", &alg) != 0)
		return JWT_MALFORMED;
	if (bytes_equal(alg, BYTES("RS256", 5))) {
		*ret_alg = JWT_RS256;
	} else if (bytes_equal(alg, BYTES("ES256", 5))) {
		*ret_alg = JWT_ES256;
	} else {
		name_algorithm(alg, ret);
		return JWT_ALGORITHM;
	}
	if (jsonr_find(&o, "crit") != NULL)
		return JWT_CRITICAL;
	rc = jsonr_text(&o, "kid", &kid);
	if (rc == -ENOENT)
		return JWT_VALID;
	return rc == 0 && kid.n > 0 && buf_copy(kid, ret_kid) == 0
		       ? JWT_VALID
		       : JWT_MALFORMED;
}

static enum jwt_answer signature_check(const struct jwt_policy *policy,
	const struct parts *p, struct jwt_token *ret)
{
	cleanup(buf) struct buf kid = {0};
	enum jwt_alg alg;
	enum jwt_answer a = header_read(BUF_BYTES(&p->header), &alg, &kid, ret);

	return a != JWT_VALID ? a :
				jwt_key_check(policy->keys, alg,
					BUF_BYTES(&kid), p->message,
					BUF_BYTES(&p->signature));
}

/* -- J3 and J4 */

/* 64 lower-case hex digits, alone or before an "@". */
static bool hash_in(struct bytes name, bool needs_at, struct hash *ret)
{
	char hex[HASH_HEX + 1];
	size_t i;

	if (name.n < HASH_HEX || (name.n == HASH_HEX && needs_at) ||
		(name.n > HASH_HEX && name.p[HASH_HEX] != '@'))
		return false;
	for (i = 0; i < HASH_HEX; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'F')
			return false;
	memcpy(hex, name.p, HASH_HEX);
	hex[HASH_HEX] = '\0';
	return hex_decode(hex, ret->b, HASH_LEN) == 0;
}

static enum jwt_answer read_name(const struct jsonr *o, struct hash *ret)
{
	struct bytes email = {0}, user = {0};
	struct hash a, b;
	int rc_a = jsonr_text(o, "email", &email);
	int rc_b = jsonr_text(o, "cognito:username", &user);
	bool in_a, in_b;

	if (rc_a == -EBADMSG || rc_b == -EBADMSG)
		return JWT_MALFORMED;
	in_a = hash_in(email, true, &a);
	in_b = hash_in(user, false, &b);
	if ((!in_a && !in_b) || (in_a && in_b && !hash_equal(&a, &b)))
		return JWT_NAME;
	*ret = in_a ? a : b;
	return JWT_VALID;
}

static bool claim_is(const struct jsonr *o, const char *name, struct bytes want)
{
	struct bytes v;

	return jsonr_text(o, name, &v) == 0 && bytes_equal(v, want);
}

static enum jwt_answer claims_read(const struct jwt_policy *policy,
	struct bytes claims, struct jwt_token *ret)
{
	struct jsonr o;
	uint64_t iat;

	if (jsonr_object(claims, &o) != 0)
		return JWT_MALFORMED;
	if (policy->issuer.n == 0 || !claim_is(&o, "iss", policy->issuer))
		return JWT_ISSUER;
	if (!claim_is(&o, "token_use", BYTES("id", 2)))
		return JWT_USE;
	if (jsonr_uint(&o, "iat", &iat) != 0 || iat > TIMESTAMP_MS_MAX / 1000)
		return JWT_TIME;
	ret->p_ms = iat * 1000;
	return read_name(&o, &ret->y);
}

enum jwt_answer jwt_open(const struct jwt_policy *policy, struct bytes token,
	struct jwt_token *ret)
{
	struct jwt_token v = {0};
	struct parts p = {0};
	enum jwt_answer a = JWT_MALFORMED;

	ERR_set_mark(); /* a refusal is no news for who reads the queue */
	if (parts_read(token, &p) == 0)
		a = signature_check(policy, &p, &v);
	if (a == JWT_VALID)
		a = claims_read(policy, BUF_BYTES(&p.claims), &v);
	if (a == JWT_VALID)
		*ret = v;
	else if (a == JWT_ALGORITHM)
		memcpy(ret->algorithm, v.algorithm, sizeof(v.algorithm));
	parts_done(&p);
	ERR_pop_to_mark();
	return a;
}
