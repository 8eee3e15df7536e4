/*
 * contentfs: sealed contents out of files/, for the write path.
 *
 * A file is opened for each read: its name cannot change any more, and no
 * descriptor is kept.  Any thread.
 */
#ifndef FS_CONTENTFS_H
#define FS_CONTENTFS_H

#include "core/notary.h"

/* -ENOENT, -ENOTDIR, ...: files_dir cannot be opened. */
int contentfs_open(const char *files_dir, struct content_store **ret);
void contentfs_free(struct content_store *c);

#endif
