/*
 * paths: some paths, each a copy of its own, of which the last is taken first.
 */
#ifndef FS_PATHS_H
#define FS_PATHS_H

#include "core/bytes.h"

struct paths {
	char **path;
	size_t n, cap;
};

/* One more.  0 or -ENOMEM. */
int paths_add(struct paths *p, struct bytes path);
/* The newest, which is the caller's now; NULL: there is none. */
char *paths_take(struct paths *p);
/* All of them, for cleanup(paths). */
void cleanup_paths(struct paths *p);

#endif
