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

/* Does this error (positive) say that a mount's daemon is gone?  A request that
 * was under way when it died is answered with ECONNABORTED, later ones with
 * ENOTCONN, and all with ECONNREFUSED when it was killed while it answered the
 * kernel's first one (FUSE_INIT) and the last of its threads is not out of the
 * kernel yet (conn_error in fs/fuse/inode.c of Linux). */
bool mount_gone(int error);
/* Is there a mount whose daemon is gone?  stat() may be answered from the dead
 * mount's cache, so this asks what no cache holds. */
bool mount_is_dead(const char *dir);

#endif
