/*
 * moving: a folder gets another name, with sealed files of class version in it.
 *
 * It is for each of them as if it were renamed by itself (version.h): what it
 * has sealed is kept, a tombstone with its new path is queued, and it settles
 * there, under all names that it has.  Nothing is moved while anything below is
 * sealed for good, may only grow, or would have a class that protects it less.  A
 * crash between the first tombstone and the rename leaves files without a
 * record where they were: they settle there.
 */
#ifndef FS_MOVING_H
#define FS_MOVING_H

#include "fs/inner.h"

#define MOVING_MAX 1024	/* files that are sealed anew in one rename */

struct moving {
	char **rest;		/* paths of what is sealed, from the folder on */
	size_t n;
	size_t left;		/* of these have left their names */
};
#define MOVING(name) cleanup(moving) struct moving name = {0}
void cleanup_moving(struct moving *mv);

/* Tree held for writing, in all.  May the folder go from one path to the other,
 * NULL: to any?  -EPERM; -EXDEV: too many files. */
int moving_may(struct mount *m, struct node *folder, const char *from,
	const char *to, struct moving *ret);
/* All names are left. */
int moving_leave(struct mount *m, const char *from, const char *to,
	struct moving *mv);
/* The folder is at that path by now, or still: what has left its name settles,
 * and what memory did not know is looked at. */
int moving_end(struct mount *m, const char *path, const struct moving *mv);

#endif
