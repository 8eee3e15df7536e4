/*
 * start: what memory must know of files/ before the first request.
 */
#ifndef FS_START_H
#define FS_START_H

struct mount;
struct node;

/* Walks files/ at and below path ("" is all).  A file or symlink without a
 * record is settling (its timer starts now); a folder whose attributes differ
 * from its record's owes one; a sealed file that lost its immutable flag gets
 * it again.  Tree held by the caller, or nobody else there yet. */
int start_walk(struct mount *m, const char *path);
/* The folder at path owes a record if its newest one says otherwise.  Locks as
 * above. */
int start_folder(struct mount *m, const char *path);
/* The node of a folder, held by a lookup: inode_forget() it.  NULL: there is
 * none.  Locks as above. */
struct node *start_node(struct mount *m, const char *path);
/* Reads how the last run ended and notes that this one runs.  A file that is
 * unsealed and was changed (ctime) during a run that was cut off is unclean:
 * its writer, or what the writer had not synced, may be lost. */
int start_begin(struct mount *m);
/* This run ended well: nothing was open for writing. */
int start_end(struct mount *m);

#endif
