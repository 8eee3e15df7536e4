/*
 * waiting: until files in a mounted vault are final, or sealed.
 */
#ifndef FS_WAITING_H
#define FS_WAITING_H

#include <stdbool.h>
#include <stdint.h>

struct cli;

enum waiting {
	WAITING_FINAL,
	WAITING_SEALED,		/* what was asked to be (sealing.h) */
};

/* Waits until rest below the mounted root (all below it, for a folder) is
 * that.  The wait itself is in the daemon, so nothing is polled; a child
 * process does it so that it can be given up.  timeout_ms 0: for ever.  A
 * service that fails meanwhile is named once.
 *   0            it is
 *   -ETIMEDOUT   not yet: see waiting_explain()
 *   -ENODATA     it never will be: a temporary or scratch name; or was opened
 *                for writing again
 *   other        the error of the file system */
int waiting_for(const struct cli *c, enum waiting what, const char *root,
	const char *rest, uint64_t timeout_ms);
/* Says on stderr what below path is not final, and why; returns how many. */
uint64_t waiting_explain(const struct cli *c, const char *root,
	const char *path);

/* Why a file of which there is no certificate has none yet. */
const char *waiting_reason(const char *path);
/* As waiting_explain(), of what has a temporary name alone: all below a folder
 * can be final but for that, and waiting_for() says 0. */
uint64_t waiting_temporary(const struct cli *c, const char *root,
	const char *path);

#endif
