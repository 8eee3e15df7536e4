#include "fs/place.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <libgen.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/file.h"
#include "fs/text.h"
#include "fs/unmount.h"
#include "fs/vault.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define STATUS_MAX ((size_t)1 << 20) /* bytes of a file below .notary/ */

static bool exists(const char *folder, const char *name)
{
	cleanup(free) char *path = NULL;
	struct stat st;
	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		path = NULL;
		return false;
	}
	return stat(path, &st) == 0;
}

bool place_is_vault(const char *path)
{
	return exists(path, "state") &&
		(exists(path, "anchor") || exists(path, "notaryfs.conf"));
}

char *place_around(const char *path)
{
	cleanup(free) char *folder = strdup(path);
	cleanup(free) char *real = NULL;
	if (folder != NULL)
		real = realpath(dirname(folder), NULL);
	for (char *slash = NULL; real != NULL; *slash = '\0') {
		if (place_is_vault(real)) {
			char *ret = real;
			real = NULL; /* the caller has it */
			return ret;
		}
		slash = strrchr(real, '/');
		if (slash == NULL || slash == real)
			break;
	}
	return NULL;
}

bool place_closed(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0)
		return errno == EACCES;
	return S_ISDIR(st.st_mode) && access(path, X_OK) != 0 &&
		errno == EACCES;
}

bool place_exists(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0;
}

static bool is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

/* 1: the root of a mounted vault, 0: not, -ENOTCONN: in a dead mount, which may
 * still answer stat(). */
static int is_root(const char *path)
{
	struct statfs fs;
	if (statfs(path, &fs) != 0)
		return mount_gone(errno) ? -ENOTCONN : 0;
	return fs.f_type == FUSE_SUPER_MAGIC && exists(path, ".notary/anchor");
}

/* The absolute name of path, of which only the folder is resolved. */
static int absolute(const char *path, char **ret)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return -errno;
	if (S_ISDIR(st.st_mode)) {
		*ret = realpath(path, NULL);
		return *ret != NULL ? 0 : -errno;
	}
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	cleanup(free) char *folder = slash == NULL ? strdup(".")
		: strndup(path, (size_t)(slash - path) + 1);
	if (folder == NULL)
		return -ENOMEM;
	cleanup(free) char *real = realpath(folder, NULL);
	if (real == NULL)
		return -errno;
	return asprintf(ret, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
		name) < 0 ? -ENOMEM : 0;
}

int place_mount(const char *path, char **ret_root, char **ret_rest)
{
	cleanup(free) char *at = NULL;
	int err = absolute(path, &at);
	if (err != 0) {
		at = NULL;
		return err;
	}
	cleanup(free) char *whole = strdup(at);
	if (whole == NULL)
		return -ENOMEM;
	/* A link in a vault is what counts, also one that leads to a root. */
	while ((err = is_link(at) ? 0 : is_root(at)) <= 0) {
		char *slash = strrchr(at, '/');
		if (err < 0)
			return err;
		if (slash == NULL || slash == at) {
			if (is_root(whole) <= 0)
				return -ENOENT;
			strcpy(at, whole); /* a link from outside */
			break;
		}
		*slash = '\0';
	}
	const char *rest = whole + strlen(at);
	char *copy = strdup(rest + (*rest == '/'));
	if (copy == NULL)
		return -ENOMEM;
	*ret_rest = copy; /* the caller has both */
	*ret_root = at;
	at = NULL;
	return 0;
}

/* What leads there is followed, as whoever makes something there would. */
static int future_folder(const char *path, char **ret_root, char **ret_rest)
{
	cleanup(free) char *real = realpath(path, NULL);
	return place_future(real != NULL ? real : path, ret_root, ret_rest);
}

int place_future(const char *path, char **ret_root, char **ret_rest)
{
	cleanup(free) char *above = strdup(path);
	cleanup(free) char *rest = NULL, *real = NULL;
	const char *name = path;
	if (above == NULL)
		return -ENOMEM;
	int err = place_mount(path, ret_root, ret_rest);
	if (err != -ENOENT && err != -ENOTDIR)
		return err;
	real = realpath(path, NULL);
	if (real != NULL) /* it is there: a link from outside, or elsewhere */
		return place_mount(real, ret_root, ret_rest);
	size_t n = strlen(above);
	while (n > 1 && above[n - 1] == '/')
		above[--n] = '\0';
	char *slash = strrchr(above, '/');
	if (n == 0 || (slash == NULL && strcmp(above, ".") == 0) ||
	    (slash == above && n == 1))
		return -ENOENT; /* nothing is left to go up to */
	name = path + (slash == NULL ? 0 : slash + 1 - above);
	if (slash == NULL)
		strcpy(above, ".");
	else
		slash[slash == above] = '\0';
	err = future_folder(above, ret_root, &rest);
	if (err != 0)
		return err;
	n = strcspn(name, "/");
	*ret_rest = text_of("%s%s%.*s", rest, *rest != '\0' ? "/" : "", (int)n,
		name);
	if (*ret_rest != NULL)
		return 0;
	free(*ret_root);
	return -ENOMEM;
}

int place_read(const char *root, const char *name, struct buf *ret)
{
	cleanup(free) char *path = NULL;
	if (asprintf(&path, "%s/.notary/%s", root, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return file_read(path, STATUS_MAX, ret);
}

int place_cert(const char *root, const char *rest, struct buf *ret)
{
	/* by the name that no real file can take */
	cleanup(free) char *name = text_of("cert/%s", rest);
	return name == NULL ? -ENOMEM : place_read(root, name, ret);
}

int place_anchor(const char *root, struct hash *ret)
{
	cleanup(free) char *path = NULL;
	if (asprintf(&path, "%s/.notary/anchor", root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return vault_anchor_read(path, ret);
}

int place_is(const char *root, const struct hash *anchor)
{
	struct hash there;
	int err = place_anchor(root, &there);
	return err != 0 ? err : hash_equal(&there, anchor) ? 0 : -ESTALE;
}

typedef int visit_path(void *ctx, const char *path, const struct stat *st);
static int walk_far(const char *path, visit_path *visit, void *ctx);

static int walk(const char *path, bool far, visit_path *visit, void *ctx)
{
	char *roots[] = {strdup(path), NULL};
	if (roots[0] == NULL)
		return -ENOMEM;
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	int err = fts == NULL ? -errno : 0;
	while (err == 0) {
		errno = 0;
		FTSENT *e = fts_read(fts);
		if (e == NULL) {
			err = -errno;
			break;
		}
		if (e->fts_info == FTS_DP)
			continue;
		/* gone since its folder was read: not there to be visited */
		if (e->fts_info == FTS_NS && e->fts_errno == ENOENT &&
		    e->fts_level > 0)
			continue;
		if (far && e->fts_info == FTS_NS &&
		    e->fts_errno == ENAMETOOLONG)
			err = walk_far(e->fts_path, visit, ctx);
		else if (e->fts_info == FTS_ERR || e->fts_info == FTS_NS ||
		    e->fts_info == FTS_DNR)
			err = -e->fts_errno;
		else
			err = visit(ctx, e->fts_path, e->fts_statp);
	}
	if (fts != NULL)
		fts_close(fts);
	free(roots[0]);
	return err;
}

/* By a descriptor of a folder half way there. */
static int walk_far(const char *path, visit_path *visit, void *ctx)
{
	cleanup(free) char *half = strndup(path, PATH_MAX / 2);
	char *slash = half == NULL ? NULL : strrchr(half, '/');
	if (slash == NULL)
		return half == NULL ? -ENOMEM : -ENAMETOOLONG;
	*slash = '\0';
	cleanup(close) int fd = open(half, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	cleanup(free) char *rest = text_of("/proc/self/fd/%d/%s", fd,
		path + (slash - half) + 1);
	return rest == NULL ? -ENOMEM : walk(rest, true, visit, ctx);
}

int place_walk(const char *path, visit_path *visit, void *ctx)
{
	return walk(path, false, visit, ctx);
}

int place_walk_far(const char *path, visit_path *visit, void *ctx)
{
	return walk(path, true, visit, ctx);
}
