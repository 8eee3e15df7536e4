#include "fs/reach.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/inner.h"

/* Folders still to be looked at, and the longest path that may be there. */
struct reach {
	char **path;
	size_t n, cap, longest;
};

static int push(struct reach *r, const char *folder, const char *text)
{
	char **more, *path;

	if (r->n == r->cap) {
		more = reallocarray(r->path, r->cap + 64, sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		r->path = more;
		r->cap += 64;
	}
	path = malloc(strlen(folder) + strlen(text) + 2);
	if (path == NULL)
		return -ENOMEM;
	strcpy(path, folder);
	if (*text != '\0')
		strcat(strcat(path, "/"), text);
	r->path[r->n++] = path;
	return 0;
}

static bool is_folder(int folder, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(folder, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		S_ISDIR(st.st_mode);
}

static int look(struct mount *m, const char *folder, struct reach *r)
{
	int fd = backing_open(m->files, folder, O_RDONLY | O_DIRECTORY), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return fd == -EACCES ? 0 : fd < 0 ? fd : -ENOMEM;
	}
	while (rc == 0 && (e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (strlen(folder) + 1 + strlen(e->d_name) > r->longest)
			rc = -ENAMETOOLONG;
		else if (is_folder(fd, e))
			rc = push(r, folder, e->d_name);
	}
	closedir(d);
	return rc;
}

int reach_moved(struct mount *m, const char *from, const char *to)
{
	size_t was = strlen(from), will = strlen(to);
	struct reach r = {.longest = NODE_PATH - 1 + was - will};
	char *folder;
	int rc;

	if (will <= was)
		return 0;
	rc = push(&r, from, "");
	while (rc == 0 && r.n > 0) {
		folder = r.path[--r.n];
		rc = look(m, folder, &r);
		free(folder);
	}
	while (r.n > 0)
		free(r.path[--r.n]);
	free(r.path);
	return rc;
}
