#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/fault.h"

#define HOLE 65536	/* zeros of that length are not written */

int file_read(const char *path, size_t max, struct buf *ret)
{
	return file_read_at(AT_FDCWD, path, max, ret);
}

int file_read_at(int dir, const char *path, size_t max, struct buf *ret)
{
	cleanup(close) int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	cleanup(buf) struct buf b = {0};
	for (;;) {
		if (b.n > max)
			return -EFBIG;
		if (buf_reserve(&b, 4096) != 0)
			return -ENOMEM;
		ssize_t n = read(fd, b.p + b.n, b.cap - b.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		b.n += (size_t)n;
	}
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

int file_write_all(int fd, struct bytes data)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

static bool all_zero(struct bytes b)
{
	return b.n > 0 && b.p[0] == 0 && memcmp(b.p, b.p + 1, b.n - 1) == 0;
}

int file_write_sparse(int fd, struct bytes data)
{
	while (data.n > 0) {
		size_t n = data.n < HOLE ? data.n : HOLE;
		struct bytes one = BYTES(data.p, n);
		int err = 0;
		if (!all_zero(one))
			err = file_write_all(fd, one);
		else if (lseek(fd, (off_t)n, SEEK_CUR) < 0)
			err = -errno;
		if (err != 0)
			return err;
		data.p += n;
		data.n -= n;
	}
	off_t end = lseek(fd, 0, SEEK_CUR);
	return end < 0 || ftruncate(fd, end) != 0 ? -errno : 0;
}

int file_write_hole(int fd, uint64_t n)
{
	off_t end = n > INT64_MAX ? -1 : lseek(fd, (off_t)n, SEEK_CUR);
	if (n > INT64_MAX)
		return -EFBIG;
	return end < 0 || ftruncate(fd, end) != 0 ? -errno : 0;
}

int file_sync_entry(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int n = slash == NULL ? 0 : (int)(slash - path) + 1;
	snprintf(folder, sizeof folder, "%.*s.", n, path);
	cleanup(close) int fd = open(folder,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) != 0 ? -errno : 0;
}

int file_write_new(const char *path, mode_t mode, struct bytes data)
{
	cleanup(close) int fd = open(path,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	int err = file_write_all(fd, data);
	fault_point("file.written");
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	fault_point("file.synced");
	if (err != 0) {
		unlink(path);
		return err;
	}
	return file_sync_entry(path);
}

int file_replace(const char *path, mode_t mode, struct bytes data)
{
	cleanup(free) char *tmp = NULL;
	if (asprintf(&tmp, "%s.tmp", path) < 0) {
		tmp = NULL;
		return -ENOMEM;
	}
	if (unlink(tmp) != 0 && errno != ENOENT) /* of a crash */
		return -errno;
	cleanup(close) int fd = open(tmp,
		O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	int err = file_write_all(fd, data);
	if (err == 0 && rename(tmp, path) != 0)
		err = -errno;
	if (err != 0)
		unlink(tmp);
	return err;
}
