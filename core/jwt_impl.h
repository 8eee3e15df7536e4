/*
 * jwt_impl: what jwt.c (the token) and jwt_key.c (the pinned keys) share.
 */
#ifndef CORE_JWT_IMPL_H
#define CORE_JWT_IMPL_H

#include "core/bytes.h"
#include "core/jwt.h"

enum jwt_alg { JWT_RS256, JWT_ES256 };

/* Base64url without padding, in its one spelling, appended: 0, -EBADMSG. */
int jwt_base64(struct bytes text, struct buf *ret);

/* Whether a pinned key made this signature: JWT_VALID, JWT_KEYS, JWT_KEY,
 * JWT_SIGNATURE.  kid: its name, n == 0 if the token does not say. */
enum jwt_answer jwt_key_check(struct bytes keys, enum jwt_alg alg,
	struct bytes kid, struct bytes message, struct bytes signature);

#endif
