/*
 * verifytree: checks every file below a folder against its certificate.
 *
 * The certificate of DIR/REL is DIR2/REL.cert where --certs names DIR2; else
 * DIR/REL.cert, or DIR/.certs/REL.cert as `notaryfs restore` leaves it.
 * Symbolic links and what is no regular file are passed over and counted;
 * NAME.cert beside a NAME is passed over.
 *
 * What is printed stands in the order of the walk (verifywalk.h), whatever the
 * number of threads.  Memory stays below 64 MiB whatever there is.
 */
#ifndef FS_VERIFYTREE_H
#define FS_VERIFYTREE_H

#include <stdio.h>

#include "fs/verifybatch.h"

struct verifytree_options {
	const char *dir, *certs;	/* certs may be NULL */
	const struct hash *anchor;	/* may be NULL */
	const struct demands *demands;
	bool json;			/* one object a line, for every file */
	unsigned threads;		/* 0: one for each core */
	FILE *out;			/* what is said of files */
	FILE *progress;			/* a terminal, or NULL */
};

/* 0, -ENOMEM, or the negative errno of opening dir or certs, and *ret_unread
 * is which.  What fails below dir is counted as incomplete and printed. */
int verifytree(const struct verifytree_options *o,
	struct verifytree_counts *ret, const char **ret_unread);

#endif
