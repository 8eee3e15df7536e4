#include "fs/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "fs/unmount.h"

#define OUR_TYPE "fuse.notaryfs"

static int refuse(int rc, const char *dir, const char *why, char **ret_why)
{
	if (asprintf(ret_why, "%s %s", dir, why) < 0)
		*ret_why = NULL;
	return rc;
}

/* Is there a mount at dir for that process, and is the uppermost one of ours?
 * 1, 0 or -errno. */
static int mounted(const char *pid, const char *dir, bool *ret_ours)
{
	char path[64], line[12 * PATH_MAX]; /* two names, "\\040" for a blank */
	struct mntent e;
	int found = 0;

	snprintf(path, sizeof path, "/proc/%.20s/mounts", pid);
	FILE *f = setmntent(path, "re");
	if (f == NULL)
		return -errno;
	while (getmntent_r(f, &e, line, sizeof line) != NULL) {
		if (strcmp(e.mnt_dir, dir) != 0)
			continue;
		found = 1;
		*ret_ours = strcmp(e.mnt_type, OUR_TYPE) == 0;
	}
	endmntent(f);
	return found;
}

int mountpoint_ours(const char *pid, const char *dir)
{
	bool ours = false;
	int found = mounted(pid, dir, &ours);

	return found < 0 ? found : ours;
}

static int empty(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int rc = 0;

	if (d == NULL)
		return -errno;
	while (rc == 0 && (e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = -ENOTEMPTY;
	closedir(d);
	return rc;
}

int mountpoint_clear(const char *dir, char **ret_why)
{
	if (!mount_is_dead(dir))
		return 0;
	cleanup(free) char *real = realpath(dir, NULL);
	if (real == NULL || mountpoint_ours("self", real) <= 0)
		return refuse(-EBUSY, dir, "is a dead mount, and not one of "
			"notaryfs: unmount it first", ret_why);
	if (unmount(real, true) != 0)
		return refuse(-EBUSY, dir, "is a dead mount that cannot be "
			"taken away: run fusermount3 -u", ret_why);
	return 1;
}

int mountpoint_ready(const char *dir, char **ret_why)
{
	bool ours = false;
	struct stat st;
	int rc = mountpoint_clear(dir, ret_why);

	if (rc < 0)
		return rc;
	if (stat(dir, &st) != 0)
		return refuse(-errno, dir, strerror(errno), ret_why);
	if (!S_ISDIR(st.st_mode))
		return refuse(-ENOTDIR, dir, "is not a folder", ret_why);
	if (mounted("self", dir, &ours) > 0)
		return refuse(-EBUSY, dir, ours ?
			"is a mounted notaryfs already" :
			"is a mount point already", ret_why);
	rc = empty(dir);
	if (rc == -ENOTEMPTY)
		return refuse(rc, dir, "is not empty", ret_why);
	return rc == 0 ? 0 : refuse(rc, dir, strerror(-rc), ret_why);
}
