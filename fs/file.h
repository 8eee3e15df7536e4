/*
 * file: whole small files, read with a limit and written durably.
 */
#ifndef FS_FILE_H
#define FS_FILE_H

#include <sys/types.h>

#include "core/bytes.h"

/* The whole file, of at most max bytes (-EFBIG). */
int file_read(const char *path, size_t max, struct buf *ret);
/* The same of a path below dir. */
int file_read_at(int dir, const char *path, size_t max, struct buf *ret);
/* A new file (-EEXIST if the name is taken) with exactly this content and
 * mode; file and folder are durable when it returns 0. */
int file_write_new(const char *path, mode_t mode, struct bytes data);
/* The file has this content and mode from one moment to the next; a reader
 * sees the old one or the new one.  Beside it "PATH.tmp" is used.  Not made
 * durable. */
int file_replace(const char *path, mode_t mode, struct bytes data);
/* All of data, or the negative errno. */
int file_write_all(int fd, struct bytes data);
/* The same at the end of a new file, with holes where there are long runs of
 * zeros. */
int file_write_sparse(int fd, struct bytes data);
/* The next n bytes are a hole. */
int file_write_hole(int fd, uint64_t n);
/* The entries of the folder that holds path are durable when it returns 0. */
int file_sync_entry(const char *path);

#endif
