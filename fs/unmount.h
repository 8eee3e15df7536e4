/*
 * unmount: takes a FUSE mount away, as root by itself, as a user through
 * fusermount3.
 */
#ifndef FS_UNMOUNT_H
#define FS_UNMOUNT_H

#include <stdbool.h>

/* lazy: also when it is busy.  -EBUSY, -EINVAL (not a mount point), -EPERM,
 * -ENOENT (no fusermount3). */
int unmount(const char *dir, bool lazy);

/* Is there a mount whose daemon is gone?  A request that was under way when it
 * died is answered with ECONNABORTED, later ones with ENOTCONN; stat() may be
 * answered from the dead mount's cache, so this asks what no cache holds. */
bool mount_is_dead(const char *dir);

#endif
