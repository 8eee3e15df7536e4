/*
 * mode: what may become of sealed files: as block zero says it, and whether
 * governance has become compliance since, by an order in a record.  There is no
 * way back.
 */
#ifndef FS_MODE_H
#define FS_MODE_H

#include "core/local.h"
#include "core/params.h"

/* By what is queued or in a block; chain: the anchor. */
int mode_read(struct local *l, const struct params *p, const struct hash *chain,
	enum retention_mode *ret);

#endif
