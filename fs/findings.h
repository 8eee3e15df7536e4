/*
 * findings: a ledger's findings and progress on stderr: the first ones whole,
 * then a count.
 */
#ifndef FS_FINDINGS_H
#define FS_FINDINGS_H

#include "fs/ledger.h"

struct cli;

struct findings {
	const struct cli *c;
	uint64_t n;
};

struct ledger_events findings_events(struct findings *f);
/* Clears the progress and says how many were not shown. */
void findings_end(struct findings *f);

#endif
