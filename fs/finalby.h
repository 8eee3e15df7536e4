/*
 * finalby: the later block that shows by when a block was final.
 *
 * It is always the first one above it that names a log with it, so a
 * certificate gets this part once and keeps it as it is.  The log is read out
 * of local state when it is first asked for, 64 bytes of memory a block.
 *
 * One thread at a time.
 */
#ifndef FS_FINALBY_H
#define FS_FINALBY_H

#include "core/local.h"
#include "core/mlog.h"

/* Blocks above that are asked.  A block names the log as of when it was made,
 * so only those in flight at that time do not name the one before them. */
#define FINALBY_LOOK 256

struct finalby;

struct finalby_proof {
	struct local_block later;
	size_t path_len;
	struct hash path[MLOG_DEPTH];	/* of the block's entry */
};

struct finalby *finalby_new(struct local *l); /* NULL: no memory */
void finalby_free(struct finalby *f);
/* For a final block.  0 and the proof, local_block_done() its block; -ENOENT:
 * no final block names it yet. */
int finalby_find(
	struct finalby *f, uint64_t height, struct finalby_proof *ret);

#endif
