/*
 * conftext: the notaryfs.conf that init writes: every setting with its
 * meaning, its default and what is allowed.
 */
#ifndef FS_CONFTEXT_H
#define FS_CONFTEXT_H

#include "core/bytes.h"
#include "fs/init.h"

/* bucket: o->n absolute folders, or NULL for buckets/0 ... in the vault. */
int conftext(const struct init_options *o, char *const *bucket,
	struct buf *ret);

#endif
