/*
 * attestor: the signing half of local attestation documents.
 *
 * Only notaryfs-attestor and tests sign with this; notaryfs asks whether the
 * root's file is whole.  The root lives in that file, the leaf only in memory.
 * (attestor_write.c)
 */
#ifndef CORE_ATTESTOR_H
#define CORE_ATTESTOR_H

#include <openssl/evp.h>

#include "core/attestation.h"

struct attestor;

/* Makes a root key and certificate (P-384, 10 years): PEM of both in *ret. */
int attestor_root_make(const uint8_t installation[16], uint64_t now_ms,
	struct buf *ret_pem);
/* Is that PEM whole, key and certificate, and which root is it (as parameters
 * name it)?  -EBADMSG, -ENOMEM. */
int attestor_root_read(struct bytes pem, struct hash *ret);
/* From that PEM, with a fresh leaf valid from now_ms - 60 s for 24 hours.
 * image is the SHA-384 of the enclave binary.  -EBADMSG, -EIO, -ENOMEM. */
int attestor_new(struct bytes root_pem, const uint8_t image[48],
	uint32_t isolation, uint64_t now_ms, struct attestor **ret);
/* A document; renews the leaf when it is older than 12 hours.
 * policy: 48 bytes for PCR17, or NULL for zeros. */
int attestor_document(struct attestor *a, const uint8_t policy[48],
	struct bytes public_key, struct bytes user_data, struct bytes nonce,
	uint64_t now_ms, struct buf *ret);
/* DER of the root certificate, and its public key as SPKI DER. */
struct bytes attestor_root(const struct attestor *a);
int attestor_root_key(const struct attestor *a, struct buf *ret_spki);
/* ES384 by the root key: recovery records. */
int attestor_root_sign(struct attestor *a, struct bytes payload,
	struct buf *ret_cose);
void attestor_free(struct attestor *a);

#endif
