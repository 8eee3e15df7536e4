/*
 * verifylog: checks a log as the mount shows it (logtree.h), or a copy of it.
 *
 * From the anchor down: block zero, the parameters in it, the enclave's
 * document by these, the keys beside it, which are for other programs, and the
 * checkpoint by what the document names; then
 * every entry against its leaf, and the leaves against the checkpoint's root.
 * Older checkpoints, kept by whoever wants to know that the log has only
 * grown, must have the root that these leaves have at their size; who signed
 * them does not matter then.
 *
 * Memory does not depend on the size of the log.
 */
#ifndef FS_VERIFYLOG_H
#define FS_VERIFYLOG_H

#include "core/bytes.h"
#include "core/params.h"

struct verifylog {
	uint64_t size;		/* entries */
	struct hash root, anchor; /* the chain is this one */
	uint32_t epoch;		/* whose key signed */
	enum vouched trust;
	char why[256];		/* with -EKEYREJECTED: what is wrong */
	char path[64];		/* with another error: of what file below dir,
				   or empty: of `old` */
	const char *old;	/* one of those given, or NULL: dir itself */
};

/* anchor NULL: the one that block zero has, which proves nothing.  0;
 * -EKEYREJECTED; or the negative errno of reading a file. */
int verifylog(const char *dir, const struct hash *anchor, char *const *old,
	size_t n_old, struct verifylog *ret);

#endif
