#include "backends/tempfile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/beneath.h"

/* Names differ within a process by count, between processes by pid; where
 * pids meet (containers) O_EXCL says so and the next count is tried. */
static void new_name(char ret[TEMPFILE_NAME])
{
	static atomic_uint count;

	snprintf(ret, TEMPFILE_NAME, TEMPFILE_DIR "/%x-%x", (unsigned)getpid(),
		atomic_fetch_add(&count, 1));
}

static int make_folder(int root)
{
	return mkdirat(root, TEMPFILE_DIR, 0700) == 0 || errno == EEXIST ? 0
		: -errno;
}

/* The lock tells tempfile_clean() that this one has an owner.  It may have
 * been taken for a leftover between open and lock: then it is gone. */
static int try_named(int root, struct tempfile *t)
{
	struct stat st;

	new_name(t->name);
	t->fd = openat(root, t->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW |
		O_CLOEXEC, 0600);
	if (t->fd < 0)
		return errno == EEXIST ? -EAGAIN : -errno;
	if (flock(t->fd, LOCK_EX | LOCK_NB) == 0 && fstat(t->fd, &st) == 0 &&
			st.st_nlink == 1)
		return 0;
	close(t->fd);
	return -EAGAIN;
}

static int open_named(int root, struct tempfile *ret)
{
	struct tempfile t;
	int rc = make_folder(root), i;

	for (i = 0; rc == 0 && i < 1000; i++) {
		rc = try_named(root, &t);
		if (rc == 0) {
			*ret = t;
			return 0;
		}
		if (rc == -EAGAIN)
			rc = 0;
	}
	return rc != 0 ? rc : -EIO;
}

int tempfile_open(int root, bool nameless, struct tempfile *ret)
{
	int fd;

	if (!nameless)
		return open_named(root, ret);
	fd = openat(root, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret = (struct tempfile){.fd = fd};
	return 0;
}

int tempfile_link(int root, struct tempfile *t, int dir, const char *name)
{
	char proc[40];
	int rc;

	if (t->name[0] == '\0') {
		/* AT_EMPTY_PATH would need a capability on most kernels. */
		snprintf(proc, sizeof proc, "/proc/self/fd/%d", t->fd);
		rc = linkat(AT_FDCWD, proc, dir, name, AT_SYMLINK_FOLLOW);
		return rc == 0 ? 0 : -errno;
	}
	if (linkat(root, t->name, dir, name, 0) != 0)
		return -errno;
	/* Should this fail, a second name remains for tempfile_clean(). */
	unlinkat(root, t->name, 0);
	t->name[0] = '\0';
	return 0;
}

void tempfile_close(int root, struct tempfile *t)
{
	if (t->fd < 0)
		return;
	if (t->name[0] != '\0')
		unlinkat(root, t->name, 0);
	close(t->fd);
	t->fd = -1;
}

bool tempfile_nameless(int root)
{
	struct tempfile t;
	char name[TEMPFILE_NAME];
	bool linked;

	if (make_folder(root) != 0 || tempfile_open(root, true, &t) != 0)
		return false;
	new_name(name);
	linked = tempfile_link(root, &t, root, name) == 0;
	if (linked)
		unlinkat(root, name, 0);
	tempfile_close(root, &t);
	return linked;
}

static void clean_one(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
	if (fd >= 0)
		close(fd);
}

int tempfile_clean(int root)
{
	int fd = beneath_open(root, TEMPFILE_DIR, O_RDONLY | O_DIRECTORY);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	d = fdopendir(fd);
	if (d == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while ((e = readdir(d)) != NULL)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			clean_one(fd, e->d_name);
	closedir(d);
	return 0;
}
