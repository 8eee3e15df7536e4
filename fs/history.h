/*
 * history: what names have sealed, one after the other, as virtual files
 * (virtual.h).
 *
 *	.notary/history/PATH/N	what was sealed at PATH as the Nth, from 1 on,
 *				the one that is there now included
 *	.notary/history/PATH/N.cert	its certificate, when it is final
 *	.notary/deleted/PATH	what was sealed last at a PATH that was removed
 *				or renamed
 *	.notary/deleted/PATH.cert
 * Both folders are like the real tree, with the owners and modes that folders
 * have there and files had when they were sealed: who could not read a file
 * cannot read it here.  A folder that is not there any more is for whoever
 * mounted it.  Of a symlink the content is its target.
 */
#ifndef FS_HISTORY_H
#define FS_HISTORY_H

#include "fs/inner.h"

/* What text is in the folder of that kind and subject.  -ENOENT. */
int history_kind(struct mount *m, enum virtual_kind folder, const char *path,
	const char *text, enum virtual_kind *ret);
/* Mode, owner, size and time of one; path is its subject. */
int history_stat(struct mount *m, enum virtual_kind kind, const char *path,
	struct stat *ret);
/* Its content: as text, with *ret_fd -1, or in a file, the first *ret_n bytes
 * of it.  -ENODATA: they are not there any more, as of what was deleted. */
int history_open(struct mount *m, enum virtual_kind kind, const char *path,
	struct buf *ret_text, int *ret_fd, uint64_t *ret_n);
/* The names in a folder, from the one at `from` on, until emit says false. */
typedef bool history_emit(void *ctx, const char *name, bool folder);
int history_list(struct mount *m, enum virtual_kind kind, const char *path,
	size_t from, history_emit *emit, void *ctx);

#endif
