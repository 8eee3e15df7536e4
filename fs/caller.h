/*
 * caller: what an operation leaves of setuid and setgid, by who asks for it.
 *
 * The kernel checks who may do what (default_permissions), but leaves it to the
 * server to take these bits away, and the server is root, who keeps them.  Root
 * is whoever has the user number 0 here; capabilities are not asked about.
 */
#ifndef FS_CALLER_H
#define FS_CALLER_H

#include "fs/inner.h"

/* Is it the caller's group, or is the caller root? */
bool caller_in_group(fuse_req_t req, gid_t gid);
/* The bits that the file loses when the caller writes to it. */
mode_t caller_drops(fuse_req_t req, const struct stat *st);

#endif
