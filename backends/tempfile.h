/*
 * tempfile: files that have no name, or none that counts, until they are
 * linked to one.
 */
#ifndef BACKENDS_TEMPFILE_H
#define BACKENDS_TEMPFILE_H

#include "core/bytes.h"

#define TEMPFILE_DIR "+tmp"	/* below the root, for those with a name */
#define TEMPFILE_NAME 32	/* characters with the NUL */

struct tempfile {
	int fd;			/* read and write; -1: none */
	char name[TEMPFILE_NAME]; /* below root; "" when it has none */
};

/* Can the file system below root make files without a name, and name them
 * later?  True only after trying; root must be writable. */
bool tempfile_nameless(int root);
/* A new empty file, mode 0600. */
int tempfile_open(int root, bool nameless, struct tempfile *ret);
/* Names it `name` in the folder dir; -EEXIST if there is one.  It keeps no
 * other name.  The descriptor stays open. */
int tempfile_link(int root, struct tempfile *t, int dir, const char *name);
/* Closes it; what was not linked is gone. */
void tempfile_close(int root, struct tempfile *t);
/* Removes what nobody holds open any more. */
int tempfile_clean(int root);

#endif
