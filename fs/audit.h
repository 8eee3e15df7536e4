/*
 * audit: every byte that a ledger's buckets hold of its chain: all shares of
 * all packs and extents, not only as many as restore.
 */
#ifndef FS_AUDIT_H
#define FS_AUDIT_H

#include "fs/keeping.h"
#include "fs/ledger.h"

struct content_store;

struct audit_options {
	/* How long to wait for objects that a running daemon may be about to
	 * write. */
	uint64_t live_ms;
	/* Plain files that stand in where too few shares are good; they are
	 * believed only as far as the records bear them out.  NULL: none. */
	struct content_store *plain;
};

struct audit_counts {
	uint64_t records, files, bytes;	/* of the main chain; files: contents */
	uint64_t unread;	/* objects whose content could not be had */
	struct keeping_counts keeping;
};

/* Reads the chain and checks its contents; findings go where the ledger's
 * go, and what can be is mended on the way (ledger_events). */
int audit_run(struct ledger *l, const struct audit_options *o,
	struct audit_counts *ret);

struct local;
/* Compares a vault's own state with the chain just audited. */
int audit_state(struct ledger *l, struct local *local);

#endif
