/*
 * large: seals large files beside the others.
 *
 * What has more than a pack takes (object.h) is hashed for long: 1 GB/s.  It
 * has threads of its own, so that it keeps nothing else waiting: LARGE_LANES
 * files at a time, the others in the order in which they came.  One lane takes
 * none of more than LARGE_MOST, so that nothing smaller waits for the huge ones
 * either.  Each file is a group of its own.
 *   L1  The end of the mount does not wait: what is being hashed is given up
 *       and settles again in the next mount.  Nothing of it is recorded.
 *   L2  So is what was cancelled (settle.h).
 */
#ifndef FS_LARGE_H
#define FS_LARGE_H

#include <stdint.h>

#include "core/bytes.h"

#define LARGE_LANES 3
#define LARGE_MOST ((uint64_t)1 << 30) /* bytes: a second or two */

struct group;
struct large;
struct mount;
struct mount_hashing;

int large_new(struct mount *m, struct large **ret);
int large_start(struct large *l);
/* L1 */
void large_stop(struct large *l);
void large_free(struct large *l);
/* Takes over a group with one file of about that many bytes. */
void large_give(struct large *l, struct group *g, uint64_t bytes);
/* names: NULL, or gets a line of JSON for each: path, bytes, done. */
int large_look(struct large *l, struct mount_hashing *ret, struct buf *names);

#endif
