/*
 * refusals: what somebody tried to do to sealed files and was refused, one
 * line of JSON each, in VAULT/state/refused.log, as .notary/audit shows it:
 *
 *	{"time": this machine's, "chain": the chain's clock or null,
 *	 "op": "unlink", "path": ..., "uid": .., "pid": .., "command": ...,
 *	 "error": "EPERM"}
 *
 * It is bounded: a file of REFUSALS_BYTES and the one before it
 * (refused.log.1).  It costs next to nothing when a tool tries in a loop: of
 * many in a short time some are written, the others are counted in a line
 * {"suppressed": n}.  It survives a crash of the daemon; of the machine, as
 * much as the system had written.
 */
#ifndef FS_REFUSALS_H
#define FS_REFUSALS_H

#include "core/bytes.h"
#include "core/clock.h"

#define REFUSALS_BYTES (1 << 20)	/* of one file */
#define REFUSALS_BURST 100		/* written at once */
#define REFUSALS_RATE 10		/* written a second, later on */

struct refusals;

struct refusal {
	const char *op, *path;
	unsigned uid;
	int pid;		/* 0: of another namespace */
	int error;		/* negative errno */
	uint64_t chain_ms;	/* 0: not known */
};

/* Goes on with what is there. */
int refusals_open(const char *file, struct clock *clock,
	struct refusals **ret);
void refusals_close(struct refusals *r); /* NULL is fine */
/* Would one more be written now?  If not, it is counted. */
bool refusals_due(struct refusals *r);
/* Writes one that was due.  What cannot be written is counted. */
void refusals_add(struct refusals *r, const struct refusal *what);
/* All lines that are kept, oldest first. */
int refusals_read(struct refusals *r, struct buf *ret);

#endif
