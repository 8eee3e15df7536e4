/*
 * kept: what retain, hold and renew share: files that are named on a command
 * line, and their dates and holds.
 */
#ifndef FS_KEPT_H
#define FS_KEPT_H

#include <stdint.h>

#include "core/json.h"

struct cli;
struct placed;

struct kept {
	const struct cli *c;
	/* For each file and symbolic link: the mount's root and the path
	 * in it.  0; 1: nothing was done; or a negative errno that is said,
	 * but -ECANCELED, which was. */
	int (*visit)(struct kept *k, const struct placed *p, const char *root,
		const char *rest);
	void *ctx;
	bool recursive;			/* kept_run() sets it */
	const char *refusal;		/* what -EPERM means */
	const char *unready;		/* -EBUSY; NULL: it is not sealed */
	uint64_t done, unsealed, refused;
	struct json *json;		/* of kept_list(); NULL: text */
};

/* Every path, and with recursive all below.  Counts what visit returns:
 * -EBUSY is unsealed, other errors are refused; they are named.  An exit
 * code. */
int kept_run(struct kept *k, char **path, int n, bool recursive);
/* kept_run() that prints date, holds and path, as text or JSON.  What is not
 * sealed has neither: passed over, or unsealed when it was named itself. */
int kept_list(struct kept *k, char **path, int n, bool recursive,
	bool as_json);
/* Sealed, also while it is not final yet? */
bool kept_sealed(const struct placed *p);

#endif
