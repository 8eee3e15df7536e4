/*
 * reserve: room on the vault's disk for what must not fail when it is full.
 *
 * A start writes little, but it must write: the sequencer's number and a few
 * rows.  An end writes a hand-over.  So do deletions, dates, holds and
 * tombstones, most of which are how a disk gets room again.  A file of
 * RESERVE_SIZE keeps the room for them while files are written: it is let go
 * before, and taken again after; so it is for a commit that finds none in its
 * middle (local_spare of assembly.h).
 * It is a help, not a promise: on a file system that compresses or shares
 * blocks it may hold nothing.
 */
#ifndef FS_RESERVE_H
#define FS_RESERVE_H

#include "core/bytes.h"

#define RESERVE_SIZE ((uint64_t)4 << 20) /* bytes */

/* fd: the open file.  Lets it go if the disk is nearly full, or always: a quota
 * of the file system does not show in statvfs(2). */
void reserve_let_go(int fd, bool always);
/* Takes as much of it as there is room for; true: all of it is held. */
bool reserve_take(int fd);
/* Opens or makes the file; negative errno. */
int reserve_open(const char *path);

#endif
