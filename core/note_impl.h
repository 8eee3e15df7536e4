/*
 * note_impl: what note.c and note_sign.c share.
 */
#ifndef CORE_NOTE_IMPL_H
#define CORE_NOTE_IMPL_H

#include "core/note.h"

#define NOTE_ID 4		/* bytes of a key id */
#define NOTE_TIME 8		/* bytes of a cosignature's time */
#define NOTE_ED25519_LEN 64	/* bytes of a bare signature */
#define NOTE_TIME_MAX INT64_MAX	/* seconds (tlog-cosignature, Format) */

/* What begins a signature line: an em dash and a space. */
#define NOTE_DASH "\xe2\x80\x94 "
#define NOTE_DASH_LEN 4

/* UTF-8, not empty, without Unicode spaces, control characters and "+". */
bool note_name_fits(struct bytes name);
uint32_t note_key_id(struct bytes name, enum note_type type,
	const uint8_t key[NOTE_KEY]);
/* What a key of that type signs. */
int note_signed(struct bytes text, enum note_type type, uint64_t seconds,
	struct buf *ret);

#endif
