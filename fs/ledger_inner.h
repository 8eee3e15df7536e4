/*
 * ledger_inner: what the files of the ledger share.
 */
#ifndef FS_LEDGER_INNER_H
#define FS_LEDGER_INNER_H

#include "fs/ledger.h"

/* The key with the chain's prefix, as a bucket has it. */
void ledger_key(const struct ledger *l, const char *key,
	char ret[WORM_KEY_MAX + 1]);
/* A replica of the shares in mask (bit i: share i), with handles of its own. */
int ledger_replica(struct ledger *l, uint32_t mask, struct replica **ret);

#endif
