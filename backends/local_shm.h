/*
 * local_shm: SQLite on disks that run full.
 *
 * SQLite writes its wal-index (the -shm file) through a shared mapping.  Where
 * a filesystem has to find room for a page that is written again (copy on
 * write: btrfs; a quota), a full one answers such a write with SIGBUS, which
 * would end the process.  Two things are done about it:
 *
 *   - this VFS has the pages made writable before SQLite writes them, which is
 *     when it gets an exclusive lock on some of the index and after each sync
 *     of the log or the database, and turns "no room" into an error of the lock
 *     or the sync;
 *   - a page that is written back in between faults all the same: the handler
 *     of SIGBUS lets go of the spare room and lets that thread try again until
 *     there is some, for LOCAL_SHM_WAIT_S at most.  SIGBUS anywhere else ends
 *     the process.
 */
#ifndef BACKENDS_LOCAL_SHM_H
#define BACKENDS_LOCAL_SHM_H

#include <stdbool.h>

#define LOCAL_SHM_WAIT_S 3600

/* Name of the VFS, for sqlite3_open_v2(); it is SQLite's "unix" but for that.
 * NULL, SQLite's default, if there is no "unix".  The
 * first call sets the handler, unless somebody else has one. */
const char *local_shm_vfs(void);
/* An open file on the disk of the databases, which may be cut to nothing when
 * a thread needs room; -1: there is none.  Whoever calls closes it, later. */
void local_shm_spare(int fd);
/* Is there a thread that waits for room? */
bool local_shm_waits(void);

#endif
