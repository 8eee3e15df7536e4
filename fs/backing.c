#include "fs/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "core/cleanup.h"
#include "core/record.h"

int backing_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	long fd;

	do {
		fd = syscall(SYS_openat2, root, *path == '\0' ? "." : path,
			&how, sizeof how);
	} while (fd < 0 && (errno == EINTR || errno == EAGAIN));
	return fd < 0 ? -errno : (int)fd;
}

/* A lease for reading is given only where nobody writes (fcntl(2)); a mapping
 * holds the file open.  Who opens it for writing meanwhile has its holder told
 * by a signal, here one that does nothing. */
int backing_written(int fd)
{
	if (fcntl(fd, F_SETSIG, SIGURG) != 0)
		return -errno;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno == EAGAIN ? 1 : -errno;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

void backing_name(int fd, char ret[BACKING_NAME])
{
	snprintf(ret, BACKING_NAME, "/proc/self/fd/%d", fd);
}

int backing_open_read(int root, const char *path)
{
	char name[BACKING_NAME];
	struct stat st;
	int fd = backing_open(root, path, O_RDONLY | O_NONBLOCK | O_NOATIME);
	int rc;

	if (fd == -EPERM) /* another's file: no O_NOATIME */
		fd = backing_open(root, path, O_RDONLY | O_NONBLOCK);
	if (fd != -EACCES)
		return fd;
	rc = backing_open(root, path, O_PATH);
	if (rc < 0)
		return rc;
	cleanup(close) int by_path = rc;
	backing_name(by_path, name);
	if (fstat(by_path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EACCES;
	if (chmod(name, (st.st_mode & 07777) | S_IRUSR) != 0)
		return -errno;
	fd = open(name, O_RDONLY | O_CLOEXEC);
	rc = errno;
	if (chmod(name, st.st_mode & 07777) != 0) {
		rc = errno;
		if (fd >= 0)
			close(fd);
		return -rc;
	}
	return fd < 0 ? -rc : fd;
}

int backing_stat(int root, const char *path, struct stat *ret)
{
	cleanup(close) int fd = backing_open(root, path, O_PATH);

	if (fd < 0)
		return fd;
	return fstat(fd, ret) != 0 ? -errno : 0;
}

bool backing_immutable(int root, const char *path)
{
	cleanup(close) int fd = backing_open(root, path, O_PATH);
	struct statx stx;

	return fd >= 0 &&
		statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stx) == 0 &&
		(stx.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
}

static int set_flags(int fd, int have, int wanted)
{
	if (wanted != have && ioctl(fd, FS_IOC_SETFLAGS, &wanted) != 0)
		return -errno;
	return 0;
}

/* A is for the kernel's own reads (passthru.h), which know no O_NOATIME.  It
 * stays, and is done without where there is none. */
int backing_flag_fd(int fd, bool on)
{
	int flags, rc;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return errno == ENOTTY ? -EOPNOTSUPP : -errno;
	if (!on)
		return set_flags(fd, flags, flags & ~FS_IMMUTABLE_FL);
	rc = set_flags(fd, flags, flags | FS_IMMUTABLE_FL | FS_NOATIME_FL);
	if (rc == 0)
		return 0;
	rc = set_flags(fd, flags, flags | FS_IMMUTABLE_FL);
	if (rc != 0)
		(void)set_flags(fd, flags, flags | FS_NOATIME_FL);
	return rc;
}

int backing_set_immutable(int root, const char *path, bool on)
{
	cleanup(close) int fd = backing_open(root, path, O_RDONLY | O_NONBLOCK);

	return fd < 0 ? fd : backing_flag_fd(fd, on);
}

int backing_sync(int root, const char *path)
{
	cleanup(close) int fd = backing_open(root, path, O_RDONLY | O_NONBLOCK);

	if (fd < 0)
		return fd;
	return fsync(fd) != 0 ? -errno : 0;
}

static bool carried(const char *name)
{
	static const char ours[] = "user.notary.";

	if (strncmp(name, ours, sizeof ours - 1) == 0)
		return false;
	return strncmp(name, "user.", 5) == 0 ||
		strncmp(name, "trusted.", 8) == 0 ||
		strcmp(name, "security.capability") == 0 ||
		strcmp(name, "system.posix_acl_access") == 0 ||
		strcmp(name, "system.posix_acl_default") == 0;
}

/* The list of names; its size may change between the two calls. */
static int names_of(const char *path, struct buf *ret)
{
	ssize_t n;

	for (;;) {
		n = listxattr(path, NULL, 0);
		if (n <= 0 || buf_reserve(ret, (size_t)n) != 0)
			break;
		n = listxattr(path, (char *)ret->p, ret->cap);
		if (n >= 0 || errno != ERANGE)
			break;
	}
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : -errno;
	if ((size_t)n > ret->cap)
		return -ENOMEM;
	ret->n = (size_t)n;
	return 0;
}

/* Fills x with what fits; values lie in *values. */
static size_t gather(const char *path, struct bytes names, struct buf *values,
	struct record_xattr x[RECORD_XATTRS_MAX], unsigned *ret_left_out)
{
	const char *name = (const char *)names.p;
	const char *end = name + names.n;
	size_t n = 0, sum = 0;
	ssize_t got;

	for (; name < end; name += strlen(name) + 1) {
		if (!carried(name))
			continue;
		got = n == RECORD_XATTRS_MAX ? -1 : getxattr(path, name,
			values->p + values->n, values->cap - values->n);
		if (got < 0 ||
			sum + strlen(name) + (size_t)got > RECORD_XATTR_BYTES) {
			(*ret_left_out)++;
			continue;
		}
		x[n++] = (struct record_xattr){
			.name = BYTES(name, strlen(name)),
			.value = BYTES(values->p + values->n, (size_t)got),
		};
		values->n += (size_t)got;
		sum += strlen(name) + (size_t)got;
	}
	return n;
}

int backing_xattrs(int fd, struct buf *ret, unsigned *ret_left_out)
{
	cleanup(buf) struct buf names = {0}, values = {0};
	struct record_xattr x[RECORD_XATTRS_MAX];
	char path[BACKING_NAME];
	unsigned left_out = 0;
	size_t n;
	int rc;

	if (flistxattr(fd, NULL, 0) == 0)
		return 0; /* as most files; O_PATH: EBADF */
	backing_name(fd, path);
	rc = names_of(path, &names);
	if (rc != 0 || names.n == 0)
		return rc;
	rc = buf_reserve(&values, RECORD_XATTR_BYTES);
	if (rc != 0)
		return rc;
	n = gather(path, BUF_BYTES(&names), &values, x, &left_out);
	rc = record_xattrs_encode(x, n, ret);
	if (rc == 0)
		*ret_left_out = left_out;
	return rc;
}

int backing_preset(int fd, char ret[BACKING_PRESET])
{
	char path[BACKING_NAME];
	ssize_t n;

	backing_name(fd, path);
	n = getxattr(path, "user.notary.preset", ret, BACKING_PRESET - 1);
	/* Something else under that name was not put there by us. */
	if (n < 0 || !record_digest_name_ok(BYTES(ret, (size_t)n)))
		n = 0;
	ret[n] = '\0';
	return (int)n;
}
