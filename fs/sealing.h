/*
 * sealing: ends the settle window of files through the mount.
 */
#ifndef FS_SEALING_H
#define FS_SEALING_H

#include <stdbool.h>
#include <stdint.h>

struct cli;

struct sealing {
	const struct cli *c;
	uint64_t sealed;	/* files, links and folders asked for */
	uint64_t busy;		/* named and left: they have a writer */
	uint64_t temporary;	/* left: a temporary or scratch name */
	uint64_t never;		/* named: a folder, a device, a virtual file */
	uint64_t failed;	/* named: something else */
};

/* path, and with recursive everything below it.  0 or the negative errno that
 * ended it; what could not be sealed is named on stderr and counted (temporary
 * names below a folder are only counted: they are as they should be). */
int sealing_path(struct sealing *s, const char *path, bool recursive);

#endif
