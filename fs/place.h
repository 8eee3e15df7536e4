/*
 * place: what a path on the command line is: a vault's folder, or something
 * inside a mounted vault, which says about itself below .notary/.
 */
#ifndef FS_PLACE_H
#define FS_PLACE_H

#include "core/bytes.h"

/* Does this folder look like a vault (finished or cut off)? */
bool place_is_vault(const char *path);
/* The folder of the vault that path, which need not be there, lies in and is
 * not itself; NULL: in none, or no memory.  The caller's. */
char *place_around(const char *path);
/* Is it a folder that the caller may not look into? */
bool place_closed(const char *path);
/* Is there anything of that name (a link itself counts)? */
bool place_exists(const char *path);
struct stat;
/* Is it one of the mount's own files and folders (virtual.h)?  What they are,
 * for people. */
bool place_virtual(const char *path, const struct stat *st);
#define PLACE_VIRTUAL "it is virtual: the mount makes it of what is recorded"
/* The root of the mounted vault that path lies in, and path relative to it
 * (empty for the root itself).  The last component of path is not followed
 * when it is a symbolic link, unless the link lies outside and leads to a root.
 * -ENOENT: not in one, -ENOTCONN: in one whose daemon is gone, or -errno of
 * path. */
int place_mount(const char *path, char **ret_root, char **ret_rest);
/* The same for a path of which only some folder above need be there; links are
 * followed, but for one in a mount that is the last component. */
int place_future(const char *path, char **ret_root, char **ret_rest);
/* DIR/.notary/NAME, whole. */
int place_read(const char *root, const char *name, struct buf *ret);
/* The certificate of rest; -ENOENT: none yet; -ENAMETOOLONG: it has no name
 * there, for the mount takes paths of RECORD_PATH_MAX. */
int place_cert(const char *root, const char *rest, struct buf *ret);
int place_anchor(const char *root, struct hash *ret);
/* Is the vault of that anchor mounted at root?  0, -ESTALE: another is, or the
 * error of asking (-ENOENT: none). */
int place_is(const char *root, const struct hash *anchor);

/* What a walk is at. */
struct placed {
	const char *name;	/* what it is called, however long that is */
	const char *path;	/* the same; or, where that is longer than a
				 * system call takes, another one to it that
				 * holds during the visit, in /proc/self/fd */
	const struct stat *st;	/* unless err */
	int err;		/* 0, or why it cannot be looked at or into */
};
/* Visits path and, if it is a folder, everything below it; folders before
 * what is in them; links are not followed; other file systems are not
 * entered.  Stops when visit returns non-zero and returns that; what is wrong
 * with path itself is returned too and not visited. */
int place_walk(const char *path,
	int (*visit)(void *ctx, const struct placed *p), void *ctx);
/* The path in the mount of what a walk from path, which is rest there, calls
 * name.  The caller's; NULL: no memory. */
char *place_below(const char *path, const char *rest, const char *name);

#endif
