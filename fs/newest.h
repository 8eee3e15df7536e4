/*
 * newest: the newest time in a chain.
 */
#ifndef FS_NEWEST_H
#define FS_NEWEST_H

#include <stdint.h>

struct local;

/* Of the last local timestamp, in ms; 0 if there is none.  The clock may have
 * been set back since. */
uint64_t newest_time(struct local *l);

#endif
