/*
 * verifysay: what notary-verify says of a whole tree and of a log, for a
 * person or as JSON; each returns the exit code.
 */
#ifndef FS_VERIFYSAY_H
#define FS_VERIFYSAY_H

#include <stdbool.h>

#include "fs/verifylog.h"
#include "fs/verifytree.h"

/* The sum at a tree's end; anchor NULL: none was given. */
int verifysay_tree(const struct verifytree_counts *n, const struct hash *anchor,
	bool json);

/* That the folder could not be read, or that of the certificates, and why. */
int verifysay_no_tree(const char *folder, const char *why,
	const struct hash *anchor, bool json);

struct verifysay_log {
	const struct verifylog *log;
	const char *dir;
	char *const *old;	/* checkpoints it was held against */
	size_t n_old;
	bool anchored, json;
};
/* rc is verifylog()'s. */
int verifysay_log(const struct verifysay_log *s, int rc);

#endif
