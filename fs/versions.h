/*
 * versions: the bytes of what was sealed and is not at its name any more.
 *
 * VAULT/versions/HH/HEX, where HEX is H(d) of the record that sealed them and
 * HH its first byte; on the file system of files/.  They come there as another
 * name of the file, which costs nothing however large it is; so one file may
 * be several versions and still be in files/, until its bytes change.
 *   V1  A version is there, durably, before its name in files/ goes.
 *   V2  Before the bytes of a file in files/ change, its versions get a copy
 *       of them (versions_part()).
 *   V3  Nobody else changes or removes them.
 */
#ifndef FS_VERSIONS_H
#define FS_VERSIONS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "core/bytes.h"

#define VERSIONS_NAME (3 + HASH_HEX + 1) /* "HH/HEX" and a NUL */
void versions_name(const struct hash *dh, char ret[VERSIONS_NAME]);
/* The folder, made if it is not there: a descriptor, or a negative errno. */
int versions_open(const char *dir);
/* A descriptor for reading one, or a negative errno.  -ENOENT also if there is
 * no folder (-1). */
int versions_read(int versions, const struct hash *dh);
/* stat of one, symlinks too. */
int versions_stat(int versions, const struct hash *dh, struct stat *ret);
/* fd (O_PATH will do) stands for what is kept from now on: 1, or 0 if it is
 * kept already.  The file must not be immutable at that moment. */
int versions_keep(int versions, const struct hash *dh, int fd);
/* It is at its name still, as it was.  Not there is 0. */
int versions_drop(int versions, const struct hash *dh);
typedef void versions_visit(void *ctx, const struct stat *st);
/* Visits each of them; a negative errno. */
int versions_each(int versions, versions_visit *visit, void *ctx);
/* How many versions that inode is: the number, or a negative errno.  Reads all
 * names. */
int versions_count(int versions, ino_t ino);
/* V2, for the file that fd, open for reading, stands for.  immutable: the copy
 * gets the flag.  One thread at a time.  1: a copy was made; 0: none was
 * needed. */
int versions_part(int versions, int fd, bool immutable);

#endif
