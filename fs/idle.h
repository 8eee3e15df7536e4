/*
 * idle: temporary names that nobody has touched for long.
 *
 * What has a temporary name is sealed only under another one, so what a tool
 * left behind stays unprotected for ever, and nobody is told.  A file of class
 * temp is idle when its last change (ctime, so a remount does not matter) is
 * longer ago than temp_max of the configuration; what a writer has open is not.
 * It is looked for when somebody asks, never by what changes files: the lock is
 * held while all that is unsealed is gone through, unless nothing is of class
 * temp.
 */
#ifndef FS_IDLE_H
#define FS_IDLE_H

#include <stdint.h>
#include <sys/stat.h>

#include "core/bytes.h"

struct mount;
struct mount_idle;
struct node;

/* Lock held, at the start: since when it has been as it is.  idle_begin() says
 * that all are seen. */
void idle_seen(struct mount *m, struct node *n, const struct stat *st);
void idle_begin(struct mount *m);
/* oldest: NULL, or gets a line of JSON with path and idle_s of the one that was
 * left alone for longest; nothing if there is none. */
int idle_look(struct mount *m, struct mount_idle *ret, struct buf *oldest);

#endif
