#include "fs/unmount.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/cleanup.h"

extern char **environ;

/* fusermount3 tells no errno: the kernel's busy is by far the usual one. */
static int by_helper(const char *dir, bool lazy)
{
	/* posix_spawn takes char * and writes to none of them */
	char name[] = "fusermount3", take[] = "-u", quiet[] = "-q",
		late[] = "-z";
	cleanup(free) char *path = strdup(dir);
	if (path == NULL)
		return -ENOMEM;
	char *argv[] = {name, take, quiet, path, lazy ? late : NULL, NULL};
	posix_spawn_file_actions_t fa;
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null",
		O_WRONLY, 0);
	pid_t pid;
	int err = posix_spawnp(&pid, name, &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	if (err != 0)
		return -err;
	int status;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBUSY;
}

int unmount(const char *dir, bool lazy)
{
	if (umount2(dir, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
		return 0;
	return errno == EPERM ? by_helper(dir, lazy) : -errno;
}

bool mount_gone(int error)
{
	return error == ENOTCONN || error == ECONNABORTED ||
		error == ECONNREFUSED;
}

bool mount_is_dead(const char *dir)
{
	struct statfs fs;
	return statfs(dir, &fs) != 0 && mount_gone(errno);
}
