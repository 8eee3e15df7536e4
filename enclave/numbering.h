/*
 * numbering: the sequencer's rules, as a machine without input or output.
 *
 * It decides and signs; whoever drives it (gate.h) carries its statements to
 * the host and its claims to the platform.  One thread.
 *
 *   N1  A number is given only to a block whose stamp validates, is over that
 *       block, whose parent is the tail of the main chain, and which commits
 *       to this enclave's document.  So no number is spent on junk, no two
 *       blocks have one parent, and the time over a block covers the document
 *       that vouches for its number.
 *   N2  A repeat gets the same bytes, as far back as the cache reaches.
 *   N3  Numbers are contiguous over all epochs, heads are linked.
 *   N4  At most one key can sign numbers from any point on: the key is erased
 *       before the statement that names its successor is released, and a
 *       successor signs nothing while the copy it came from exists.
 *
 * State      left by                                        signs
 * EMPTY      genesis -> BORN, resume -> ARRIVING,
 *            recover -> READING                             -
 * BORN       first -> ACTIVE (after attested)               number 0
 * ARRIVING   attested -> ACTIVE, abandon -> EMPTY           -
 * READING    settle -> PROVED, any error -> EMPTY           -
 * PROVED     recovered -> ACTIVE                            the recovery
 * ACTIVE     handover -> LEAVING                            blocks, hand-over,
 *                                                           checkpoints
 * LEAVING    left -> OVER                                   -
 * OVER       never                                          - (key erased)
 *
 * Calls return 0 or a negative errno and say why in numbering_why():
 *   -EPROTO       not in this state
 *   -EKEYREJECTED refused: the input does not hold what it must
 *   -EBADMSG      refused: the input is not well-formed
 *   -ENOMEM       not judged, or not done: to be asked again, in READING from
 *                 recover() on
 */
#ifndef ENCLAVE_NUMBERING_H
#define ENCLAVE_NUMBERING_H

#include "core/bytes.h"
#include "core/clock.h"
#include "core/mlog.h"
#include "core/receipt.h"

enum numbering_state {
	NUMBERING_EMPTY,
	NUMBERING_BORN,
	NUMBERING_ARRIVING,
	NUMBERING_READING,
	NUMBERING_PROVED,
	NUMBERING_ACTIVE,
	NUMBERING_LEAVING,
	NUMBERING_OVER,
};

#define NUMBERING_CACHE 1024	/* statements that a repeat can get again */
#define NUMBERING_CARRIED 16	/* newest of them that a hand-over takes along */
#define NUMBERING_BLOB_MAX 16384 /* bytes of a hand-over */

struct numbering;

struct numbering *numbering_new(struct entropy *e); /* NULL: no memory */
void numbering_free(struct numbering *n);
enum numbering_state numbering_state(const struct numbering *n);
/* Why the last call was refused: a sentence without a full stop. */
const char *numbering_why(const struct numbering *n);

/* -- Chain's beginning: a fresh key; then attested, then first. */
int numbering_genesis(struct numbering *n);
/* Block zero gets number 0 if its one leaf is params, and params name this
 * key and its document. */
int numbering_first(struct numbering *n, struct bytes b0, uint64_t t_type,
	struct bytes t0, struct bytes params, struct buf *ret_s);

/* What the platform is to attest for the key held: its SPKI and user data.
 * In BORN, ARRIVING and PROVED. */
int numbering_claim(struct numbering *n, struct buf *ret_key,
	struct buf *ret_data);
/* The document for that claim, in BORN and ARRIVING.  The caller must have
 * destroyed the hand-over's copy before (N4). */
int numbering_attested(struct numbering *n, struct bytes doc);
/* SHA-384 of the parameters, for PCR17, and how long it is: 0 bytes in epoch 0.
 * -ENOMEM, -EIO. */
#define NUMBERING_POLICY 48
int numbering_policy(struct numbering *n, uint8_t ret[NUMBERING_POLICY],
	size_t *ret_n);

/* -- Work.  -ESTALE: the parent is not the tail, which is *ret_tail. */
int numbering_sequence(struct numbering *n, struct bytes b, uint64_t t_type,
	struct bytes t, struct buf *ret_s, struct hash *ret_tail);

/* The main log at that size, as it stands or as one of the statements has it
 * that a repeat can get again: a checkpoint (note.h) by the epoch's log key,
 * and the sequencer key's signature over the root, from which anybody makes
 * receipts (receipt.h).  -ENOENT: that state is not held. */
int numbering_checkpoint(struct numbering *n, uint64_t size,
	struct buf *ret_note, uint8_t ret_signature[RECEIPT_SIGNATURE]);

/* -- End: the last number names a one-shot key; the blob holds all that the
 * next enclave needs.  Once the blob is durable, left() erases the own key,
 * and only then may s be released. */
int numbering_handover(struct numbering *n, struct buf *ret_blob,
	struct buf *ret_s);
void numbering_left(struct numbering *n);

/* -- Next start, with such a blob; *ret_s is the hand-over's statement. */
int numbering_resume(struct numbering *n, struct bytes b0, struct bytes params,
	struct bytes blob, struct buf *ret_s);
/* Forgets the key out of the blob: the chain has gone on without it. */
int numbering_abandon(struct numbering *n);

/* -- Next start without: evidence of where the chain stands, oldest first,
 * from a block's number to the last number known.  doc with the first
 * statement and with each epoch's first, record with recoveries; else empty.
 * Then settle() with the main log after the last of them. */
int numbering_recover(struct numbering *n, struct bytes b0,
	struct bytes params);
int numbering_evidence(struct numbering *n, struct bytes s, struct bytes doc,
	struct bytes record);
int numbering_settle(struct numbering *n, const struct mlog *log);
/* The recovery record that a recovery key must sign (PROVED). */
int numbering_record(struct numbering *n, struct buf *ret_payload);
/* With the document for the claim and the signed record: the recovery's
 * number. */
int numbering_recovered(struct numbering *n, struct bytes doc,
	struct bytes record, struct buf *ret_s);

#endif
