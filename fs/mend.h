/*
 * mend: puts objects of a chain right in the buckets in which they are not.
 *
 * The bytes are made as the write path makes them, so they are the bytes that
 * were there.  What is damaged is set aside by its bucket (worm.h, W6).  Every
 * object is put on its own and durable when it counts: killed at any moment,
 * what was mended is mended, and the rest is mended the next time.
 */
#ifndef FS_MEND_H
#define FS_MEND_H

#include "fs/ledger.h"

struct mend;

/* Into the buckets of l in the mask only, each with a handle of its own.  Those
 * that cannot be opened for writing are named in findings. */
int mend_new(struct ledger *l, uint32_t buckets, struct mend **ret);
void mend_free(struct mend *m);
/* The buckets in which the object is right now, of those where it was not. */
uint32_t mend_object(struct mend *m, const struct ledger_object *o);

#endif
