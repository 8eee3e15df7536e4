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
#include <sys/xattr.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/record.h"
#include "fs/file.h"
#include "fs/text.h"
#include "fs/unmount.h"
#include "fs/vault.h"

#ifndef FUSE_SUPER_MAGIC
#define FUSE_SUPER_MAGIC 0x65735546
#endif
#define CERTS ".notary/cert"
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

bool place_virtual(const char *path, const struct stat *st)
{
	/* all that is in files/ has a class, also where it is no user's to ask
	 * for; the kernel asks for none of a device or a link */
	return (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
		lgetxattr(path, "user.notary.class", NULL, 0) < 0 &&
		errno == ENODATA;
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
	/* by the name that no real file can take; in two steps, for root may be
	 * long too */
	cleanup(free) char *path = text_of("%s/" CERTS, root);
	if (strlen(CERTS "/") + strlen(rest) > RECORD_PATH_MAX)
		return -ENAMETOOLONG;
	cleanup(close) int fd = path == NULL ? -1
		: open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return path == NULL ? -ENOMEM : -errno;
	return file_read_at(fd, *rest != '\0' ? rest : ".", STATUS_MAX, ret);
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

typedef int visit_place(void *ctx, const struct placed *p);

/* One folder with what is below it. */
struct walk {
	const char *name, *path; /* of it, as in struct placed */
	visit_place *visit;
	void *ctx;
	bool below;		/* it is part of a larger one */
};

static int walk_far(const struct walk *w, const char *name, const char *path);

/* Gone since its folder was read: not there to be visited. */
static bool is_gone(const struct walk *w, const FTSENT *e)
{
	return (e->fts_info == FTS_NS || e->fts_info == FTS_DNR) &&
		e->fts_errno == ENOENT && (w->below || e->fts_level > 0);
}

static int walk_entry(const struct walk *w, const FTSENT *e)
{
	bool failed = e->fts_info == FTS_ERR || e->fts_info == FTS_NS ||
		e->fts_info == FTS_DNR;
	struct placed p = {e->fts_path, e->fts_path, e->fts_statp,
		failed ? -e->fts_errno : 0};
	cleanup(free) char *name = NULL;
	if (e->fts_info == FTS_DP || is_gone(w, e))
		return 0;
	if (failed && !w->below && e->fts_level == 0)
		return p.err;
	if (w->name != w->path) {
		name = text_of("%s%s", w->name, p.path + strlen(w->path));
		if (name == NULL)
			return -ENOMEM;
		p.name = name;
	}
	return e->fts_info == FTS_NS && e->fts_errno == ENAMETOOLONG
		? walk_far(w, p.name, p.path) : w->visit(w->ctx, &p);
}

static int walk(const struct walk *w)
{
	char *roots[] = {strdup(w->path), NULL};
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
		err = walk_entry(w, e);
	}
	if (fts != NULL)
		fts_close(fts);
	free(roots[0]);
	return err;
}

/* By a descriptor of a folder half way there. */
static int walk_far(const struct walk *w, const char *name, const char *path)
{
	struct walk far = {.name = name, .visit = w->visit, .ctx = w->ctx,
		.below = true};
	cleanup(free) char *half = strndup(path, PATH_MAX / 2);
	char *slash = half == NULL ? NULL : strrchr(half, '/');
	if (slash == NULL)
		return half == NULL ? -ENOMEM : -ENAMETOOLONG;
	*slash = '\0';
	cleanup(close) int fd = open(half, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		struct placed p = {name, path, NULL, -errno};
		return errno == ENOENT ? 0 : w->visit(w->ctx, &p);
	}
	cleanup(free) char *rest = text_of("/proc/self/fd/%d/%s", fd,
		path + (slash - half) + 1);
	far.path = rest;
	return rest == NULL ? -ENOMEM : walk(&far);
}

int place_walk(const char *path, visit_place *visit, void *ctx)
{
	const struct walk w = {path, path, visit, ctx, false};
	return walk(&w);
}

char *place_below(const char *path, const char *rest, const char *name)
{
	const char *below = name + strlen(path);
	below += strspn(below, "/");
	return text_of("%s%s%s", rest,
		*rest != '\0' && *below != '\0' ? "/" : "", below);
}
