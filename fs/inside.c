#include "fs/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/record.h"

int inside_open(int dir, struct bytes path, int flags, mode_t mode)
{
	char name[RECORD_PATH_MAX + 1] = ".";
	struct open_how how = {
		.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.mode = mode,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	if (path.n > RECORD_PATH_MAX || memchr(path.p, '\0', path.n) != NULL)
		return -EINVAL;
	if (path.n > 0) {
		memcpy(name, path.p, path.n);
		name[path.n] = '\0';
	}
	long fd = syscall(SYS_openat2, dir, name, &how, sizeof how);
	return fd < 0 ? -errno : (int)fd;
}
