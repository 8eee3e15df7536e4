/*
 * example: a whole small chain in memory, one encoding of each format.
 *
 * Block zero, one block of the first six records, numbered by a sequencer whose
 * local attestor vouches for it, and a later block that names it: the examples of core/FORMAT.md are one such
 * chain.  Signatures differ from run to run, all else is the same.
 */
#ifndef TESTS_EXAMPLE_H
#define TESTS_EXAMPLE_H

#include "core/bytes.h"

enum example_name {
	EX_CONTENT,
	EX_RECORD_MKDIR,
	EX_RECORD_PUT,
	EX_RECORD_SYMLINK,
	EX_RECORD_LINK,
	EX_RECORD_TOMBSTONE,
	EX_RECORD_LARGE,
	EX_RECORD_PRESET,
	EX_RECORD_VERSION,
	EX_RECORD_RENAMED,
	EX_RECORD_APPEND,
	EX_RECORD_RETENTION,
	EX_RECORD_HOLD,
	EX_RECORD_DELETION,
	EX_RECORD_COMPLIANCE,
	EX_PARAMS,
	EX_BLOCK_ZERO,
	EX_BLOCK_ONE,
	EX_TIMESTAMP_ZERO,
	EX_TIMESTAMP_ONE,
	EX_SEQUENCE_ZERO,
	EX_SEQUENCE_ONE,
	EX_LOG_ENTRY,
	EX_RECOVERY,
	EX_DOCUMENT,
	EX_DOCUMENT_DATA,
	EX_META,
	EX_EXTENT_META,
	EX_NUMBER,
	EX_GENESIS,
	EX_SHARE_HEADER,
	EX_FINAL_BY,
	EX_CERTIFICATE,
	EXAMPLES
};

struct example {
	struct buf part[EXAMPLES];
	struct hash anchor; /* H(b0) */
};

/* The word after "hex" where FORMAT.md shows it. */
const char *example_title(enum example_name e);
/* Ends the test program when something cannot be made. */
void example_make(struct example *ret);
void example_done(struct example *e);

#endif
