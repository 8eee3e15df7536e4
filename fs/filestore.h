/*
 * filestore: sealed contents as the write path reads them: out of files/, and
 * what is not there any more out of versions/ (versions.h).
 */
#ifndef FS_FILESTORE_H
#define FS_FILESTORE_H

#include "core/notary.h"

/* Any thread may read; the last file stays open for the next piece of it.
 * There need not be a versions_dir. */
int filestore_open(const char *files_dir, const char *versions_dir,
	struct content_store **ret);
/* Names the file that could not be opened, if there is one; else ret stays. */
void filestore_failed(struct content_store *c, char *ret, size_t n);
void filestore_free(struct content_store *c);

#endif
