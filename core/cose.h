/*
 * cose: COSE_Sign1 (RFC 9052 4.2), just the profile used here.
 *
 * [protected bstr, {} , payload bstr, signature bstr], optional tag 18 before
 * it; protected is exactly {1: alg}; the unprotected map is empty; payload is
 * present.  Algorithms: ES256 (-7, P-256), ES384 (-35, P-384).  ECDSA is
 * malleable: (r, n - s) verifies too, so never identify a statement by the
 * hash of these bytes, only by that of its payload.
 */
#ifndef CORE_COSE_H
#define CORE_COSE_H

#include <openssl/evp.h>

#include "core/bytes.h"

#define COSE_TAG 18 /* of a COSE_Sign1; it may be left out */

enum cose_alg { COSE_ES256 = -7, COSE_ES384 = -35 };

struct cose_sign1 {
	enum cose_alg alg;
	struct bytes protected_header, payload, signature;
};

/* Points into `in`.  -EBADMSG; -EOPNOTSUPP for another algorithm. */
int cose_decode(struct bytes in, size_t payload_max, struct cose_sign1 *ret);
/* Checks the signature over Sig_structure ["Signature1", protected, h'',
 * payload]: 0, -EKEYREJECTED if it does not verify or the key is not of the
 * algorithm's curve; -ENOMEM if that could not be found out. */
int cose_check(const struct cose_sign1 *c, EVP_PKEY *key);
/* The whole Sig_structure, for those who check it with other programs. */
int cose_signed(const struct cose_sign1 *c, struct buf *ret);
/* Signs; the untagged form.  Written by hand, without libcbor.  -EIO. */
int cose_sign(enum cose_alg alg, EVP_PKEY *key, struct bytes payload,
	struct buf *ret);
/* The bare signature r || s over that protected header and payload, for those
 * who write another message around it.  ret has room for both halves: 64 or
 * 96 bytes.  -EINVAL for a key of another curve, -EIO. */
int cose_sign_bare(enum cose_alg alg, EVP_PKEY *key, struct bytes header,
	struct bytes payload, uint8_t *ret);
/* A public key from SubjectPublicKeyInfo DER, whole input consumed, EC named
 * curve P-256 or P-384 only; NULL otherwise.  Free with EVP_PKEY_free(). */
EVP_PKEY *cose_key(struct bytes spki);
int cose_key_spki(EVP_PKEY *key, struct buf *ret);
/* r || s as the DER that OpenSSL takes: its length, or 0 for no memory.  Free
 * with OPENSSL_free(). */
size_t cose_signature_der(struct bytes raw, unsigned char **ret);

#endif
