/*
 * bucket: one of a vault's buckets, which may go away and come back.
 *
 * A folder counts as the vault's bucket when the chain's genesis lies in it;
 * so the empty mount point of a disk that is not there is none, and nothing
 * is written into it.  While it is away every call is -ENODEV; each call looks
 * again whether it is back.
 */
#ifndef FS_BUCKET_H
#define FS_BUCKET_H

#include "core/worm.h"
#include "fs/assembly.h"

/* The bucket of that chain (prefix: its hex) which holds share `index`. */
int bucket_new(const struct assembly *a, const char *path, const char *prefix,
	unsigned index, struct worm **ret);
/* Looks whether it is there: 0, or -ENODEV and a sentence why not. */
int bucket_look(struct worm *w, char *ret_why, size_t n);

#endif
