/*
 * scratch: a folder for one test, on the disk or in memory, that can also be
 * removed when what lies in it was made immutable.
 */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/* A new empty folder below $TMPDIR or /tmp; bails out when it cannot.  Free
 * with scratch_remove(). */
char *scratch_new(void);
/* dir/name in a static ring of a few buffers. */
const char *scratch_path(const char *dir, const char *name);
/* Lets everything below be changed again (chattr -i). */
void scratch_unlock(const char *dir);
void scratch_remove(char *dir);

#endif
