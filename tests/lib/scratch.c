#include "tests/lib/scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap/tap.h"

#define FDS 16	/* that nftw() may hold */

char *scratch_new(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	if (asprintf(&path, "%s/notaryfs-test.XXXXXX",
			tmp != NULL && *tmp != '\0' ? tmp : "/tmp") < 0)
		bail("no memory");
	if (mkdtemp(path) == NULL)
		bail("cannot make %s", path);
	return path;
}

const char *scratch_path(const char *dir, const char *name)
{
	static char ring[8][4096];
	static unsigned at;
	char *ret = ring[at++ % 8];

	snprintf(ret, sizeof ring[0], "%s/%s", dir, name);
	return ret;
}

static int unlock_one(const char *path, const struct stat *st, int type,
	struct FTW *ftw)
{
	int fd, flags;

	(void)ftw;
	if ((type != FTW_F && type != FTW_D) || !(S_ISREG(st->st_mode) ||
			S_ISDIR(st->st_mode)))
		return 0;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 &&
			(flags & FS_IMMUTABLE_FL) != 0) {
		flags &= ~FS_IMMUTABLE_FL;
		ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type,
	struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void scratch_unlock(const char *dir)
{
	nftw(dir, unlock_one, FDS, FTW_PHYS);
}

void scratch_remove(char *dir)
{
	if (dir == NULL)
		return;
	scratch_unlock(dir);
	if (nftw(dir, remove_one, FDS, FTW_PHYS | FTW_DEPTH) != 0)
		diag("cannot remove %s", dir);
	free(dir);
}
