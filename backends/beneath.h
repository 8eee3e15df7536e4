/*
 * beneath: opening what lies below a folder, following no symbolic link and
 * leaving it by no road, whatever somebody has put there meanwhile.
 *
 * By openat2() where the kernel has it, component by component otherwise.
 * Paths are relative, without "." and "..": callers have checked them.
 */
#ifndef BACKENDS_BENEATH_H
#define BACKENDS_BENEATH_H

#include "core/bytes.h"

/* Opens `path` below the folder root (O_CLOEXEC, O_NOFOLLOW and O_NONBLOCK are
 * added; "" is root itself).  A descriptor or a negative errno: -ENOENT;
 * -ELOOP or -ENOTDIR for a link on the way. */
int beneath_open(int root, const char *path, int flags);
/* The same for a folder that is made (0700) with its parents where it is
 * missing; every folder on the way is fsynced. */
int beneath_make(int root, const char *path);

#endif
