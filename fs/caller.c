#include "fs/caller.h"

#include <stdlib.h>

bool caller_in_group(fuse_req_t req, gid_t gid)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	cleanup(free) gid_t *list = NULL;
	int n, i;

	if (c->uid == 0 || c->gid == gid)
		return true;
	n = fuse_req_getgroups(req, 0, NULL);
	list = n > 0 ? calloc((size_t)n, sizeof *list) : NULL;
	if (list == NULL || fuse_req_getgroups(req, n, list) < n)
		return false; /* or it cannot be told */
	for (i = 0; i < n && list[i] != gid; i++)
		;
	return i < n;
}

/* Without x for the group, setgid marks something else, for those in it. */
mode_t caller_drops(fuse_req_t req, const struct stat *st)
{
	mode_t has = st->st_mode & (S_ISUID | S_ISGID);

	if (has == 0 || fuse_req_ctx(req)->uid == 0)
		return 0;
	if ((has & S_ISGID) != 0 && (st->st_mode & S_IXGRP) == 0 &&
		caller_in_group(req, st->st_gid))
		has &= ~(mode_t)S_ISGID;
	return has;
}
