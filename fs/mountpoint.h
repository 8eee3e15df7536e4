/*
 * mountpoint: may a mount go there?
 */
#ifndef FS_MOUNTPOINT_H
#define FS_MOUNTPOINT_H

/* Takes away a mount of ours at dir whose daemon is gone ("Transport endpoint
 * is not connected").  1: it did, 0: there is none, or -EBUSY with a sentence in
 * *ret_why: it is not ours, or cannot be taken away. */
int mountpoint_clear(const char *dir, char **ret_why);
/* mountpoint_clear(), then sees that dir is an empty folder and no mount.
 * -EINVAL, -EBUSY, -ENOTEMPTY, ... with a sentence in *ret_why. */
int mountpoint_ready(const char *dir, char **ret_why);
/* Does that process ("self", or a number) see a notaryfs at dir, which is
 * absolute and without links?  1, 0, or -errno of asking. */
int mountpoint_ours(const char *pid, const char *dir);

#endif
