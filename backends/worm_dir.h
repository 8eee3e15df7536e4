/*
 * worm_dir: a bucket that is a folder.
 *
 * An object is written under tmp/, fsynced, and linked to its name (link
 * refuses an existing name, so two writers cannot both win); then the name's
 * folder is fsynced, the file is made 0444 and, where the file system and our
 * rights allow it, immutable (chattr +i).  Leftovers under tmp/ belong to
 * nobody after a restart and are removed when the bucket is opened.
 */
#ifndef BACKENDS_WORM_DIR_H
#define BACKENDS_WORM_DIR_H

#include "core/worm.h"

/* Opens the folder, making it (0700) if create.  -ENOENT, -ENOTDIR, ...
 * read_only: never writes, not even to clean tmp/. */
int worm_dir_open(const char *path, bool create, bool read_only,
	struct worm **ret);

#endif
