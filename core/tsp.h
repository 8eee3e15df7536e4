/*
 * tsp: a time-stamp token of RFC 3161 by an authority that is pinned.
 *
 * A TimeStampResp or the bare TimeStampToken in it.  It holds when
 *   T1  it is DER, whole, and a response says granted or grantedWithMods;
 *   T2  it is signed data over id-ct-TSTInfo with exactly one signer, by RSA
 *       (PKCS #1, 2048 bits and more) or ECDSA (P-256, P-384, P-521) with
 *       SHA-256, SHA-384 or SHA-512;
 *   T3  the signer's certificate is the one that has the issuer and serial
 *       number that the signer names, that verifies the signature, and that
 *       the signed attribute signing-certificate (ESS, version 1 or 2) names
 *       by its hash;
 *   T4  that certificate is for time stamping and nothing else, critically,
 *       and its path ends at the pinned root at genTime, never at "now": an
 *       archived token outlives its certificates;
 *   T5  policy, nonce and imprint are what the caller asked for.
 *
 * Certificates in the token are looked at in no order.  Strange ones among
 * them are tolerated, since anybody can add them to a genuine token and
 * nothing signs the bag: they cannot help, for T3 names its certificate by
 * hash and T4 trusts the pinned root alone, and so they do not hurt.
 *
 * The SHA-1 hash of ESS is taken, beside those of an imprint: it names a certificate that the
 * pinned root's authorities have issued, and to exchange that needs a second
 * preimage.  Revocation is not looked at: a proof is checked offline.  The
 * accuracy that a token claims is not added to its time.
 */
#ifndef CORE_TSP_H
#define CORE_TSP_H

#include "core/bytes.h"

#define TSP_CERTS_MAX 16	/* certificates in a token */
#define TSP_PINNED_MAX 8	/* certificates of an authority */
#define TSP_PATH_MAX 8		/* certificates between signer and root */
#define TSP_STEPS_MAX 100	/* from one to another that may be above it */
#define TSP_IMPRINT_MAX 64	/* bytes of an imprint, SHA-512's */

struct tsp_policy {
	/* Certificates (DER), one behind the other: the root, then others that
	 * tokens may leave out.  Only the first is trusted. */
	struct bytes certs;
	/* More of them, each alone, that may complete a token.  Nobody vouches
	 * for them, and those that cannot be read are passed over. */
	const struct bytes *bag;
	size_t n_bag;
	struct bytes oid;	/* policy in dotted decimal; n == 0: any */
	struct bytes nonce;	/* of the request, big endian; n == 0: any */
};

/* In the order of the checks. */
enum tsp_answer {
	TSP_VALID,
	TSP_PINNED,		/* the pinned certificates cannot be read */
	TSP_MALFORMED,
	TSP_STATUS,		/* the authority refused */
	TSP_CONTENT_TYPE,	/* signed data over something else */
	TSP_SIGNERS,		/* no signer, or several */
	TSP_ALGORITHM,		/* weak or unknown: see struct tsp_token */
	TSP_DIGEST,		/* signed attributes are over other content */
	TSP_SIGNER,		/* no certificate with that issuer and serial */
	TSP_PURPOSE,		/* not a certificate for time stamping alone */
	TSP_SIGNATURE,
	TSP_PATH,		/* does not end at the pinned root */
	TSP_EXPIRED,		/* outside the certificates' time */
	TSP_ESS,		/* signing-certificate names another one */
	TSP_POLICY,
	TSP_NONCE,
	TSP_IMPRINT,		/* over other bytes */
};

struct tsp_token {
	uint64_t p_ms;		/* genTime, milliseconds since 1970 */
	bool sha3;		/* the imprint is by SHA3-256 */
	size_t n_imprint;	/* bytes of it */
	uint8_t imprint[TSP_IMPRINT_MAX];
	char algorithm[64];	/* at TSP_ALGORITHM: the one refused */
};

/* Judges a token over data; data.p == NULL when the data is not at hand: then
 * everything but the imprint is.  *ret is filled on TSP_VALID; at
 * TSP_ALGORITHM its algorithm alone. A refusal for want of memory looks
 * like any other: memory.h tells. */
enum tsp_answer tsp_open(const struct tsp_policy *policy, struct bytes token,
	struct bytes data, struct tsp_token *ret);
/* A sentence for a person, without a full stop. */
const char *tsp_text(enum tsp_answer a);

#endif
