/*
 * verifyone: notary-verify over one file, or one certificate by itself.
 *
 * Each function prints what it finds, on standard output for a person or as
 * one JSON object, and returns the exit code; what could not be read is said
 * on standard error as well.
 */
#ifndef FS_VERIFYONE_H
#define FS_VERIFYONE_H

#include <stdbool.h>

#include "fs/demands.h"

enum { EXIT_VALID = 0, EXIT_REFUSED = 1, EXIT_INCOMPLETE = 2, EXIT_USAGE = 64 };

struct verifyone {
	const struct hash *anchor;	/* may be NULL */
	const struct demands *demands;
	bool json;
	uint64_t from, to;		/* of --range; to == 0: a whole file */
};

/* cert NULL: FILE.cert, or in .certs/ of a folder above FILE. */
int verifyone_file(const struct verifyone *o, const char *file, const char *cert);
int verifyone_explain(const struct verifyone *o, const char *cert);
/* The standard objects in it as files in dir, which it makes. */
int verifyone_parts(
	const struct verifyone *o, const char *cert, const char *dir);

/* "notary-verify: NAME: WHY" on standard error, whatever the name holds;
 * EXIT_INCOMPLETE. */
int verify_fail(const char *name, const char *why);
/* What a negative errno of offline.h means, and what to do. */
const char *verify_reason(int rc);
/* Text on standard output, freed; EXIT_INCOMPLETE instead of `exit` when that
 * fails, or when rc says that there was no memory for it. */
int verify_print(int rc, struct buf *text, int exit);

#endif
