#include "fs/unmake.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/backing.h"

int unmake_note(struct unmake *u, const char *path)
{
	if (u->n == UNMAKE_MAX)
		return -E2BIG;
	u->path[u->n] = strdup(path);
	if (u->path[u->n] == NULL)
		return -ENOMEM;
	u->n++;
	return 0;
}

static void remove_file(const FTSENT *e)
{
	if (e->fts_info == FTS_F) {
		cleanup(close) int fd = open(e->fts_accpath,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			backing_flag_fd(fd, false);
	}
	unlink(e->fts_accpath);
}

static void remove_tree(char *path)
{
	char *const roots[] = {path, NULL};
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	if (fts == NULL)
		return;
	for (FTSENT *e; (e = fts_read(fts)) != NULL;)
		if (e->fts_info == FTS_DP)
			rmdir(e->fts_accpath);
		else if (e->fts_info != FTS_D)
			remove_file(e);
	fts_close(fts);
}

void unmake_all(struct unmake *u)
{
	for (size_t i = u->n; i-- > 0;)
		remove_tree(u->path[i]);
	unmake_done(u);
}

void unmake_done(struct unmake *u)
{
	while (u->n > 0)
		free(u->path[--u->n]);
}
