/*
 * mktsa: a time-stamp authority for tests, whose tokens can be wrong in each
 * of their parts.  What fails ends the test program.
 */
#ifndef TESTS_MKTSA_H
#define TESTS_MKTSA_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/bytes.h"

#define MKTSA_GENTIME "20260102030405.678Z"
#define MKTSA_MS UINT64_C(1767323045678)
#define MKTSA_POLICY "1.2.3.4.1"

struct mktsa_cert {
	const char *cn;
	long serial;
	bool ca;
	const char *eku;	/* of openssl.cnf; NULL: none */
	const char *from, *to;	/* ASN.1 time; NULL: 2025 to 2035 */
	const char *digest;	/* NULL: SHA256 */
};

/* Certificate for key, signed by the issuer (NULL: by itself). */
X509 *mktsa_certify(const struct mktsa_cert *what, EVP_PKEY *key, X509 *issuer,
	EVP_PKEY *issuer_key);
/* DER, appended. */
void mktsa_der(X509 *x, struct buf *ret);

/* root -> authority -> signer */
struct mktsa {
	EVP_PKEY *root_key, *ca_key, *key;
	X509 *root, *ca, *signer;
};
/* type: "P-256", "P-384", "P-521", "RSA" (2048 bits) or "RSA1024" */
EVP_PKEY *mktsa_key(const char *type);
void mktsa_init(struct mktsa *m, const char *type);
void mktsa_done(struct mktsa *m);

#define MKTSA_EMBEDDED 8
struct mktsa_token {
	const char *digest;	/* of the signature; NULL: SHA256 */
	const char *imprint;	/* NULL: SHA3-256 */
	const char *time;	/* NULL: MKTSA_GENTIME */
	const char *policy;	/* NULL: MKTSA_POLICY */
	struct bytes nonce;
	int version;		/* of TSTInfo; 0: 1 */
	bool critical;		/* it has a critical extension */
	const char *type;	/* of the content; NULL: id-ct-TSTInfo */
	X509 *named;		/* by ESS; NULL: the signer */
	bool ess_v1, ess_none;
	bool pss, key_id, two;
	size_t n_embedded;	/* 0: authority and signer */
	X509 *embedded[MKTSA_EMBEDDED];
};

/* The bare token over data. */
void mktsa_stamp(const struct mktsa *m, const struct mktsa_token *how,
	struct bytes data, struct buf *ret);
/* A response around it, with that status; an empty token: none. */
void mktsa_response(uint8_t status, struct bytes token, struct buf *ret);

#endif
