/*
 * verifytree: checks every file below a folder against its certificate.
 *
 * The certificate of DIR/REL is DIR2/REL.cert where --certs names DIR2; else
 * DIR/REL.cert, or DIR/.certs/REL.cert as `notaryfs restore` leaves it.
 * Symbolic links and what is no regular file are passed over, and so is
 * NAME.cert beside a NAME.  Memory does not depend on how much there is; one
 * descriptor is open for each level of folders.
 */
#ifndef FS_VERIFYTREE_H
#define FS_VERIFYTREE_H

#include <stdio.h>

#include "core/verify.h"

struct verifytree_options {
	const char *dir, *certs;	/* certs may be NULL */
	const struct hash *anchor;	/* may be NULL */
	bool json;			/* one object a line */
	FILE *out;			/* refusals and the sum */
	FILE *progress;			/* a terminal, or NULL */
};

struct verifytree_counts {
	uint64_t valid, refused, incomplete;
	uint64_t renamed;	/* of the valid: recorded under another name */
};

/* 0, or the negative errno of opening dir or certs.  What fails below dir is
 * counted as incomplete and printed. */
int verifytree(const struct verifytree_options *o,
	struct verifytree_counts *ret);

#endif
