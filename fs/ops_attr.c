/* Attributes. */
#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fs/caller.h"
#include "fs/park.h"
#include "fs/retain.h"
#include "fs/start.h"
#include "fs/version.h"
#include "fs/virtual.h"

#define DAY_S 86400

static void reply_attr(fuse_req_t req, struct node *n, int rc,
	struct stat *st)
{
	struct mount *m = mount_of(req);
	double timeout;

	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	{
		locked(&m->lock);
		timeout = inode_timeout(n);
	}
	keptlinks_hide(&m->keptlinks, st);
	fuse_reply_attr(req, st, timeout);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	struct stat st;
	int rc;

	(void)file;
	if (n->type == NODE_VIRTUAL) {
		double timeout = 0;
		rc = virtual_stat(m, n, &st, &timeout);
		if (rc != 0)
			fuse_reply_err(req, -rc);
		else
			fuse_reply_attr(req, &st, timeout);
		return;
	}
	{
		TREE(m, false);
		rc = inode_stat(m, n, &st);
	}
	reply_attr(req, n, rc, &st);
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Would it leave the file as it is? */
static bool changes_nothing(const struct stat *st, const struct stat *to,
	int set)
{
	if ((set & FUSE_SET_ATTR_MODE) != 0 &&
		(st->st_mode & 07777) != (to->st_mode & 07777))
		return false;
	if ((set & FUSE_SET_ATTR_UID) != 0 && st->st_uid != to->st_uid)
		return false;
	if ((set & FUSE_SET_ATTR_GID) != 0 && st->st_gid != to->st_gid)
		return false;
	if ((set & FUSE_SET_ATTR_ATIME) != 0 &&
		!same_time(st->st_atim, to->st_atim))
		return false;
	if ((set & FUSE_SET_ATTR_MTIME) != 0 &&
		!same_time(st->st_mtim, to->st_mtim))
		return false;
	return (set & (FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME_NOW |
		FUSE_SET_ATTR_MTIME_NOW)) == 0;
}

/* fd may be one that stands for the file only. */
static int set_mode(int fd, mode_t mode)
{
	char name[BACKING_NAME];

	if (fchmod(fd, mode & 07777) == 0)
		return 0;
	backing_name(fd, name);
	if (errno != EBADF || chmod(name, mode & 07777) != 0)
		return -errno;
	return 0;
}

/* st is from before the change; what that itself took away is not given back. */
static int drop_bits(fuse_req_t req, int fd, const struct stat *st)
{
	mode_t bits = caller_drops(req, st);
	struct stat now;

	if (bits == 0)
		return 0;
	if (fstat(fd, &now) != 0)
		return -errno;
	return (now.st_mode & bits) == 0 ? 0 :
		set_mode(fd, now.st_mode & ~bits);
}

static int set_size(int fd, const struct handle *h, off_t size)
{
	char name[BACKING_NAME];

	backing_name(fd, name);
	return (h != NULL && h->writer ? ftruncate(h->fd, size) :
		truncate(name, size)) != 0 ? -errno : 0;
}

static int set_owner(int fd, const struct stat *to, int set)
{
	uid_t uid = (set & FUSE_SET_ATTR_UID) != 0 ? to->st_uid : (uid_t)-1;
	gid_t gid = (set & FUSE_SET_ATTR_GID) != 0 ? to->st_gid : (gid_t)-1;

	return fchownat(fd, "", uid, gid,
		AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 ? -errno : 0;
}

static int set_times(int fd, const struct stat *to, int set)
{
	struct timespec t[2] = {
		{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};

	if ((set & FUSE_SET_ATTR_ATIME_NOW) != 0)
		t[0].tv_nsec = UTIME_NOW;
	else if ((set & FUSE_SET_ATTR_ATIME) != 0)
		t[0] = to->st_atim;
	if ((set & FUSE_SET_ATTR_MTIME_NOW) != 0)
		t[1].tv_nsec = UTIME_NOW;
	else if ((set & FUSE_SET_ATTR_MTIME) != 0)
		t[1] = to->st_mtim;
	if (t[0].tv_nsec == UTIME_OMIT && t[1].tv_nsec == UTIME_OMIT)
		return 0;
	return utimensat(fd, "", t, AT_EMPTY_PATH) != 0 ? -errno : 0;
}

/* The system calls, in the order in which none undoes another. */
static int apply(fuse_req_t req, int fd, const struct handle *h,
	const struct stat *to, int set, struct stat *st)
{
	int owner = FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID;
	int rc = fstat(fd, st) != 0 ? -errno : 0;

	if (rc == 0 && (set & FUSE_SET_ATTR_SIZE) != 0)
		rc = set_size(fd, h, to->st_size);
	if (rc == 0 && (set & owner) != 0)
		rc = set_owner(fd, to, set);
	if (rc == 0 && S_ISREG(st->st_mode) &&
		(set & (FUSE_SET_ATTR_SIZE | owner)) != 0)
		rc = drop_bits(req, fd, st);
	if (rc == 0 && (set & FUSE_SET_ATTR_MODE) != 0)
		rc = set_mode(fd, to->st_mode);
	if (rc == 0)
		rc = set_times(fd, to, set);
	if (rc == 0 && fstat(fd, st) != 0)
		rc = -errno;
	return rc;
}

/* What the change means for settling; lock held. */
static void note(struct mount *m, struct node *n, const struct stat *st,
	int set)
{
	n->special = (st->st_mode & (S_ISUID | S_ISGID)) != 0;
	if ((set & FUSE_SET_ATTR_SIZE) != 0)
		room_cut(n, (uint64_t)st->st_size);
	if ((set & FUSE_SET_ATTR_SIZE) != 0 && n->item.writers == 0)
		n->item.empty = st->st_size == 0;
	if ((set & FUSE_SET_ATTR_SIZE) != 0 && n->item.class == CLASS_APPEND &&
		st->st_size == 0)
		n->item.grown = false; /* nothing is sealed: X4 */
	else if ((set & FUSE_SET_ATTR_SIZE) != 0 &&
		n->item.class == CLASS_APPEND)
		settle_grow(&m->nodes.settle, &n->item, mount_now(m), false);
	if ((set & FUSE_SET_ATTR_MODE) != 0)
		settle_chmod(&m->nodes.settle, &n->item,
			(st->st_mode & 0222) != 0);
}

/* A time to come is meant; but not every clock is right. */
static bool is_date(struct mount *m, time_t at)
{
	return at > (time_t)(m->s.clock->ops->now_ms(m->s.clock) / 1000) + DAY_S;
}

/* Of a sealed file the access time alone can be set: to a date until when it
 * is kept. */
static int change_sealed(struct mount *m, struct node *n, int fd, uid_t caller,
	const struct stat *to, int set, struct stat *st)
{
	uint64_t until = (uint64_t)to->st_atim.tv_sec +
		(to->st_atim.tv_nsec > 0);
	struct retention now;
	char path[NODE_PATH];
	int rc;

	if ((set & FUSE_SET_ATTR_ATIME_NOW) != 0 ||
		!changes_nothing(st, to, set & ~FUSE_SET_ATTR_ATIME))
		return -EPERM;
	if ((set & FUSE_SET_ATTR_ATIME) == 0)
		return 0;
	rc = inode_path(m, n, path);
	if (rc >= 0)
		rc = retain_get(m, path, &now);
	if (rc == 0 && now.until == 0 && same_time(st->st_atim, to->st_atim) &&
		!is_date(m, to->st_atim.tv_sec))
		return 0; /* a copier that keeps times */
	if (rc == 0)
		rc = to->st_atim.tv_sec < 0 ? -EPERM :
			retain_extend(m, path, until, caller);
	if (rc == 0 && fstat(fd, st) != 0)
		rc = -errno;
	return rc == -ENOENT ? -EBUSY : rc;
}

static enum inode_change kind_of(int set)
{
	if ((set & FUSE_SET_ATTR_SIZE) != 0)
		return CHANGE_SIZE;
	return (set & ~FUSE_SET_ATTR_ATIME) == 0 ? CHANGE_KEEPING :
		CHANGE_ATTRIBUTES;
}

/* Would it cut what is sealed of a log (X4)?  Asked before anything is begun,
 * since a refusal changes nothing, and again when nobody seals it. */
static int may_cut(struct mount *m, struct node *n, const struct stat *to)
{
	int rc = inode_resolve(m, n);

	locked(&m->lock);
	return rc == 0 && (uint64_t)to->st_size < n->floor ? -EPERM : rc;
}

/* May the size change? */
static int may_resize(struct mount *m, struct node *n, const struct handle *h,
	const struct stat *to)
{
	int rc = may_cut(m, n, to);

	locked(&m->lock);
	return rc == 0 && h == NULL && n->names != NULL ?
		settle_may_write(&n->item) : rc;
}

static int change(fuse_req_t req, struct node *n, const struct handle *h,
	const struct stat *to, int set, struct stat *st)
{
	struct mount *m = mount_of(req);
	bool resize = n->type == NODE_FILE && (set & FUSE_SET_ATTR_SIZE) != 0;
	int rc;

	version_await_asked(m, n, (set & FUSE_SET_ATTR_ATIME) != 0);

	TREE(m, false);
	cleanup(close) int fd = inode_fd(m, n);
	if (fd < 0)
		return fd;
	if (n->type != NODE_FOLDER && version_sealed(m, n)) {
		if (fstat(fd, st) != 0)
			return -errno;
		if (changes_nothing(st, to, set))
			return 0; /* so it stays sealed */
	}
	rc = resize ? may_cut(m, n, to) : 0;
	if (rc == 0 && n->type != NODE_FOLDER)
		rc = inode_change(m, n, kind_of(set));
	if (rc < 0)
		return rc;
	if (rc > 0)
		return fstat(fd, st) != 0 ? -errno :
			change_sealed(m, n, fd, fuse_req_ctx(req)->uid, to, set,
				st);
	if (resize)
		rc = may_resize(m, n, h, to);
	if (rc != 0) {
		inode_unchanged(m, n);
		return rc;
	}
	if (resize) /* what is there is to be the file's own */
		rc = version_part(m, n, fd);
	if (rc == 0)
		rc = apply(req, fd, h, to, set, st);
	if (rc == 0) {
		locked(&m->lock);
		note(m, n, st, set);
	}
	inode_changed(m, n);
	return rc;
}

/* As a refusal names it: the gravest of what was asked. */
static const char *what(int set)
{
	if ((set & FUSE_SET_ATTR_SIZE) != 0)
		return "truncate";
	if ((set & FUSE_SET_ATTR_MODE) != 0)
		return "chmod";
	if ((set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0)
		return "chown";
	return (set & (FUSE_SET_ATTR_MTIME | FUSE_SET_ATTR_MTIME_NOW)) != 0 ?
		"utimes" : "retain";
}

/* Is it a folder whose mode keeps out who mounted it, who is not root? */
static bool keeps_out(struct mount *m, struct node *n)
{
	struct stat st;

	if (n->type != NODE_FOLDER || m->as_root)
		return false;
	TREE(m, false);
	return inode_stat(m, n, &st) == 0 &&
		(st.st_mode & (S_IRUSR | S_IXUSR)) != (S_IRUSR | S_IXUSR);
}

/* What is in it may not be known yet. */
static void look_again(struct mount *m, struct node *n)
{
	char path[NODE_PATH];
	int rc;

	TREE(m, true);
	rc = inode_path(m, n, path);
	if (rc >= 0)
		rc = start_walk(m, path);
	if (rc != 0 && rc != -ENOENT)
		mount_say(m, "not looked through", path, rc);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int set,
	struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	bool closed = (set & FUSE_SET_ATTR_MODE) != 0 && keeps_out(m, n);
	struct stat st;
	int rc = -EPERM;

	set &= FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID |
		FUSE_SET_ATTR_SIZE | FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
		FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW;
	if (n->type != NODE_VIRTUAL)
		rc = change(req, n, file != NULL && n->type == NODE_FILE ?
			handle_of(file) : NULL, to, set, &st);
	if (rc == 0 && closed)
		look_again(m, n);
	reply_attr(req, n, refused(req, what(set), n, rc), &st);
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs v;

	(void)ino;
	if (fstatvfs(mount_of(req)->files, &v) != 0) {
		fuse_reply_err(req, errno);
		return;
	}
	room_statfs(mount_of(req), &v);
	fuse_reply_statfs(req, &v);
}

/* -- lsattr and chattr: the seal as the immutable flag -- */

static bool shows_sealed(struct mount *m, struct node *n)
{
	if (n->type != NODE_FILE && n->type != NODE_SYMLINK)
		return false;
	TREE(m, false);
	if (inode_resolve(m, n) != 0)
		return false;
	locked(&m->lock);
	return n->item.state == ST_SEALED || n->item.state == ST_SEALING;
}

static void set_flag(fuse_req_t req, struct node *n, bool on)
{
	struct mount *m = mount_of(req);

	if (on && n->type == NODE_FILE)
		park_seal(m->park, req, n, true);
	else if (on)
		fuse_reply_err(req, EOPNOTSUPP);
	else if (shows_sealed(m, n))
		fuse_reply_err(req, -refused(req, "unseal", n, -EPERM));
	else
		fuse_reply_ioctl(req, 0, NULL, 0);
}

void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg,
	struct fuse_file_info *file, unsigned how, const void *in, size_t in_n,
	size_t out_n)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	struct fsxattr x = {0};
	int flags = 0;

	(void)arg;
	(void)file;
	(void)how;
	if (n->type == NODE_VIRTUAL) {
		fuse_reply_err(req, ENOTTY);
	} else if (cmd == (unsigned)FS_IOC_GETFLAGS && out_n >= sizeof flags) {
		flags = shows_sealed(m, n) ? FS_IMMUTABLE_FL : 0;
		fuse_reply_ioctl(req, 0, &flags, sizeof flags);
	} else if (cmd == (unsigned)FS_IOC_FSGETXATTR && out_n >= sizeof x) {
		x.fsx_xflags = shows_sealed(m, n) ? FS_XFLAG_IMMUTABLE : 0;
		fuse_reply_ioctl(req, 0, &x, sizeof x);
	} else if (cmd == (unsigned)FS_IOC_SETFLAGS && in_n >= sizeof flags) {
		memcpy(&flags, in, sizeof flags);
		if ((flags & ~FS_IMMUTABLE_FL) != 0)
			fuse_reply_err(req, EOPNOTSUPP);
		else
			set_flag(req, n, flags != 0);
	} else if (cmd == (unsigned)FS_IOC_FSSETXATTR && in_n >= sizeof x) {
		memcpy(&x, in, sizeof x);
		if ((x.fsx_xflags & ~(unsigned)FS_XFLAG_IMMUTABLE) != 0 ||
			x.fsx_projid != 0 || x.fsx_extsize != 0 ||
			x.fsx_cowextsize != 0)
			fuse_reply_err(req, EOPNOTSUPP);
		else
			set_flag(req, n, x.fsx_xflags != 0);
	} else {
		fuse_reply_err(req, ENOTTY);
	}
}
