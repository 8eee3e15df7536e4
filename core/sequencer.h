/*
 * sequencer: the trusted sequencer S in its enclave, as the write path sees
 * it.  Validating and compare-and-swap: it takes a block and its timestamp,
 * and numbers it only if the block's parent is the tail of the main chain.
 */
#ifndef CORE_SEQUENCER_H
#define CORE_SEQUENCER_H

#include "core/bytes.h"
#include "core/receipt.h"

struct sequenced {
	struct buf s;		/* COSE_Sign1 (sequence.h) */
	struct buf doc;		/* the epoch's attestation document, with the
				   first number of an epoch only; else empty */
};

/* The main log at a size, signed by an epoch's two keys. */
struct sequenced_log {
	struct buf note;	/* checkpoint (note.h) */
	uint8_t signature[RECEIPT_SIGNATURE]; /* of receipts of that size */
	uint32_t epoch;
};

struct sequencer;
struct sequencer_ops {
	/* Idempotent in (b, t).  May block.
	 *   0            numbered; the same answer for the same block
	 *   -ESTALE      the tail is another block, or b commits to an older
	 *                document than the enclave's: batch again
	 *   -EKEYREJECTED  refused: t does not validate or b is malformed
	 *   -EAGAIN      the enclave is away or being restarted: ask again */
	int (*sequence)(struct sequencer *q, struct bytes b, uint64_t t_type,
		struct bytes t, struct sequenced *ret);
	/* The newest attestation document; H(payload) goes into blocks.
	 * -EAGAIN as above. */
	int (*document)(struct sequencer *q, struct buf *ret);
	/* The main log at that size, signed; NULL when this one does not.
	 * Does not start what is away.
	 *   0         *ret is owned by the caller
	 *   -ENOENT   the enclave does not hold that state any more
	 *   -EAGAIN   the enclave is away */
	int (*checkpoint)(struct sequencer *q, uint64_t size,
		struct sequenced_log *ret);
	void (*free)(struct sequencer *q);
};
struct sequencer {
	const struct sequencer_ops *ops;
	const char *name;
};

static inline void sequenced_done(struct sequenced *s)
{
	buf_free(&s->s);
	buf_free(&s->doc);
}

#endif
