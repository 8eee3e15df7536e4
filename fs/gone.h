/*
 * gone: folders that were recorded and are not there any more.
 *
 * A folder that is removed or renamed leaves its record as the newest of its
 * path; a tombstone puts that right.  Operations only note paths, in memory;
 * the sealer's thread, which alone records folders, looks at them after each
 * group: what has a folder's record below such a path and no folder in files/
 * gets a tombstone.  A start notes everything, so none is lost by a crash.
 *   G1  A tombstone follows a folder's record only: mount->newest is held
 *       while the newest record of a path is looked at and the tombstone
 *       queued, and by whoever else records a path outside the sealer's group.
 *   G2  A folder that came back meanwhile is looked at again after its
 *       tombstone, and recorded anew.
 */
#ifndef FS_GONE_H
#define FS_GONE_H

#include <stdbool.h>

struct mount;
struct gone;

int gone_new(struct mount *m, struct gone **ret);
void gone_free(struct gone *g);
/* A folder was at path or folders were below it; "" is all of files/. */
void gone_note(struct gone *g, const char *path);
/* Is there anything noted that has not been looked at? */
bool gone_owed(struct gone *g);
/* The sealer's thread: looks at what was noted.  How many tombstones it
 * queued, or a negative errno; then it looks at everything again later. */
int gone_work(struct gone *g);

#endif
