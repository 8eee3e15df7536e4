/*
 * mkjwt: an issuer of identity tokens for tests.  What fails ends the test
 * program.
 */
#ifndef TESTS_MKJWT_H
#define TESTS_MKJWT_H

#include <openssl/evp.h>

#include "core/bytes.h"

void mkjwt_base64(struct bytes v, struct buf *ret);
/* {"kty":...} of an RSA or P-256 key, with these members (",..." or "") at
 * its end; appended. */
void mkjwt_jwk(EVP_PKEY *key, const char *more, struct buf *ret);
/* header.claims.signature by that key as its kind signs. */
void mkjwt_sign(EVP_PKEY *key, const char *header, const char *claims,
	struct buf *ret);

#endif
