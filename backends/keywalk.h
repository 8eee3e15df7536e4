/*
 * keywalk: the keys in a tree of folders, in ascending order of their bytes.
 *
 * That order is not the order of the names of folders: "a-b" stands before
 * "a/b", which stands before "a0"; so a folder sorts as its name with the
 * slash.  Of each folder on the way at most KEYWALK_NAMES names are in memory
 * at once; a larger one is read again for the next of them.
 */
#ifndef BACKENDS_KEYWALK_H
#define BACKENDS_KEYWALK_H

#include "core/bytes.h"

#define KEYWALK_NAMES 65536

/* Visits every regular file below the folder root whose path is a key
 * (worm_key_ok) and begins with prefix, until visit returns non-zero, which is
 * then returned.  What goes away meanwhile is left out, what comes may be.
 * -ENOMEM, -EIO, ... */
int keywalk(int root, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx);

#endif
