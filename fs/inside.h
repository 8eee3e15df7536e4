/*
 * inside: names that came from outside, opened in a folder and never out of
 * it: no "..", no symbolic link on the way, the last component included.
 */
#ifndef FS_INSIDE_H
#define FS_INSIDE_H

#include <sys/types.h>

#include "core/bytes.h"

/* A descriptor (close-on-exec) or the negative errno.  An empty path is the
 * folder itself. */
int inside_open(int dir, struct bytes path, int flags, mode_t mode);

#endif
