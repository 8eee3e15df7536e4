/*
 * worm_dir: a bucket that is a folder; a key is a path below it.
 *
 * An object is written without a name (O_TMPFILE), or under +tmp/ where the
 * file system cannot do that, made 0444 and fsynced, and linked to its name
 * (link refuses an existing name, so two writers cannot both win); then, where
 * the file system and our rights allow it, it is made immutable (chattr +i),
 * and the name's folder is fsynced.  No key has a "+" in it.  Leftovers under
 * +tmp/ belong to nobody after a crash and are removed when the bucket is
 * opened; those of a live writer are locked and stay.
 *
 * replace() writes the new object under +damaged/ first and then lets the two
 * change names (RENAME_EXCHANGE), so that neither is ever without one.  What
 * was replaced is +damaged/KEY.N, with a "+" for each slash of the key; nobody
 * here deletes it.
 *
 * Several processes may use one bucket.  A key cannot be another's folder
 * here: "a/b" is refused where there is "a" (-ENOTDIR), and the reverse
 * (-EEXIST).
 */
#ifndef BACKENDS_WORM_DIR_H
#define BACKENDS_WORM_DIR_H

#include "core/worm.h"

/* Opens the folder, making it (0700) if create.  -ENOENT, -ENOTDIR, ...
 * read_only: never writes, not even to clean +tmp/; put says -EROFS. */
int worm_dir_open(const char *path, bool create, bool read_only,
	struct worm **ret);

#endif
