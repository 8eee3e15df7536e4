/* plain_inner: what the files of plain.h share. */
#ifndef FS_PLAIN_INNER_H
#define FS_PLAIN_INNER_H

#include "core/record.h"
#include "fs/plain.h"

struct checking {
	struct ledger *l;
	int files, versions;	/* versions: -1 if there are none */
	uint64_t total;
	struct plain_list *list;
};

/* -- plain.c */

/* The bytes in versions/ of what that record sealed; attributes may be those
 * of a newer one. */
int plain_judge_version(struct checking *c, const struct hash *dh,
	const struct record *d, enum plain_state *ret);
/* One was looked at. */
int plain_note(struct checking *c, enum plain_state state, bool kept,
	const struct local_record *r);

/* -- plain_past.c */

/* Looks at all that must lie in versions/ as it is not the newest of its path
 * any more.  What a daemon does meanwhile may leave one out. */
int plain_past(struct checking *c, struct local *local);

#endif
