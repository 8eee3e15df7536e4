/*
 * block: Blocky's block b = <u, m^H, t^H> ([0023], [0062]).
 *
 * CBOR: [u16, mH32, tH32] or [u16, mH32, tH32, {1: [size, root32], 2: hash}]
 *   u    drawn once per batch, the same over retries
 *   mH   root of the transaction tree (merkle.h)
 *   tH   H(t) of the parent's timestamp; block zero has 32 zero bytes
 *   1    main-log size and root last known when the block was made
 *   2    H(payload) of the newest enclave attestation document
 * Without the map the bytes are those of the plain triple.  The height is not
 * stored: it follows from the chain.
 */
#ifndef CORE_BLOCK_H
#define CORE_BLOCK_H

#include "core/bytes.h"

#define BLOCK_U 16	/* bytes */
#define BLOCK_MAX 256	/* bytes encoded */

struct block {
	uint8_t u[BLOCK_U];
	struct hash mh, th;
	bool has_log;
	uint64_t log_size;
	struct hash log_root;
	bool has_attestation;
	struct hash attestation;
};

int block_decode(struct bytes in, struct block *ret); /* -EBADMSG */
int block_encode(const struct block *b, struct buf *ret);
struct hash block_hash(struct bytes raw); /* H(b): the y of its timestamp */

#endif
