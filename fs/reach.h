/*
 * reach: whether everything below a folder can be named when it has another
 * path.
 *
 * What has a path that is too long for a record (NODE_PATH) cannot be made in
 * the mount, and could neither be found in it nor sealed.  So no folder is
 * renamed that would leave something there.
 */
#ifndef FS_REACH_H
#define FS_REACH_H

struct mount;

/* May the folder at `from` get the path `to`?  0, -ENAMETOOLONG, or another
 * negative errno.  Tree held for writing. */
int reach_moved(struct mount *m, const char *from, const char *to);

#endif
