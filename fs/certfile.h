/*
 * certfile: certificates out of local state.
 */
#ifndef FS_CERTFILE_H
#define FS_CERTFILE_H

#include "core/local.h"

struct certfile;

/* Keeps the trees of the last few blocks.  b0 and params are raw and must
 * outlive it.  Any thread. */
int certfile_open(struct local *local, struct bytes b0, struct bytes params,
	struct certfile **ret);
void certfile_free(struct certfile *c);
/* A certificate gains its "final by" when the next block or so is final, and is
 * in another one when it was renewed (renewal.h); all else in it never changes.
 * The certificate of the newest record of path: 0, -ENOENT (no such record),
 * -EAGAIN (not final yet). */
int certfile_make(struct certfile *c, struct bytes path, struct buf *ret);
/* That of the record with this id in local. */
int certfile_record(struct certfile *c, uint64_t id, struct buf *ret);

#endif
