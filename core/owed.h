/*
 * owed: which number the buckets are to get next.
 *
 * Numbers reach the buckets in their order, whoever puts them: who has only
 * the buckets could never pass a gap.  A number is owed while the write quorum
 * may lack it: its lag says so (local.h), or its block has it and is not final
 * yet.
 */
#ifndef CORE_OWED_H
#define CORE_OWED_H

#include "core/local.h"
#include "core/replica.h"

/* The lowest number owed of from..to - 1, else to.  0, or a negative errno of
 * local's; *ret is set with 0 only. */
int owed_lowest(struct local *l, const struct replica *r, uint64_t from,
	uint64_t to, uint64_t *ret);

#endif
