/* Operations that find names and make new ones. */
#include "fs/dispatch.h"
#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/virtual.h"

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *text)
{
	struct mount *m = mount_of(req);
	struct node *folder = node_of(m, parent);
	struct fuse_entry_param e;
	int rc;

	{
		TREE(m, false);
		rc = folder->type == NODE_VIRTUAL ? -ENOENT :
			inode_lookup(m, folder, text, true, &e);
		if (rc == -ENOENT)
			rc = virtual_lookup(m, folder, text, &e);
	}
	if (rc == -ENOENT && !virtual_may_come(m, folder, text)) {
		e = (struct fuse_entry_param){
			.entry_timeout = TIMEOUT_NOWHERE};
		fuse_reply_entry(req, &e);
	} else if (rc != 0)
		fuse_reply_err(req, -rc);
	else if (fuse_reply_entry(req, &e) != 0)
		inode_forget(m, node_of(m, e.ino), 1);
}

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	struct mount *m = mount_of(req);

	dispatch_reached();
	inode_forget(m, node_of(m, ino), lookups);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *f)
{
	struct mount *m = mount_of(req);
	size_t i;

	dispatch_reached();
	for (i = 0; i < n; i++)
		inode_forget(m, node_of(m, f[i].ino), f[i].nlookup);
	fuse_reply_none(req);
}

/* What a new name is to be. */
struct making {
	struct mount *m;
	struct node *folder;
	const char *text;
	const struct fuse_ctx *caller;
	mode_t mode;		/* with its type */
	dev_t device;
	const char *target;	/* of a symlink */
	int flags;		/* of open, for a regular file */
};

/* The kernel leaves the umask to us, for a folder's default ACL replaces it. */
static mode_t masked(const struct making *k, const struct folder *d)
{
	return k->mode & 07777 & (d->default_acl ? 07777 : ~k->caller->umask);
}

/* Descriptor of what was made (O_PATH but for files). */
static int make_at(const struct making *k, const struct folder *d)
{
	mode_t mode = masked(k, d);
	int at = d->fd, rc, fd;

	if (S_ISREG(k->mode)) {
		fd = openat(at, k->text, (k->flags & ~(O_APPEND | O_DIRECT |
			O_TRUNC)) | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			mode);
		return fd < 0 ? -errno : fd;
	}
	if (S_ISDIR(k->mode))
		rc = mkdirat(at, k->text, mode);
	else if (S_ISLNK(k->mode))
		rc = symlinkat(k->target, at, k->text);
	else
		rc = mknodat(at, k->text, (k->mode & S_IFMT) | mode, k->device);
	if (rc != 0)
		return -errno;
	fd = openat(at, k->text, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Running as root: the caller becomes the owner, as if it had made it. */
static int give(const struct making *k, int at, int fd, struct stat *st)
{
	char name[BACKING_NAME];
	gid_t gid = k->caller->gid;
	struct stat folder;
	mode_t mode;

	if (fstat(fd, st) != 0)
		return -errno;
	if (!k->m->as_root || (st->st_uid == k->caller->uid &&
			st->st_gid == gid))
		return 0;
	if (fstat(at, &folder) != 0)
		return -errno;
	if ((folder.st_mode & S_ISGID) != 0)
		gid = st->st_gid; /* files/ has inherited it */
	if (st->st_uid == k->caller->uid && st->st_gid == gid)
		return 0;
	if (fchownat(fd, "", k->caller->uid, gid, AT_EMPTY_PATH) != 0)
		return -errno;
	mode = st->st_mode;
	if (!S_ISDIR(mode) && (mode & (S_ISUID | S_ISGID)) != 0) {
		backing_name(fd, name); /* chown took these bits away */
		if (chmod(name, mode & 07777) != 0)
			return -errno;
	}
	return fstat(fd, st) != 0 ? -errno : 0;
}

/* Tells memory of it; `file` not NULL: with a handle that has fd. */
static int enter(const struct making *k, int fd, const struct stat *st,
	struct fuse_file_info *file, struct fuse_entry_param *ret)
{
	struct mount *m = k->m;
	bool writer = file != NULL && (k->flags & O_ACCMODE) != O_RDONLY;
	struct name *name;
	struct node *n;

	locked(&m->lock);
	n = node_made(&m->nodes, st->st_ino, node_type_of(st->st_mode));
	if (n == NULL)
		return -ENOMEM;
	name = node_name(&m->nodes, k->folder, k->text, n);
	if (name == NULL) {
		node_put(&m->nodes, n);
		return -ENOMEM;
	}
	if (n->type == NODE_FILE || n->type == NODE_SYMLINK)
		inode_join(m, n, st);
	if (file != NULL && handle_new(m, n, fd, writer, file) != 0) {
		node_unname(&m->nodes, name);
		return -ENOMEM;
	}
	if (file != NULL)
		handle_cache(m, handle_of(file), true, file);
	name->unsynced = true;
	n->lookups++;
	settle_folder(&m->nodes.settle, &k->folder->item, mount_now(m));
	if (n->type == NODE_FOLDER)
		settle_folder(&m->nodes.settle, &n->item, mount_now(m));
	inode_entry(m, n, st, ret);
	return 0;
}

/* With `file`, *ret_fd's descriptor belongs to the handle. */
static int make(const struct making *k, struct fuse_file_info *file,
	struct fuse_entry_param *ret)
{
	int rc = inode_name_ok(k->m, k->folder, k->text), fd;
	struct stat st;

	if (rc != 0)
		return rc;
	rc = room_name(k->m);
	if (rc != 0)
		return rc;
	TREE(k->m, false);
	cleanup(folder) struct folder *d = NULL;
	rc = folder_hold(k->m, k->folder, &d);
	if (rc != 0)
		return rc;
	fd = make_at(k, d);
	if (fd < 0)
		return fd;
	rc = give(k, d->fd, fd, &st);
	if (rc == 0)
		rc = enter(k, fd, &st, file, ret);
	if (rc != 0)
		unlinkat(d->fd, k->text, S_ISDIR(k->mode) ? AT_REMOVEDIR : 0);
	if (rc != 0 || file == NULL)
		close(fd);
	return rc;
}

static void make_and_reply(fuse_req_t req, struct making *k)
{
	struct fuse_entry_param e;
	int rc;

	k->m = mount_of(req);
	k->caller = fuse_req_ctx(req);
	rc = make(k, NULL, &e);
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else if (fuse_reply_entry(req, &e) != 0)
		inode_forget(k->m, node_of(k->m, e.ino), 1);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *text, mode_t mode)
{
	make_and_reply(req, &(struct making){
		.folder = node_of(mount_of(req), parent), .text = text,
		.mode = S_IFDIR | (mode & 07777)});
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *text, mode_t mode,
	dev_t device)
{
	make_and_reply(req, &(struct making){
		.folder = node_of(mount_of(req), parent), .text = text,
		.mode = (mode & S_IFMT) == 0 ? mode | S_IFREG : mode,
		.device = device, .flags = O_WRONLY});
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
	const char *text)
{
	make_and_reply(req, &(struct making){
		.folder = node_of(mount_of(req), parent), .text = text,
		.mode = S_IFLNK | 0777, .target = target});
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *text, mode_t mode,
	struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct fuse_entry_param e;
	struct making k = {
		.m = m, .folder = node_of(m, parent), .text = text,
		.caller = fuse_req_ctx(req), .mode = S_IFREG | (mode & 07777),
		.flags = file->flags,
	};
	int rc = make(&k, file, &e);

	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	/* Not held back when the backlog is full: the kernel would hold the
	 * folder meanwhile, and everybody who reads it. */
	if (fuse_reply_create(req, &e, file) != 0) {
		handle_free(m, handle_of(file));
		inode_forget(m, node_of(m, e.ino), 1);
	}
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct mount *m = mount_of(req);
	char target[PATH_MAX + 1];
	ssize_t n = -1;
	int rc;

	{
		TREE(m, false);
		cleanup(close) int fd = inode_fd(m, node_of(m, ino));
		rc = fd;
		if (fd >= 0) {
			n = readlinkat(fd, "", target, sizeof target - 1);
			rc = n < 0 ? -errno : 0;
		}
	}
	if (rc < 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	target[n] = '\0';
	fuse_reply_readlink(req, target);
}
