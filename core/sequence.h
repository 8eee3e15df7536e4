/*
 * sequence: the statement s by which the enclave numbers an event ([0026]).
 *
 * s = COSE_Sign1, ES256 by K_S, over deterministic CBOR
 *   [1, chain32, epoch, k, type, y48, prev_head32, height|null, r16,
 *    log_size, log_root32]
 *
 *   chain     H(b0)
 *   epoch     which enclave instance; 0 is the first
 *   k         the number; over all epochs 0, 1, 2 ... without gaps
 *   type      0 block     y = b.u || H(t)
 *             1 hand-over y = 16 zero bytes || H(SPKI of the next key)
 *             2 recovery  y = 16 zero bytes || H(payload of the record)
 *   height    position on the main chain; null for types 1 and 2
 *   r16       drawn by the enclave, so that no root can be known beforehand
 *   log       main log (mlog.h) after this event
 *
 * head_k = H("head" || head_{k-1} || epoch be32 || k be64 || type byte || y)
 * chains every number; head_{-1} is 32 zero bytes.
 * Log entry of a main-chain block: [height, k, H(b), H(t), r16].
 *
 * Recovery record R (type 2), signed by a recovery key of the parameters:
 *   R = COSE_Sign1 over ["notaryfs.recovery.v1", chain32, epoch_new, k,
 *       prev_head32, H(SPKI of the new key)]
 */
#ifndef CORE_SEQUENCE_H
#define CORE_SEQUENCE_H

#include "core/bytes.h"
#include "core/verdict.h"

#define SEQUENCE_Y 48
#define SEQUENCE_R 16
#define SEQUENCE_MAX 512	/* bytes of s */

enum sequence_type {
	SEQUENCE_BLOCK = 0,
	SEQUENCE_HANDOVER = 1,
	SEQUENCE_RECOVERY = 2,
};

struct sequence {
	struct hash chain;
	uint32_t epoch;
	uint64_t k;
	enum sequence_type type;
	uint8_t y[SEQUENCE_Y];
	struct hash prev_head;
	bool has_height;
	uint64_t height;
	uint8_t r[SEQUENCE_R];
	uint64_t log_size;
	struct hash log_root;
};

/* The payload; written by hand (the enclave has no libcbor). */
int sequence_encode(const struct sequence *s, struct buf *ret);
int sequence_decode(struct bytes payload, struct sequence *ret); /* -EBADMSG */
/* Opens the COSE_Sign1 and checks it under the key (SPKI DER): V_VALID,
 * V_SEQUENCE_MALFORMED, V_SEQUENCE_SIGNATURE or V_NO_MEMORY. */
enum verdict sequence_open(struct bytes s, struct bytes key_spki,
	struct sequence *ret);
/* Reads without checking the signature; -EBADMSG. */
int sequence_peek(struct bytes s, struct sequence *ret);

struct hash sequence_head(const struct sequence *s);
void sequence_y_block(const uint8_t u[16], const struct hash *ht,
	uint8_t ret[SEQUENCE_Y]);
void sequence_y_other(const struct hash *h, uint8_t ret[SEQUENCE_Y]);
/* The entry that a block's number adds to the main log: its length. */
#define SEQUENCE_LOG_ENTRY_MAX 160 /* bytes */
size_t sequence_log_entry(uint64_t height, uint64_t k, const struct hash *hb,
	const struct hash *ht, const uint8_t r[16],
	uint8_t ret[SEQUENCE_LOG_ENTRY_MAX]);
/* ... and the leaf that it is. */
struct hash sequence_log_leaf(uint64_t height, uint64_t k,
	const struct hash *hb, const struct hash *ht, const uint8_t r[16]);

/* Recovery record: payload by hand, both ways. */
struct recovery {
	struct hash chain;
	uint32_t epoch;		/* the new one */
	uint64_t k;		/* its first number */
	struct hash prev_head;
	struct hash key;	/* H(SPKI of the new sequencer key) */
};
int recovery_encode(const struct recovery *r, struct buf *ret);
int recovery_decode(struct bytes payload, struct recovery *ret);

#endif
