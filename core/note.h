/*
 * note: signed notes and checkpoints, the text form in which logs publish how
 * far they have come (C2SP signed-note, tlog-checkpoint, tlog-cosignature).
 *
 *	text, a blank line, then one or more lines
 *	"— NAME base64(key id be32 || signature)"
 *
 *	key id = SHA-256(NAME || "\n" || type || public key), its first 4 bytes
 *
 * Two types of signature are known: Ed25519 over the text (1), and the
 * witnesses' timestamped Ed25519 over "cosignature/v1\ntime N\n" and the text
 * (4).  Signatures of other types and of other keys are ignored, as the
 * specification demands: a note is worth what the keys that the caller
 * trusts say about it.
 *
 * A checkpoint is a note whose text is origin, size and root, a line each.
 *
 * Everything decoded points into the input.
 */
#ifndef CORE_NOTE_H
#define CORE_NOTE_H

#include <openssl/evp.h>

#include "core/bytes.h"

#define NOTE_MAX ((size_t)64 << 10) /* bytes; a post-quantum signature has 5 K */
#define NOTE_SIGNATURES_MAX 64	/* lines; the specification wants 16 */
#define NOTE_NAME_MAX 255	/* bytes of a key's name */
#define NOTE_KEY 32		/* bytes of an Ed25519 public key */
#define NOTE_VKEY_MAX 512	/* bytes of a verifier key in text */

enum note_type { NOTE_ED25519 = 1, NOTE_COSIGNATURE = 4 };

/* Whom to believe: "NAME+hex of the key id+base64(type || public key)". */
struct note_key {
	char name[NOTE_NAME_MAX + 1];
	uint32_t id;
	enum note_type type;
	uint8_t key[NOTE_KEY];
};

struct note_line {
	struct bytes name;
	uint32_t id;
	struct bytes signature; /* base64, the key id among it */
};

struct note {
	struct bytes text; /* with its last newline: what is signed */
	size_t n;
	struct note_line line[NOTE_SIGNATURES_MAX];
};

struct checkpoint {
	struct bytes origin;
	uint64_t size;
	struct hash root;
	struct bytes extensions; /* further lines, or empty */
};

/* A verifier key out of text, without a newline.  -EBADMSG, also when the id
 * is not that of the key; -EOPNOTSUPP for another type of signature. */
int note_key_decode(struct bytes vkey, struct note_key *ret);
/* From its parts; -EINVAL for a name that no key may have. */
int note_key_make(const char *name, enum note_type type,
	const uint8_t key[NOTE_KEY], struct note_key *ret);
/* The text of a verifier key, without a newline. */
void note_key_text(const struct note_key *k, char ret[NOTE_VKEY_MAX]);

/* -EBADMSG for what is no signed note within the limits. */
int note_decode(struct bytes in, struct note *ret);
/* 0 when the key signed; *ret_time is then a cosignature's time in seconds
 * since 1970, else 0.  -ENOENT: no signature of this key.  -EKEYREJECTED:
 * there is one that does not verify, and the note must not be believed
 * whatever others say. */
int note_check(const struct note *n, const struct note_key *k,
	uint64_t *ret_time);

/* The origin of a chain's main log, and the name of the keys that sign for it:
 * "notaryfs/" and the anchor in hex. */
#define CHECKPOINT_ORIGIN_MAX 80 /* bytes, the NUL included */
void checkpoint_origin(
	const struct hash *anchor, char ret[CHECKPOINT_ORIGIN_MAX]);
/* The text of a note as a checkpoint; -EBADMSG. */
int checkpoint_decode(struct bytes text, struct checkpoint *ret);

/* The same note with the signatures of both: of a, then those of b that it has
 * not.  -EBADMSG: one is no note; -EINVAL: they are over other texts; -EFBIG: beyond
 * NOTE_MAX or NOTE_SIGNATURES_MAX.  (note_merge.c) */
int note_merge(struct bytes a, struct bytes b, struct buf *ret);

/* Making them.  By hand, without libcbor: the enclave does it.  (note_sign.c)
 * The text of a checkpoint without extensions; -EINVAL for an origin that
 * could not be read back. */
int checkpoint_text(const char *origin, uint64_t size,
	const struct hash *root, struct buf *ret);
/* One signature line for the text, under an Ed25519 private key whose public
 * half k is; seconds is the time of a cosignature.  A note is the text, "\n",
 * and such lines.  -EINVAL, -EIO. */
int note_sign(struct bytes text, const struct note_key *k, EVP_PKEY *key,
	uint64_t seconds, struct buf *ret);

#endif
