/*
 * local_sqlite: struct local in one SQLite database (WAL, synchronous FULL).
 *
 * Two connections: one writes, one reads, so that lookups never wait for a
 * commit.  user_version names the schema; an unknown one is refused.
 */
#ifndef BACKENDS_LOCAL_SQLITE_H
#define BACKENDS_LOCAL_SQLITE_H

#include "core/local.h"

/* path ":memory:" is a database of its own for tests.  create: make it if it
 * is not there; read_only: only reading calls work (others -EROFS), also
 * while a daemon writes.  -ENOENT, -EBADMSG (not our database), -EIO. */
int local_sqlite_open(const char *path, bool create, bool read_only,
	struct local **ret);

#endif
