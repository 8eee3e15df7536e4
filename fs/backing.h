/*
 * backing: system calls below files/, the folder of plain files.
 *
 * B1  A path never leaves files/ and never follows a symlink, whoever changes
 *     the folder meanwhile (openat2, RESOLVE_BENEATH | NO_SYMLINKS | NO_XDEV).
 * B2  What stands for a file is an O_PATH descriptor; its attributes go
 *     through it, so that the file checked is the file changed.
 * Paths are relative, "" is files/ itself.  Any thread.
 */
#ifndef FS_BACKING_H
#define FS_BACKING_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/record.h"

/* A descriptor, or a negative errno. */
int backing_open(int root, const char *path, int flags);
/* For reading, also where the owner may not (mode 0200): the owner's read bit
 * is set for that moment. */
int backing_open_read(int root, const char *path);
int backing_stat(int root, const char *path, struct stat *ret);
/* Is the file at path immutable?  false where that cannot be told. */
bool backing_immutable(int root, const char *path);
/* chattr +iA and -i.  -EOPNOTSUPP, -EPERM where that is not to be had. */
int backing_set_immutable(int root, const char *path, bool on);
int backing_flag_fd(int fd, bool on);
/* "/proc/self/fd/N": names an O_PATH descriptor for calls that take paths. */
#define BACKING_NAME 32
void backing_name(int fd, char ret[BACKING_NAME]);
/* Has anybody the file that fd reads open for writing, or mapped so that it can
 * be written?  1, 0, or negative where the file system cannot tell.  fd is
 * O_RDONLY, and the only one of its description that is asked about. */
int backing_written(int fd);
/* fsync of the file or folder at path. */
int backing_sync(int root, const char *path);
/* The extended attributes that a record carries: user.* but not
 * user.notary.*, and POSIX ACLs, in the order of record.h, as many as it has
 * room for; *ret_left_out counts the others.  *ret is empty if none. */
int backing_xattrs(int fd, struct buf *ret, unsigned *ret_left_out);
/* The name of the preset that a folder was given (fs/binding.h): its length,
 * or 0. */
#define BACKING_PRESET (RECORD_PRESET_MAX + 1)
int backing_preset(int fd, char ret[BACKING_PRESET]);

#endif
