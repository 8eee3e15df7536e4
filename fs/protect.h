/*
 * protect: are sealed files and objects kept from everybody on this machine,
 * by the immutable flag (chattr +i), or from whoever goes through the mount
 * alone?  Tried, not guessed.
 */
#ifndef FS_PROTECT_H
#define FS_PROTECT_H

#include <stdbool.h>
#include <stddef.h>

struct vault;

/* Does a file in folder take the flag, and give it back?  0, -EPERM (not from
 * this user), -EOPNOTSUPP (not on that file system), or what is wrong with
 * the folder.  The file has no name and is gone afterwards. */
int protect_try(const char *folder);
/* Of a whole vault that pid has mounted (0: that the caller would mount): true
 * if all that is sealed is made immutable.  ret: a sentence about it, and what
 * follows if not. */
bool protect_vault(const struct vault *v, int pid, char *ret, size_t size);

#endif
