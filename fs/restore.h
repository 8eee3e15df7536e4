/*
 * restore: plain files, their metadata and their certificates, out of a ledger
 * that was read, and nothing else.
 *
 * The newest record of each path counts; a deletion that was not allowed does
 * not.  A file's access time is the date until which it is kept, if it has
 * one.  Contents come one pack or one extent
 * at a time and are held against their roots before a file gets its name, so a
 * file is there whole or not at all.  Folders get their attributes last.
 *
 * On request also what paths had before, as far as it was not deleted for good,
 * in a second folder:
 *	history/PATH/N		what was sealed at PATH as the Nth, from 1 on,
 *				and is not there any more
 *	history/PATH/N.cert	its certificate
 *	deleted/PATH		the last of a PATH that was removed or renamed:
 *				another name of the file in history/
 *	deleted/.certs/PATH.cert
 * The numbers are those of the mount (history.h).  Of a log that has grown
 * there are all certificates, and the file once, as long as it became.
 */
#ifndef FS_RESTORE_H
#define FS_RESTORE_H

#include "fs/keeping.h"
#include "fs/ledger.h"

struct restore;

struct restore_counts {
	uint64_t files, bytes, folders, symlinks, links, certificates;
	uint64_t versions, deleted; /* in the second folder */
	uint64_t failed;	/* named in findings */
	struct keeping_counts keeping;
};

/* dir, past: open, empty folders; past -1: what was before is not wanted. */
int restore_new(struct ledger *l, int dir, int past, struct restore **ret);
void restore_free(struct restore *r);
/* For ledger_read(): notes which record of a path is the newest. */
ledger_visit restore_note;
/* Everything, after ledger_read().  0 also with findings; negative when it
 * could not go on. */
int restore_run(struct restore *r, struct restore_counts *ret);

#endif
