/*
 * jwt: an identity token as a timestamp ([0068]): a user whose name is H(b)
 * logs in, and the token says when.
 *
 * A compact JWS (RFC 7515) as Amazon Cognito issues it.  It holds when
 *   J1  it is three parts of base64url in their one spelling, header and
 *       claims are objects of strict JSON (jsonread.h);
 *   J2  it is signed RS256 (2048 bits and more) or ES256 by a pinned key of
 *       that kind: the pinned set decides, and what keys a header carries or
 *       points to is not looked at; "crit" is refused, as we know no extension;
 *   J3  "iss" is the pinned issuer and "token_use" is "id": an access token
 *       can lack the name;
 *   J4  H(b), 64 lower-case hex digits, is the local part of "email" or is
 *       "cognito:username", alone or before an "@"; where both name a hash
 *       they agree.
 * Its time is "iat".  "exp" is ignored: it ends a login, and that the user had
 * logged in at iat stays true.  "nbf", "aud" and "sub" say nothing about it.
 */
#ifndef CORE_JWT_H
#define CORE_JWT_H

#include "core/bytes.h"

#define JWT_KEYS_MAX 16		/* keys of a set */

struct jwt_policy {
	struct bytes keys;	/* JWKS, JSON {"keys": [...]} (RFC 7517) */
	struct bytes issuer;	/* "iss", exactly */
};

enum jwt_answer {
	JWT_VALID,
	JWT_KEYS,		/* the pinned key set cannot be read */
	JWT_MALFORMED,
	JWT_ALGORITHM,		/* none, HS256, ...: see struct jwt_token */
	JWT_CRITICAL,		/* it has an extension that must be known */
	JWT_KEY,		/* no pinned key of that name and kind */
	JWT_SIGNATURE,
	JWT_ISSUER,
	JWT_USE,		/* not an ID token */
	JWT_TIME,		/* no time that we can write */
	JWT_NAME,		/* names no hash */
};

struct jwt_token {
	struct hash y;		/* H(b) */
	uint64_t p_ms;		/* iat, milliseconds since 1970 */
	char algorithm[32];	/* at JWT_ALGORITHM: the one refused */
};

/* *ret is filled on JWT_VALID; at JWT_ALGORITHM its algorithm alone. A
 * refusal for want of memory looks like any other: memory.h tells. */
enum jwt_answer jwt_open(const struct jwt_policy *policy, struct bytes token,
	struct jwt_token *ret);
/* A sentence for a person, without a full stop. */
const char *jwt_text(enum jwt_answer a);

#endif
