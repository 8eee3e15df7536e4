/*
 * init: makes a vault: folders, keys, block zero, and its first objects in
 * the buckets.
 *
 * The anchor is written last, after everything else is durable, so that a
 * folder without it is known to be unfinished and nothing takes it for a vault.
 * When it cannot be made, what was made of it is taken away again.
 */
#ifndef FS_INIT_H
#define FS_INIT_H

#include <stddef.h>

#include "core/bytes.h"
#include "core/params.h"
#include "fs/inittime.h"

#define INIT_GOVERNANCE_KEY "governance.key"

struct init_options {
	const char *path;	/* of the vault */
	const char *settle;	/* as in notaryfs.conf */
	struct inittime time;
	unsigned k, n;		/* 1 <= k <= n <= PARAMS_BUCKETS_MAX */
	const char *bucket[PARAMS_BUCKETS_MAX];	/* n folders, or all NULL */
	enum retention_mode retention;
	/* Where the governance key goes, if there is one (retention is not
	 * none); NULL: INIT_GOVERNANCE_KEY in the vault. */
	const char *governance_key;
};

/* 0, or a negative errno and a message in *ret_why (owned by the caller;
 * NULL: no memory). */
int init_vault(const struct assembly *a, const struct init_options *o,
	struct hash *ret_anchor, char **ret_why);

#endif
