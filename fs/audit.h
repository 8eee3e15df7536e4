/*
 * audit: every byte that a ledger's buckets hold of its chain: all shares of
 * all packs and extents, not only as many as restore.
 */
#ifndef FS_AUDIT_H
#define FS_AUDIT_H

#include "fs/ledger.h"

struct audit_counts {
	uint64_t records, files, bytes;	/* of the main chain; files: contents */
	uint64_t unread;	/* objects whose content could not be had */
};

/* Reads the chain and checks its contents; findings go where the ledger's go.
 * live_ms: how long to wait for objects that a running daemon may be about to
 * write. */
int audit_run(struct ledger *l, uint64_t live_ms, struct audit_counts *ret);

struct local;
/* Compares a vault's own state and its files/ with the chain just audited. */
int audit_vault(struct ledger *l, struct local *local, const char *files_dir);

#endif
