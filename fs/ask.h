/*
 * ask: sets an attribute of ours where the kernel would not let its owner.
 */
#ifndef FS_ASK_H
#define FS_ASK_H

#include <sys/stat.h>

/* setxattr(2) of user.notary.NAME on what lies at path, or on its folder: of a
 * symbolic link, and of a file of the caller's whose mode lets nobody write.
 * The folder's value is "link:NAME" or "file:NAME", and for a value that is not
 * NULL "/VALUE" after it; the file's own is value, or "1".  0 or a negative
 * errno; -EACCES: the folder may not be written to, either. */
int ask(const char *path, const struct stat *st, const char *name,
	const char *value);

#endif
