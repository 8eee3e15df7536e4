/*
 * verifywalk: the regular files below a folder, one after the other.
 *
 * Symbolic links and what is no regular file are passed over and counted; the
 * folder DIR/.certs is passed over.  Names come sorted by their bytes; of a folder with more
 * than VERIFYWALK_RUN names those of each run that the file system gives.
 *
 * Anybody may have made the tree, so memory is bounded whatever it holds:
 * there is no recursion, a folder is read in runs, and when the folders that
 * the walk is in keep much already, in short ones.  A descriptor is open only
 * for a folder that has further runs.
 */
#ifndef FS_VERIFYWALK_H
#define FS_VERIFYWALK_H

#include <stdbool.h>

#include "core/bytes.h"

#define VERIFYWALK_RUN 512 /* names sorted together */

struct verifywalk {
	int dir;
	/* NAME.cert beside a NAME is passed over, unless it has a certificate
	 * of its own below certs (-1: there is no such folder). */
	bool companions;
	int certs;
	/* A file, by its path below dir; with why, which lives for ever: a
	 * path at which something could not be read.  Not 0 ends the walk. */
	int (*visit)(void *ctx, struct bytes path, const char *why);
	void *ctx;
};

/* 0, -ENOMEM, or what visit() returned.  *ret_others is how many links and
 * others were passed over. */
int verifywalk(const struct verifywalk *w, uint64_t *ret_others);

#endif
