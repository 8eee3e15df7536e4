#include "fs/outtree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/inside.h"

/* The last component into name, and the folder's path. */
static int split(struct bytes path, struct bytes *ret_folder, char name[256])
{
	size_t at = path.n;
	if (!record_path_ok(path) || path.n == 0)
		return -EINVAL;
	while (at > 0 && path.p[at - 1] != '/')
		at--;
	if (path.n - at > 255)
		return -ENAMETOOLONG;
	memcpy(name, path.p + at, path.n - at);
	name[path.n - at] = '\0';
	*ret_folder = BYTES(path.p, at > 0 ? at - 1 : 0);
	return 0;
}

static int open_folder(struct outtree *t, struct bytes path)
{
	return inside_open(t->root, path, O_RDONLY | O_DIRECTORY, 0);
}

/* The folder, made with its parents where it is missing. */
static int make_folder(struct outtree *t, struct bytes path)
{
	int fd = open_folder(t, path);
	if (fd != -ENOENT)
		return fd;
	struct bytes above;
	char name[256];
	int err = split(path, &above, name);
	if (err != 0)
		return err;
	cleanup(close) int dir = make_folder(t, above);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST)
		return -errno;
	return open_folder(t, path);
}

int outtree_folder(struct outtree *t, struct bytes path)
{
	int fd = make_folder(t, path);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int outtree_begin(struct outtree *t, struct bytes path, struct outfile *ret)
{
	static unsigned long serial;
	struct bytes folder;
	struct outfile f = {-1, -1, "", ""};
	int err = split(path, &folder, f.name);
	if (err != 0)
		return err;
	f.folder = make_folder(t, folder);
	if (f.folder < 0)
		return f.folder;
	do {
		snprintf(f.temp, sizeof f.temp, ".restore-%lu", ++serial);
		f.fd = openat(f.folder, f.temp, O_RDWR | O_CREAT | O_EXCL |
			O_CLOEXEC | O_NOFOLLOW, 0600);
	} while (f.fd < 0 && errno == EEXIST);
	if (f.fd < 0) {
		err = -errno;
		close(f.folder);
		return err;
	}
	*ret = f;
	return 0;
}

void outtree_drop(struct outfile *f)
{
	unlinkat(f->folder, f->temp, 0);
	close(f->fd);
	close(f->folder);
}

static struct timespec time_of(int64_t ns)
{
	int64_t s = ns / 1000000000, rest = ns % 1000000000;
	if (rest < 0) {
		rest += 1000000000;
		s--;
	}
	return (struct timespec){.tv_sec = s, .tv_nsec = rest};
}

/* Until when the file is kept, if that is said. */
static struct timespec access_time(const struct record *d)
{
	return d->until == 0 ? (struct timespec){.tv_nsec = UTIME_OMIT}
		: (struct timespec){.tv_sec = (time_t)d->until};
}

/* What this file system or user cannot have is left out: the record keeps it. */
static int set_xattrs(int fd, const struct record *d)
{
	size_t at = 0;
	struct record_xattr x;
	if (d->xattrs.n == 0)
		return 0;
	for (int r; (r = record_xattrs_next(d->xattrs, &at, &x)) != 0;) {
		char name[256];
		if (r < 0 || x.name.n > 255)
			return -EBADMSG;
		memcpy(name, x.name.p, x.name.n);
		name[x.name.n] = '\0';
		if (fsetxattr(fd, name, x.value.p, x.value.n, 0) != 0 &&
		    errno != ENOTSUP && errno != EPERM)
			return -errno;
	}
	return 0;
}

/* Owner before mode (it clears set-user-id bits), times last. */
int outtree_attributes(struct outtree *t, int fd, const struct record *d)
{
	const struct timespec times[2] = {
		access_time(d), time_of(d->mtime_ns)
	};
	if (t->owners && d->has_owner && fchown(fd, d->uid, d->gid) != 0)
		return -errno;
	int err = set_xattrs(fd, d);
	if (err != 0)
		return err;
	if (d->preset.n > 0 && fsetxattr(fd, "user.notary.preset", d->preset.p,
			d->preset.n, 0) != 0 && errno != ENOTSUP)
		return -errno;
	if (fchmod(fd, d->mode) != 0 || futimens(fd, times) != 0)
		return -errno;
	return 0;
}

int outtree_keep(struct outtree *t, struct outfile *f, const struct record *d)
{
	int err = d != NULL ? outtree_attributes(t, f->fd, d)
		: fchmod(f->fd, 0644) != 0 ? -errno : 0;
	if (err == 0 && renameat2(f->folder, f->temp, f->folder, f->name,
			RENAME_NOREPLACE) != 0)
		err = -errno;
	if (err != 0) {
		outtree_drop(f);
		return err;
	}
	close(f->fd);
	close(f->folder);
	return 0;
}

int outtree_folder_attributes(struct outtree *t, const struct record *d)
{
	cleanup(close) int fd = open_folder(t, d->path);
	return fd < 0 ? fd : outtree_attributes(t, fd, d);
}

int outtree_symlink(struct outtree *t, const struct record *d)
{
	struct bytes folder;
	char name[256], target[RECORD_PATH_MAX + 1];
	const struct timespec times[2] = {
		access_time(d), time_of(d->mtime_ns)
	};
	int err = split(d->path, &folder, name);
	if (err != 0)
		return err;
	if (d->target.n == 0 || d->target.n > RECORD_PATH_MAX ||
	    memchr(d->target.p, '\0', d->target.n) != NULL)
		return -EBADMSG;
	memcpy(target, d->target.p, d->target.n);
	target[d->target.n] = '\0';
	cleanup(close) int dir = make_folder(t, folder);
	if (dir < 0)
		return dir;
	if (symlinkat(target, dir, name) != 0)
		return -errno;
	if (t->owners && d->has_owner && fchownat(dir, name, d->uid, d->gid,
			AT_SYMLINK_NOFOLLOW) != 0)
		return -errno;
	return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0
		: -errno;
}

/* Both names are looked up inside the tree; no link on the way is followed. */
int outtree_link(struct outtree *t, const struct record *d)
{
	struct bytes folder, first_folder;
	char name[256], first[256];
	int err = split(d->path, &folder, name);
	if (err == 0)
		err = split(d->target, &first_folder, first);
	if (err != 0)
		return err;
	cleanup(close) int from = open_folder(t, first_folder);
	if (from < 0)
		return from;
	cleanup(close) int dir = make_folder(t, folder);
	if (dir < 0)
		return dir;
	return linkat(from, first, dir, name, 0) == 0 ? 0 : -errno;
}
