/*
 * filestore: sealed contents as the write path reads them: out of files/.
 */
#ifndef FS_FILESTORE_H
#define FS_FILESTORE_H

#include "core/notary.h"

/* Any thread may read; the last file stays open for the next piece of it. */
int filestore_open(const char *files_dir, struct content_store **ret);
/* Names the file that could not be opened, if there is one; else ret stays. */
void filestore_failed(struct content_store *c, char *ret, size_t n);
void filestore_free(struct content_store *c);

#endif
