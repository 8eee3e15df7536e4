/*
 * keeping: what a chain that is read from its first block on says about how
 * long its files are kept, and whether its deletions were allowed: the rules
 * of core/retention.h over a whole chain, for audit and restore.
 *
 * A deletion is allowed when the chain has a mode and nothing holds the file,
 * and then either the block before its own was stamped when the date of the
 * file had passed, or the mode is governance and the record bears an order of
 * a governance key.  The deletion of a link is allowed with its file's.  The
 * mode is governance until a record by such an order makes it compliance.
 * A tombstone is allowed for a folder, for what has class version, and for what
 * has class append and was renamed.
 */
#ifndef FS_KEEPING_H
#define FS_KEEPING_H

#include "core/params.h"
#include "core/record.h"

struct keeping;

struct keeping_counts {
	uint64_t dated, held;	/* files that are there */
	uint64_t expired, ordered; /* deletions */
	enum retention_mode mode;  /* in the end */
};

/* p must outlive it.  NULL: no memory. */
struct keeping *keeping_new(const struct params *p, const struct hash *anchor);
void keeping_free(struct keeping *k);
/* The next record of the chain; before_ms: when the block before its own was
 * stamped.  0; -EPERM for a deletion or tombstone that was not allowed, which
 * is then as if it were not there; -ENOMEM. */
int keeping_add(struct keeping *k, uint64_t before_ms, const struct record *r,
	struct bytes raw);
/* Of the file's own record, with what came after it: its date, or 0. */
uint64_t keeping_until(const struct keeping *k, struct bytes raw);
/* Is that record's name gone? */
bool keeping_deleted(const struct keeping *k, struct bytes raw);
void keeping_count(const struct keeping *k, struct keeping_counts *ret);

#endif
