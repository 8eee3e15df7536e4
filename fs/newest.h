/*
 * newest: the newest time in a chain.
 */
#ifndef FS_NEWEST_H
#define FS_NEWEST_H

#include <stdint.h>

struct local;
struct params;

/* Of the last timestamp, in ms; 0 if there is none that holds.  The clock may
 * have been set back since.  -ENOMEM: it could not be judged. */
int newest_time(struct local *l, const struct params *params,
	uint64_t *ret_ms);

#endif
