/*
 * demands: what a verifier asks of a good certificate besides: that something
 * existed by a time (--at), and that witnesses have signed the checkpoint in
 * it (--witness, --witnesses).
 */
#ifndef FS_DEMANDS_H
#define FS_DEMANDS_H

#include "core/verify.h"

struct demands {
	bool have_at;
	uint64_t at_ms;
	size_t n_witnesses;
	struct note_key witness[VERIFY_WITNESSES];
	bool have_quorum;
	size_t quorum;	/* after demands_whole() */
};

/* Adds a witness: its verifier key (C2SP signed-note, "NAME+ID+KEY"), or a file
 * that holds one.  NULL, or what is wrong. */
const char *demands_witness(struct demands *d, const char *text);
/* How many of them are enough. */
const char *demands_quorum(struct demands *d, const char *text);
/* After all of them.  NULL, or what is wrong. */
const char *demands_whole(struct demands *d);
/* Judges a report that verify() has filled; it points into d from then on.  d
 * may be NULL: nothing is asked. */
void demands_meet(const struct demands *d, struct report *r);

#endif
