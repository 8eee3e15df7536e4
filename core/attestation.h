/*
 * attestation: the document a by which a platform vouches for an enclave.
 *
 * One form for both trust classes, that of AWS Nitro: COSE_Sign1 (ES384) over
 * a map of module_id, digest, timestamp, pcrs, certificate, cabundle,
 * public_key, user_data, nonce.  The local attestor writes the same form under
 * a root of its own and is kept apart in five ways: other root; a critical
 * certificate extension that every other verifier refuses; PCR 0..2 zero;
 * module_id "local-..."; and the class fixed in block zero.
 *
 * Local measurements: PCR16 = X(SHA-384 of the enclave binary),
 * PCR17 = X(SHA-384 of the policy), X(m) = SHA-384(48 zero bytes || m).
 *
 * user_data is CBOR ["notaryfs.seq.v1", chain32, epoch, first_k, head32,
 * recoveries, log_key32]: which chain the key numbers, from which number and
 * head on, how many times that chain was recovered after a crash, and the
 * Ed25519 key by which this epoch's checkpoints of the main log are signed
 * (note.h).  chain is 32 zero bytes in epoch 0, whose document block zero
 * itself names.
 */
#ifndef CORE_ATTESTATION_H
#define CORE_ATTESTATION_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "core/bytes.h"
#include "core/verdict.h"

#define ATTESTATION_MAX 20000	/* bytes of a document */
#define ATTESTATION_PCR 48	/* bytes of a measurement */
#define ATTESTATION_PCRS 32
#define ATTESTATION_LOG_KEY 32 /* bytes of an Ed25519 public key */
#define ATTESTATION_CABUNDLE 8	/* certificates between root and leaf, root included */
/* Our critical extension in local certificates, UUID-derived. */
#define ATTESTATION_LOCAL_OID "2.25.290383716153911238734518294571620043807"

struct params;

struct attestation {
	struct bytes module_id;
	uint64_t timestamp_ms;
	uint32_t pcr_mask;	/* bit n: PCR n is present */
	uint8_t pcr[ATTESTATION_PCRS][ATTESTATION_PCR];
	struct bytes certificate;
	size_t n_cabundle;
	struct bytes cabundle[ATTESTATION_CABUNDLE];
	struct bytes public_key, user_data, nonce; /* n == 0: null or absent */
};

struct attestation_data {
	struct hash chain;
	uint32_t epoch;
	uint64_t first_k;
	struct hash head;	/* head_{first_k - 1} */
	uint32_t recoveries;
	uint8_t log_key[ATTESTATION_LOG_KEY];
};

/* Strict parse (definite and indefinite maps, as Nitro has both); points into
 * doc.  *ret_payload is what the signature covers.  -EBADMSG. */
int attestation_decode(struct bytes doc, struct attestation *ret,
	struct bytes *ret_payload);
/* What to say of a document that attestation_decode() refused: that it is an
 * emulator's, or else malformed. */
enum verdict attestation_refused(struct bytes doc);
/* The whole judgement at the document's own time: form, class, chain to a root
 * that p names, signature, measurements.  Never "now".  V_NO_MEMORY says
 * nothing of it.  *ret is filled on V_VALID only.  (attestation_check.c) */
enum verdict attestation_check(const struct params *p, struct bytes doc,
	struct attestation *ret);
/* H(payload): how blocks and parameters name a document; -EBADMSG. */
int attestation_hash(struct bytes doc, struct hash *ret);

int attestation_data_decode(struct bytes in, struct attestation_data *ret);
int attestation_data_encode(const struct attestation_data *d, struct buf *ret);

/* SHA-256 fingerprint of a certificate's DER. */
struct hash attestation_root_hash(struct bytes der);

#endif
