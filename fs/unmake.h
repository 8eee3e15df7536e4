/*
 * unmake: takes away what was made for something that then could not be had.
 *
 * Paths are noted when they were made, by whoever made them, and nothing else
 * is ever removed.  One thread.
 */
#ifndef FS_UNMAKE_H
#define FS_UNMAKE_H

#include <stddef.h>

#define UNMAKE_MAX 64		/* paths; a vault has a dozen, and two a bucket */

struct unmake {
	size_t n;
	char *path[UNMAKE_MAX];
};

/* Notes that path, a file or a folder with all that comes to lie in it, was
 * made.  0, -ENOMEM, or -E2BIG. */
int unmake_note(struct unmake *u, const char *path);
/* Removes what was noted, the last first, immutable or not; what cannot be
 * removed, or is not there, is passed over. */
void unmake_all(struct unmake *u);
/* Forgets it: it stays. */
void unmake_done(struct unmake *u);

#endif
