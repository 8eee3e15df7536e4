#include "fs/protect.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/backing.h"
#include "fs/vault.h"

#define FOLLOWS "programs that may write to the vault's folder and buckets can " \
	"change what is sealed there, past the mount; scrub finds that, and " \
	"repair mends it from the buckets that are good"

int protect_try(const char *folder)
{
	cleanup(close) int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC,
		0600);
	int err = fd < 0 ? -errno : backing_flag_fd(fd, true);
	if (err == 0)
		err = backing_flag_fd(fd, false);
	return err == -ENOTTY || err == -EINVAL ? -EOPNOTSUPP : err;
}

/* Whose mount it is, or would be. */
static bool of_root(int pid)
{
	char path[32];
	struct stat st;
	if (pid <= 0)
		return geteuid() == 0;
	snprintf(path, sizeof path, "/proc/%d", pid);
	return stat(path, &st) == 0 && st.st_uid == 0;
}

/* The first folder that does not take the flag; one that is away is told of
 * elsewhere. */
static const char *without(const struct vault *v, const char *files,
	int *ret_err)
{
	const char *at = files;
	for (unsigned i = 0;; at = v->config.bucket[i++]) {
		*ret_err = protect_try(at);
		if (*ret_err == -EPERM || *ret_err == -EOPNOTSUPP)
			return at;
		if (i == v->config.n_buckets)
			return NULL;
	}
}

bool protect_vault(const struct vault *v, int pid, char *ret, size_t size)
{
	cleanup(free) char *files = vault_path(v, "files");
	const char *at;
	int err = -ENOMEM;
	if (!v->config.immutable) {
		snprintf(ret, size, "switched off (notaryfs.conf, immutable): "
			FOLLOWS);
		return false;
	}
	if (!of_root(pid)) {
		snprintf(ret, size, "sealed files and objects are not made "
			"immutable (chattr +i), which only root can: " FOLLOWS);
		return false;
	}
	at = files == NULL ? "files" : without(v, files, &err);
	if (at != NULL) {
		snprintf(ret, size, "%s %s: " FOLLOWS, at, err == -EPERM
			? "takes no chattr +i from this root (a container "
			  "without CAP_LINUX_IMMUTABLE?)"
			: "is on a file system without chattr +i");
		return false;
	}
	snprintf(ret, size, "sealed files and objects are made so (chattr +i)");
	return true;
}
