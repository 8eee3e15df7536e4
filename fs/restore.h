/*
 * restore: plain files, their metadata and their certificates, out of a ledger
 * that was read, and nothing else.
 *
 * The newest record of each path counts; a deletion that was not allowed does
 * not.  A file's access time is the date until which it is kept, if it has
 * one.  Contents come one pack or one extent
 * at a time and are held against their roots before a file gets its name, so a
 * file is there whole or not at all.  Folders get their attributes last.
 */
#ifndef FS_RESTORE_H
#define FS_RESTORE_H

#include "fs/keeping.h"
#include "fs/ledger.h"

struct restore;

struct restore_counts {
	uint64_t files, bytes, folders, symlinks, links, certificates;
	uint64_t failed;	/* named in findings */
	struct keeping_counts keeping;
};

/* dir: an open, empty folder. */
int restore_new(struct ledger *l, int dir, struct restore **ret);
void restore_free(struct restore *r);
/* For ledger_read(): notes which record of a path is the newest. */
ledger_visit restore_note;
/* Everything, after ledger_read().  0 also with findings; negative when it
 * could not go on. */
int restore_run(struct restore *r, struct restore_counts *ret);

#endif
