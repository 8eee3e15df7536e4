/*
 * numbering_inner: what numbering*.c share; nobody else includes it.
 */
#ifndef ENCLAVE_NUMBERING_INNER_H
#define ENCLAVE_NUMBERING_INNER_H

#include <openssl/evp.h>

#include "core/attestation.h"
#include "core/params.h"
#include "core/sequence.h"
#include "enclave/numbering.h"

struct numbering_kept {
	uint8_t y[SEQUENCE_Y];
	uint16_t n;
	uint8_t s[SEQUENCE_MAX];
};

struct numbering {
	enum numbering_state state;
	struct entropy *entropy;
	const char *why;

	/* the own key; NULL in EMPTY, READING and OVER */
	EVP_PKEY *key;
	struct buf key_spki;
	EVP_PKEY *log_key;	/* Ed25519, for checkpoints; lives with key */
	uint8_t log_public[ATTESTATION_LOG_KEY];
	struct hash document;	/* H(payload) of its attestation */
	bool attested;

	/* the chain; zero until block zero is known */
	struct buf params_raw;
	struct params params;	/* points into params_raw */
	struct hash chain;

	/* where it stands */
	uint32_t epoch, recoveries;
	uint64_t next_k;
	struct hash head;	/* of number next_k - 1 */
	struct hash tail;	/* H(t) of the newest main-chain block */
	uint64_t height;	/* of that block */
	struct mlog log;

	/* evidence read so far (READING) */
	bool any;
	struct sequence last;
	struct buf signer;	/* SPKI of last's epoch */

	size_t n_kept, at;	/* ring: the next one goes to kept[at] */
	struct numbering_kept kept[NUMBERING_CACHE];
};

/* Notes the reason and returns rc. */
int numbering_refuse(struct numbering *n, int rc, const char *why);
int numbering_key(struct numbering *n);	/* a fresh key of its own */
/* The epoch's other key, made anew in each. */
int numbering_log_key(struct numbering *n);
void numbering_forget_key(struct numbering *n);
/* Takes block zero and parameters over if one commits to the other. */
int numbering_chain(struct numbering *n, struct bytes b0, struct bytes params);
/* Does the document speak for the key and the claim?  Checked under the
 * chain's parameters. */
int numbering_check_claim(struct numbering *n, struct bytes doc);
/* Signs the next number; the state moves on only if that worked.  log is the
 * main log after it. */
int numbering_sign(struct numbering *n, struct sequence *s,
	const struct mlog *log, struct buf *ret_s);
void numbering_keep(struct numbering *n, const uint8_t y[SEQUENCE_Y],
	struct bytes s);

#endif
