#include "fs/reach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/inner.h"
#include "fs/paths.h"

static bool is_folder(int folder, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode);
}

/* Adds the folders in it; longest: the path that may still be there. */
static int look(struct mount *m, const char *folder, size_t longest,
	struct paths *left)
{
	int rc = 0, n;
	int fd = backing_open(m->files, folder, O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	char path[NODE_PATH];

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return fd == -EACCES ? 0 : fd < 0 ? fd : -ENOMEM;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (n < 0 || (size_t)n > longest)
			rc = -ENAMETOOLONG;
		else if (is_folder(fd, e))
			rc = paths_add(left, BYTES(path, (size_t)n));
	}
	closedir(d);
	return rc;
}

int reach_moved(struct mount *m, const char *from, const char *to)
{
	size_t was = strlen(from), will = strlen(to);
	cleanup(paths) struct paths left = {0};
	char *folder;
	int rc;

	if (will <= was)
		return 0;
	rc = paths_add(&left, BYTES(from, was));
	while (rc == 0 && (folder = paths_take(&left)) != NULL) {
		rc = look(m, folder, NODE_PATH - 1 + was - will, &left);
		free(folder);
	}
	return rc;
}
