#include "enclave/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/fault.h"

int keeper_open(const char *state_dir, struct keeper *ret)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	ret->dir = fd;
	return 0;
}

void keeper_close(struct keeper *k)
{
	if (k->dir >= 0)
		close(k->dir);
	k->dir = -1;
}

/* A regular file of ours that nobody else may touch. */
static int private_file(int fd, size_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & 077) != 0)
		return -EPERM;
	if (st.st_size > KEEPER_MAX)
		return -EFBIG;
	*ret_size = (size_t)st.st_size;
	return 0;
}

int keeper_read(const struct keeper *k, const char *name, struct buf *ret)
{
	cleanup(close) int fd =
		openat(k->dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct buf b = {0};
	size_t size = 0;
	ssize_t n = 0;
	int rc;

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	rc = private_file(fd, &size);
	if (rc == 0)
		rc = buf_reserve(&b, size + 1);
	while (rc == 0 && b.n < size) {
		n = read(fd, b.p + b.n, size - b.n);
		if (n <= 0)
			rc = n < 0 ? -errno : -EIO;
		else
			b.n += (size_t)n;
	}
	if (rc != 0) {
		buf_free(&b);
		return rc;
	}
	*ret = b;
	return 0;
}

static int write_all(int fd, struct bytes data)
{
	size_t at = 0;

	while (at < data.n) {
		ssize_t n = write(fd, data.p + at, data.n - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += (size_t)n;
	}
	fault_point("keeper.written");
	return fsync(fd) == 0 ? 0 : -errno;
}

static int sync_dir(const struct keeper *k)
{
	return fsync(k->dir) == 0 ? 0 : -errno;
}

/* Gives the finished file its name. */
static int publish(const struct keeper *k, const char *temp, const char *name,
	bool exclusive)
{
	int rc;

	fault_point("keeper.synced");
	if (!exclusive)
		rc = renameat(k->dir, temp, k->dir, name);
	else
		rc = linkat(k->dir, temp, k->dir, name, 0);
	if (rc != 0)
		return -errno;
	fault_point("keeper.named");
	return sync_dir(k);
}

int keeper_write(const struct keeper *k, const char *name, struct bytes data,
	bool exclusive)
{
	char temp[64];
	cleanup(close) int fd = -1;
	int rc;

	if (data.n > KEEPER_MAX)
		return -EFBIG;
	snprintf(temp, sizeof(temp), "%s.new", name);
	if (unlinkat(k->dir, temp, 0) != 0 && errno != ENOENT)
		return -errno;
	fd = openat(k->dir, temp,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, 0600) == 0 ? write_all(fd, data) : -errno;
	if (rc == 0)
		rc = publish(k, temp, name, exclusive);
	unlinkat(k->dir, temp, 0); /* if it still has that name */
	return rc;
}

int keeper_drop(const struct keeper *k, const char *name)
{
	fault_point("keeper.drop");
	if (unlinkat(k->dir, name, 0) != 0 && errno != ENOENT)
		return -errno;
	fault_point("keeper.dropped");
	return sync_dir(k);
}
