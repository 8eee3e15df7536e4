#include "fs/filestore.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/record.h"
#include "fs/backing.h"
#include "fs/versions.h"

struct filestore {
	struct content_store base;	/* first: they are cast */
	int dir, versions;	/* versions: -1 if there is none */
	pthread_mutex_t lock;	/* guards fd and path */
	int fd;			/* of the file read last, or -1 */
	char path[RECORD_PATH_MAX + 1];
	int failed;		/* the last open that failed: errno, path */
	char failed_path[RECORD_PATH_MAX + 1];
};

/* Never out of files/ and never through a link, whatever path says. */
static int open_beneath(int dir, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOATIME,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	if (fd < 0 && errno == EPERM) { /* not ours: no O_NOATIME */
		how.flags &= ~(uint64_t)O_NOATIME;
		fd = syscall(SYS_openat2, dir, path, &how, sizeof how);
	}
	if (fd < 0 && errno == EACCES) /* of mode 000, say */
		return backing_open_read(dir, path);
	return fd < 0 ? -errno : (int)fd;
}

static int open_file(struct filestore *f, const char *path)
{
	int fd = open_beneath(f->dir, path);
	locked(&f->lock);
	if (fd >= 0 && f->failed != 0 && strcmp(f->failed_path, path) == 0)
		f->failed = 0;
	if (fd >= 0)
		return fd;
	f->failed = -fd;
	strcpy(f->failed_path, path);
	return -EIO;
}

void filestore_failed(struct content_store *c, char *ret, size_t n)
{
	struct filestore *f = (struct filestore *)c;
	locked(&f->lock);
	if (f->failed != 0)
		snprintf(ret, n, "all waits for one sealed file that cannot be "
			"read: %s: %s", f->failed_path, strerror(f->failed));
}

/* Is fd what lies at that path now?  A sealed file may have been deleted. */
static bool still_there(const struct filestore *f, int fd, const char *path)
{
	struct stat is, was;
	return fstatat(f->dir, path, &is, AT_SYMLINK_NOFOLLOW) == 0 &&
		fstat(fd, &was) == 0 && is.st_ino == was.st_ino &&
		is.st_dev == was.st_dev;
}

/* Takes the open file out of the store if it is that one. */
static int take(struct filestore *f, const char *path)
{
	locked(&f->lock);
	if (f->fd < 0 || strcmp(f->path, path) != 0 ||
	    !still_there(f, f->fd, path))
		return -1;
	int fd = f->fd;
	f->fd = -1;
	return fd;
}

static void keep(struct filestore *f, const char *path, int fd)
{
	int old;
	{
		locked(&f->lock);
		old = f->fd;
		f->fd = fd;
		strcpy(f->path, path);
	}
	if (old >= 0)
		close(old);
}

static int read_whole(int fd, uint64_t off, void *ret, size_t n)
{
	char *p = ret;
	while (n > 0) {
		ssize_t r = pread(fd, p, n, (off_t)off);
		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return -EIO;
		p += r;
		off += (uint64_t)r;
		n -= (size_t)r;
	}
	return 0;
}

/* -ENOENT: files/ has it. */
static int read_version(const struct filestore *f, const struct hash *dh,
	uint64_t off, void *ret, size_t n)
{
	cleanup(close) int fd = versions_read(f->versions, dh);
	return fd < 0 ? fd : read_whole(fd, off, ret, n);
}

static int read_file(struct filestore *f, struct bytes path, uint64_t off,
	void *ret, size_t n)
{
	char name[RECORD_PATH_MAX + 1];
	if (path.n == 0 || path.n > RECORD_PATH_MAX)
		return -EIO;
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	int fd = take(f, name);
	if (fd < 0)
		fd = open_file(f, name);
	if (fd < 0)
		return fd;
	int err = read_whole(fd, off, ret, n);
	keep(f, name, fd);
	return err;
}

/* A version is kept before anything else comes to its place, so what was read
 * there is right if it is not kept by then. */
static int filestore_read(struct content_store *c,
	const struct content_name *name, uint64_t off, void *ret, size_t n)
{
	struct filestore *f = (struct filestore *)c;
	int err = read_version(f, &name->dh, off, ret, n), kept;
	if (err != -ENOENT)
		return err;
	err = read_file(f, name->path, off, ret, n);
	kept = read_version(f, &name->dh, off, ret, n);
	return kept == -ENOENT ? err : kept;
}

static const struct content_store_ops ops = {.read = filestore_read};

int filestore_open(const char *files_dir, const char *versions_dir,
	struct content_store **ret)
{
	struct filestore *f = calloc(1, sizeof *f);
	if (f == NULL)
		return -ENOMEM;
	f->base.ops = &ops;
	f->fd = -1;
	f->dir = open(files_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0) {
		int err = -errno;
		free(f);
		return err;
	}
	f->versions = open(versions_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pthread_mutex_init(&f->lock, NULL);
	*ret = &f->base;
	return 0;
}

void filestore_free(struct content_store *c)
{
	struct filestore *f = (struct filestore *)c;
	if (f == NULL)
		return;
	if (f->fd >= 0)
		close(f->fd);
	close(f->dir);
	if (f->versions >= 0)
		close(f->versions);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
