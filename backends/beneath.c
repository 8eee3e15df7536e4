#include "backends/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/fault.h"

#define FOLDER (O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)

/* O_NONBLOCK: a FIFO in a bucket must not stop its reader.  O_PATH opens
 * nothing, and openat2() refuses the two together. */
static int with_ours(int flags)
{
	flags |= O_CLOEXEC | O_NOFOLLOW;
	return (flags & O_PATH) != 0 ? flags : flags | O_NONBLOCK;
}

/* The first component of *path into ret; *path moves behind it. */
static int component(const char **path, char ret[NAME_MAX + 1])
{
	size_t n = strcspn(*path, "/");

	if (n == 0 || n > NAME_MAX)
		return n == 0 ? -EINVAL : -ENAMETOOLONG;
	memcpy(ret, *path, n);
	ret[n] = '\0';
	*path += n + ((*path)[n] == '/');
	return 0;
}

static int open_at(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags);

	return fd >= 0 ? fd : -errno;
}

static int walk(int root, const char *path, int flags, bool make)
{
	char name[NAME_MAX + 1];
	cleanup(close) int dir = open_at(root, ".", FOLDER);
	int rc, fd;

	while (dir >= 0 && *path != '\0') {
		rc = component(&path, name);
		if (rc != 0)
			return rc;
		if (make && mkdirat(dir, name, 0700) != 0 && errno != EEXIST)
			return -errno;
		if (make)
			fault_point("folder.made");
		if (make && fsync(dir) != 0)
			return -errno;
		fd = open_at(dir, name, *path != '\0' ? FOLDER
			: with_ours(flags));
		close(dir);
		dir = fd;
	}
	fd = dir;
	dir = -1; /* the caller has it */
	return fd;
}

int beneath_open(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)with_ours(flags),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	if (*path == '\0')
		return walk(root, path, flags, false);
	fd = syscall(SYS_openat2, root, path, &how, sizeof how);
	if (fd >= 0)
		return (int)fd;
	/* ENOSYS: an old kernel; EPERM: a sandbox that does not know the call;
	 * EAGAIN: something was renamed under it. */
	if (errno != ENOSYS && errno != EPERM && errno != EAGAIN)
		return -errno;
	return walk(root, path, flags, false);
}

int beneath_make(int root, const char *path)
{
	return walk(root, path, O_RDONLY | O_DIRECTORY, true);
}
