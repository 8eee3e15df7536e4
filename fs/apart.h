/*
 * apart: may a command make something there?
 */
#ifndef FS_APART_H
#define FS_APART_H

#include <stdbool.h>

struct cli;

/* Is path, which need not be there, outside of every mount and every vault?
 * Else it says so: what goes into a mount is sealed, and what lies in a vault's
 * folder is taken for part of it. */
bool apart(const struct cli *c, const char *path);

#endif
