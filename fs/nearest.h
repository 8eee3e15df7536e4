/*
 * nearest: which of the words there are somebody may have meant.
 */
#ifndef FS_NEAREST_H
#define FS_NEAREST_H

#include <limits.h>
#include <stdbool.h>

#define NEAREST_NONE UINT_MAX

/* Is word so like this candidate that it may be meant, and more so than what
 * *best is about?  Then *best becomes its distance: letters to change, add,
 * drop or swap with their neighbour.  Begin with *best = NEAREST_NONE. */
bool nearest_is(const char *word, const char *candidate, unsigned *best);

#endif
