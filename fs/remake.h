/*
 * remake: a vault's plain files made again out of its buckets.
 *
 * For a vault that is not mounted.  A file is written whole, with all its
 * attributes, under VAULT/damaged; what lies at its place gets a name there
 * too; then the new one takes the place by one rename.  So at any moment the
 * place holds the old or the new one, and what was damaged is kept.  So are
 * versions that have to lie in VAULT/versions.
 */
#ifndef FS_REMAKE_H
#define FS_REMAKE_H

#include "fs/plain.h"

struct remake_counts {
	uint64_t files, bytes, failed;	/* failed ones are findings */
};

/* Makes all of the list again that is final; what cannot be is a finding.  l
 * was read.  local: for the attributes of folders. */
int remake_run(struct ledger *l, struct local *local, const char *vault,
	struct plain_list *p, struct remake_counts *ret);

#endif
