#include "fs/versions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "fs/backing.h"

#define NEW ".new"		/* a copy being made */
#define COPY ((size_t)1 << 20)	/* bytes at a time */
#define FOLDER 3		/* "HH" */

void versions_name(const struct hash *dh, char ret[VERSIONS_NAME])
{
	char hex[HASH_HEX + 1];

	hex_encode(HASH_BYTES(dh), hex);
	snprintf(ret, VERSIONS_NAME, "%.2s/%s", hex, hex);
}

int versions_open(const char *dir)
{
	int fd;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return -errno;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int versions_read(int versions, const struct hash *dh)
{
	char name[VERSIONS_NAME];
	int fd;

	if (versions < 0)
		return -ENOENT;
	versions_name(dh, name);
	fd = openat(versions, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
		O_CLOEXEC);
	if (fd < 0 && errno == EACCES) /* of mode 000, say */
		return backing_open_read(versions, name);
	return fd < 0 ? -errno : fd;
}

int versions_stat(int versions, const struct hash *dh, struct stat *ret)
{
	char name[VERSIONS_NAME];

	if (versions < 0)
		return -ENOENT;
	versions_name(dh, name);
	return fstatat(versions, name, ret, AT_SYMLINK_NOFOLLOW) != 0 ?
		-errno : 0;
}

int versions_keep(int versions, const struct hash *dh, int fd)
{
	char name[VERSIONS_NAME], from[BACKING_NAME];
	int folder;

	versions_name(dh, name);
	name[FOLDER - 1] = '\0';
	if (mkdirat(versions, name, 0700) == 0) {
		if (fsync(versions) != 0)
			return -errno;
	} else if (errno != EEXIST) {
		return -errno;
	}
	folder = openat(versions, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	cleanup(close) int close_folder = folder;
	backing_name(fd, from);
	int made = linkat(AT_FDCWD, from, folder, name + FOLDER,
		AT_SYMLINK_FOLLOW) == 0;
	if (!made && errno != EEXIST)
		return -errno;
	fault_point("versions.linked");
	return fsync(folder) != 0 ? -errno : made;
}

int versions_drop(int versions, const struct hash *dh)
{
	char name[VERSIONS_NAME];

	versions_name(dh, name);
	fault_point("versions.drop");
	if (unlinkat(versions, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EPERM)
		return -errno;
	cleanup(close) int fd = versions_read(versions, dh);
	if (fd >= 0)
		(void)backing_flag_fd(fd, false);
	return unlinkat(versions, name, 0) != 0 ? -errno : 0;
}

/* -- all names of one inode -- */

/* Non-zero ends the walk and is returned. */
typedef int visit_name(void *ctx, int folder, const char *name);

static int walk_folder(int folder, ino_t ino, visit_name *visit, void *ctx)
{
	DIR *d = fdopendir(folder);
	struct dirent *e;
	int rc = 0;

	if (d == NULL) {
		rc = -errno;
		close(folder);
		return rc;
	}
	while (rc == 0 && (e = readdir(d)) != NULL)
		if ((ino == 0 || e->d_ino == ino) &&
			strlen(e->d_name) == HASH_HEX)
			rc = visit(ctx, dirfd(d), e->d_name);
	closedir(d);
	return rc;
}

/* ino 0: of all. */
static int walk(int versions, ino_t ino, visit_name *visit, void *ctx)
{
	char name[FOLDER];
	unsigned i;
	int rc = 0, folder;

	for (i = 0; rc == 0 && i < 256; i++) {
		snprintf(name, sizeof name, "%02x", i & 0xff);
		folder = openat(versions, name,
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (folder >= 0)
			rc = walk_folder(folder, ino, visit, ctx);
		else if (errno != ENOENT)
			rc = -errno;
	}
	return rc;
}

static int count(void *ctx, int folder, const char *name)
{
	(void)folder;
	(void)name;
	++*(int *)ctx;
	return 0;
}

int versions_count(int versions, ino_t ino)
{
	int n = 0, rc = walk(versions, ino, count, &n);

	return rc != 0 ? rc : n;
}

struct visiting {
	versions_visit *visit;
	void *ctx;
};

static int visit_one(void *ctx, int folder, const char *name)
{
	const struct visiting *v = ctx;
	struct stat st;

	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	v->visit(v->ctx, &st);
	return 0;
}

int versions_each(int versions, versions_visit *visit, void *ctx)
{
	struct visiting v = {visit, ctx};

	return walk(versions, 0, visit_one, &v);
}

/* -- a copy -- */

static int copy_bytes(int from, int to)
{
	cleanup(free) char *p = NULL;
	off_t at = 0;
	ssize_t n, k;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	p = malloc(COPY);
	if (p == NULL)
		return -ENOMEM;
	while ((n = pread(from, p, COPY, at)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		k = pwrite(to, p, (size_t)n, at);
		if (k < 0 && errno != EINTR)
			return -errno;
		at += k > 0 ? k : 0;
	}
	return 0;
}

static int copy_file(int versions, int from, int *ret)
{
	struct stat st;
	int rc;

	if (fstat(from, &st) != 0 ||
		(unlinkat(versions, NEW, 0) != 0 && errno != ENOENT))
		return -errno;
	int to = openat(versions, NEW, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		0600);
	if (to < 0)
		return -errno;
	const struct timespec times[2] = {st.st_atim, st.st_mtim};
	rc = copy_bytes(from, to);
	if (rc == 0 && ((geteuid() == 0 &&
				fchown(to, st.st_uid, st.st_gid) != 0) ||
			fchmod(to, st.st_mode & 07777) != 0 ||
			futimens(to, times) != 0 || fsync(to) != 0))
		rc = -errno;
	if (rc != 0)
		close(to);
	else
		*ret = to; /* the caller has it */
	return rc;
}

struct parting {
	int versions;
	unsigned n;
};

/* The copy takes the place of that name. */
static int put(void *ctx, int folder, const char *name)
{
	struct parting *p = ctx;

	fault_point("versions.copied");
	if ((unlinkat(folder, NEW, 0) != 0 && errno != ENOENT) ||
		linkat(p->versions, NEW, folder, NEW, 0) != 0 ||
		renameat(folder, NEW, folder, name) != 0 ||
		fsync(folder) != 0)
		return -errno;
	fault_point("versions.put");
	p->n++;
	return 0;
}

int versions_part(int versions, int fd, bool immutable)
{
	struct parting p = {versions, 0};
	struct stat st;
	int rc, copy = -1;

	if (fstat(fd, &st) != 0)
		return -errno;
	rc = versions_count(versions, st.st_ino);
	if (rc <= 0)
		return rc;
	rc = copy_file(versions, fd, &copy);
	if (rc != 0)
		return rc;
	rc = walk(versions, st.st_ino, put, &p);
	if (unlinkat(versions, NEW, 0) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && immutable)
		(void)backing_flag_fd(copy, true); /* where it can be had */
	close(copy);
	return rc != 0 ? rc : 1;
}
