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

#endif
