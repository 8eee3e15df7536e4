/*
 * floor: what FUSE costs by itself.  A filesystem that answers every request
 * from memory and keeps no bytes: no system call but reading requests and
 * answering them, no lock, one thread.
 *
 *	floor MOUNT_POINT [FOLDER]
 *
 * With FOLDER, an empty one, every file lies there as well, plainly, under its
 * name, at the price of the system calls that change it and no other: what a
 * mount over plain files costs at the least.  Attributes are still answered from
 * memory, and nothing is checked.
 *
 * It asks the kernel for what our mount asks for, so the kernel sends the same
 * requests: permissions are checked by the kernel, names and attributes kept by
 * it for an hour, closing waits for nothing, files are created past the cache.
 * Both can be counted: perf record -a -e fuse:fuse_request_send; perf script.
 * For benchmarks only: errors end it.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define KEPT 3600.0		/* seconds */
#define TABLE 65536		/* slots for names */
#define READ_MAX (1 << 20)

struct node {
	struct node *folder;
	struct node *next;	/* of the same slot */
	struct node *kids, *sister, **pointer;	/* entries of a folder */
	struct stat st;
	int fd;			/* of a plain folder; -1 */
	char name[256];
};

static struct node root, *table[TABLE];
static ino_t last_ino = 1;
static bool plain;		/* files lie in a folder, too */
static char zeros[READ_MAX];

static void must(bool done)
{
	if (!done) {
		perror("floor");
		exit(1);
	}
}

static struct node *node_of(fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? &root : (struct node *)ino;
}

static struct node **slot_of(const struct node *folder, const char *name)
{
	uint64_t h = (uint64_t)folder * UINT64_C(0x9E3779B97F4A7C15);

	for (; *name != '\0'; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return &table[(h ^ h >> 32) % TABLE];
}

static struct node *find(struct node *folder, const char *name)
{
	struct node *n = *slot_of(folder, name);

	while (n != NULL && (n->folder != folder || strcmp(n->name, name) != 0))
		n = n->next;
	return n;
}

static void put_in(struct node *n, struct node *folder, const char *name)
{
	struct node **slot = slot_of(folder, name);

	snprintf(n->name, sizeof n->name, "%s", name);
	n->folder = folder;
	n->next = *slot;
	*slot = n;
	n->sister = folder->kids;
	if (n->sister != NULL)
		n->sister->pointer = &n->sister;
	n->pointer = &folder->kids;
	folder->kids = n;
}

/* The kernel may still ask for it, so its memory stays. */
static void take_out(struct node *n)
{
	struct node **p = slot_of(n->folder, n->name);

	while (*p != n)
		p = &(*p)->next;
	*p = n->next;
	*n->pointer = n->sister;
	if (n->sister != NULL)
		n->sister->pointer = n->pointer;
}

static struct fuse_entry_param entry(const struct node *n)
{
	return (struct fuse_entry_param){.ino = (fuse_ino_t)n, .attr = n->st,
		.attr_timeout = KEPT, .entry_timeout = KEPT};
}

static struct node *make(fuse_req_t req, fuse_ino_t folder, const char *name,
	mode_t mode)
{
	const struct fuse_ctx *c = fuse_req_ctx(req);
	struct node *n = calloc(1, sizeof(*n));

	must(n != NULL);
	n->fd = -1;
	n->st.st_ino = ++last_ino;
	n->st.st_mode = mode;
	n->st.st_nlink = 1;
	n->st.st_uid = c->uid;
	n->st.st_gid = c->gid;
	clock_gettime(CLOCK_REALTIME_COARSE, &n->st.st_mtim);
	n->st.st_atim = n->st.st_ctim = n->st.st_mtim;
	put_in(n, node_of(folder), name);
	return n;
}

static void op_init(void *arg, struct fuse_conn_info *c)
{
	(void)arg;
	c->want |= c->capable & (FUSE_CAP_POSIX_ACL |
		FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_HANDLE_KILLPRIV);
	c->want &= ~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
		FUSE_CAP_SPLICE_MOVE);
	c->max_write = 1 << 20;
	c->time_gran = 1;
}

static void op_lookup(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	struct node *n = find(node_of(folder), name);
	struct fuse_entry_param e = {.entry_timeout = KEPT};

	if (n != NULL)
		e = entry(n);
	fuse_reply_entry(req, &e);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	(void)ino;
	(void)lookups;
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *f)
{
	(void)f;
	fuse_reply_attr(req, &node_of(ino)->st, KEPT);
}

/* By name: whoever changes a file need not have it open. */
static void set_plain(const struct node *n, const struct stat *to, int set)
{
	struct timespec t[2] = {to->st_atim, to->st_mtim};
	int at = n->folder->fd;

	if ((set & FUSE_SET_ATTR_ATIME) == 0)
		t[0].tv_nsec = UTIME_OMIT;
	if ((set & FUSE_SET_ATTR_MTIME) == 0)
		t[1].tv_nsec = UTIME_OMIT;
	if ((set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0)
		must(fchownat(at, n->name, set & FUSE_SET_ATTR_UID ?
			to->st_uid : (uid_t)-1, set & FUSE_SET_ATTR_GID ?
			to->st_gid : (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0);
	if ((set & FUSE_SET_ATTR_MODE) != 0)
		must(fchmodat(at, n->name, to->st_mode & 07777, 0) == 0);
	if ((set & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME)) != 0)
		must(utimensat(at, n->name, t, AT_SYMLINK_NOFOLLOW) == 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int set,
	struct fuse_file_info *f)
{
	struct stat *st = &node_of(ino)->st;

	(void)f;
	if (plain && ino != FUSE_ROOT_ID)
		set_plain(node_of(ino), to, set);
	if ((set & FUSE_SET_ATTR_MODE) != 0)
		st->st_mode = (st->st_mode & S_IFMT) | (to->st_mode & 07777);
	if ((set & FUSE_SET_ATTR_UID) != 0)
		st->st_uid = to->st_uid;
	if ((set & FUSE_SET_ATTR_GID) != 0)
		st->st_gid = to->st_gid;
	if ((set & FUSE_SET_ATTR_SIZE) != 0)
		st->st_size = to->st_size;
	if ((set & FUSE_SET_ATTR_ATIME) != 0)
		st->st_atim = to->st_atim;
	if ((set & FUSE_SET_ATTR_MTIME) != 0)
		st->st_mtim = to->st_mtim;
	fuse_reply_attr(req, st, KEPT);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t folder, const char *name,
	mode_t mode)
{
	struct node *n = make(req, folder, name, S_IFDIR | (mode & 07777));
	struct fuse_entry_param e = entry(n);

	if (plain) {
		must(mkdirat(n->folder->fd, name, mode) == 0);
		n->fd = openat(n->folder->fd, name, O_PATH | O_CLOEXEC);
		must(n->fd >= 0);
	}
	fuse_reply_entry(req, &e);
}

static void op_create(fuse_req_t req, fuse_ino_t folder, const char *name,
	mode_t mode, struct fuse_file_info *f)
{
	struct node *n = make(req, folder, name, S_IFREG | (mode & 07777));
	struct fuse_entry_param e = entry(n);

	f->direct_io = 1;
	f->fh = (uint64_t)(!plain ? -1 : openat(n->folder->fd, name, O_RDWR |
		O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
	must(!plain || (int)f->fh >= 0);
	fuse_reply_create(req, &e, f);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *f)
{
	const struct node *n = node_of(ino);

	f->keep_cache = 1;
	f->fh = (uint64_t)(!plain ? -1 : openat(n->folder->fd, n->name, O_RDWR |
		O_NOFOLLOW | O_CLOEXEC));
	must(!plain || (int)f->fh >= 0);
	fuse_reply_open(req, f);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t n, off_t off,
	struct fuse_file_info *f)
{
	off_t left = node_of(ino)->st.st_size - off;

	if (left < (off_t)n)
		n = left < 0 ? 0 : (size_t)left;
	n = n < READ_MAX ? n : READ_MAX;
	must(!plain || pread((int)f->fh, zeros, n, off) == (ssize_t)n);
	fuse_reply_buf(req, zeros, n);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n,
	off_t off, struct fuse_file_info *f)
{
	struct stat *st = &node_of(ino)->st;

	must(!plain || pwrite((int)f->fh, p, n, off) == (ssize_t)n);
	if (st->st_size < off + (off_t)n)
		st->st_size = off + (off_t)n;
	st->st_blocks = (st->st_size + 511) / 512;
	clock_gettime(CLOCK_REALTIME_COARSE, &st->st_mtim);
	fuse_reply_write(req, n);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *f)
{
	(void)ino;
	must(!plain || close((int)f->fh) == 0);
	fuse_reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only,
	struct fuse_file_info *f)
{
	(void)ino;
	must(!plain || (data_only ? fdatasync((int)f->fh) :
		fsync((int)f->fh)) == 0);
	fuse_reply_err(req, 0);
}

static void op_remove(fuse_req_t req, fuse_ino_t folder, const char *name)
{
	struct node *n = find(node_of(folder), name);
	int rc = n == NULL ? ENOENT : n->kids != NULL ? ENOTEMPTY : 0;

	if (rc == 0) {
		take_out(n);
		must(!plain || unlinkat(n->folder->fd, name, n->fd >= 0 ?
			AT_REMOVEDIR : 0) == 0);
	}
	if (rc == 0 && n->fd >= 0)
		close(n->fd);
	fuse_reply_err(req, rc);
}

static void op_rename(fuse_req_t req, fuse_ino_t folder, const char *name,
	fuse_ino_t to, const char *to_name, unsigned flags)
{
	struct node *n = find(node_of(folder), name);
	struct node *old = find(node_of(to), to_name);

	if (n == NULL || flags != 0) {
		fuse_reply_err(req, n == NULL ? ENOENT : EINVAL);
		return;
	}
	if (old != NULL && old != n)
		take_out(old);
	take_out(n);
	must(!plain || renameat(n->folder->fd, name, node_of(to)->fd, to_name) ==
		0);
	put_in(n, node_of(to), to_name);
	fuse_reply_err(req, 0);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
	size_t size)
{
	(void)ino;
	(void)size;
	fuse_reply_err(req, strcmp(name, "security.selinux") == 0 ? EOPNOTSUPP :
		ENODATA);
}

/* -- lists of names: all of a folder as they were when it was opened -- */

struct list {
	size_t n;
	struct node *node[];
};

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *f)
{
	struct node *n;
	struct list *l;
	size_t k = 0;

	for (n = node_of(ino)->kids; n != NULL; n = n->sister)
		k++;
	l = malloc(sizeof(*l) + k * sizeof(struct node *));
	must(l != NULL);
	l->n = 0;
	for (n = node_of(ino)->kids; n != NULL; n = n->sister)
		l->node[l->n++] = n;
	f->fh = (uintptr_t)l;
	f->keep_cache = f->cache_readdir = 1;
	fuse_reply_open(req, f);
}

static void list(fuse_req_t req, size_t size, off_t off,
	const struct fuse_file_info *f, bool plus)
{
	const struct list *l = (const struct list *)(uintptr_t)f->fh;
	char *page = malloc(size);
	struct fuse_entry_param e;
	size_t used = 0, n, i;

	must(page != NULL);
	for (i = (size_t)off; i < l->n; i++) {
		e = entry(l->node[i]);
		n = plus ? fuse_add_direntry_plus(req, page + used,
			size - used, l->node[i]->name, &e, (off_t)i + 1) :
			fuse_add_direntry(req, page + used, size - used,
				l->node[i]->name, &e.attr, (off_t)i + 1);
		if (n > size - used)
			break;
		used += n;
	}
	fuse_reply_buf(req, page, used);
	free(page);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *f)
{
	(void)ino;
	list(req, size, off, f, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
	off_t off, struct fuse_file_info *f)
{
	(void)ino;
	list(req, size, off, f, true);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
	struct fuse_file_info *f)
{
	(void)ino;
	free((void *)(uintptr_t)f->fh);
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.init = op_init, .lookup = op_lookup, .forget = op_forget,
	.getattr = op_getattr, .setattr = op_setattr, .mkdir = op_mkdir,
	.unlink = op_remove, .rmdir = op_remove, .rename = op_rename,
	.create = op_create, .open = op_open, .read = op_read,
	.write = op_write, .release = op_release, .fsync = op_fsync,
	.getxattr = op_getxattr,
	.opendir = op_opendir, .readdir = op_readdir,
	.readdirplus = op_readdirplus, .releasedir = op_releasedir,
};

/* The first answer is the one to INIT, and libfuse 3.14 does not ask for this
 * by itself (fs/negotiate.h). */
static ssize_t answer(int fd, struct iovec *iov, int count, void *arg)
{
	static bool answered;

	(void)arg;
	if (!answered && count == 2 &&
		iov[1].iov_len == sizeof(struct fuse_init_out))
		((struct fuse_init_out *)iov[1].iov_base)->flags |=
			FUSE_HANDLE_KILLPRIV_V2;
	answered = true;
	return writev(fd, iov, count);
}

static ssize_t receive(int fd, void *buf, size_t n, void *arg)
{
	(void)arg;
	return read(fd, buf, n);
}

int main(int argc, char **argv)
{
	static const struct fuse_custom_io io = {
		.writev = answer, .read = receive};
	char *option[] = {argv[0], "-o", "fsname=floor,default_permissions"};
	struct fuse_args args = FUSE_ARGS_INIT(3, option);
	struct fuse_session *se;
	int rc;

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: floor MOUNT_POINT [FOLDER]\n");
		return 64;
	}
	plain = argc == 3;
	if (plain) {
		umask(0);
		root.fd = open(argv[2], O_PATH | O_CLOEXEC);
		must(root.fd >= 0);
	}
	root.st = (struct stat){.st_ino = 1, .st_mode = S_IFDIR | 0777,
		.st_nlink = 1};
	se = fuse_session_new(&args, &ops, sizeof ops, NULL);
	if (se == NULL || fuse_set_signal_handlers(se) != 0 ||
		fuse_session_mount(se, argv[1]) != 0 ||
		fuse_session_custom_io(se, &io, fuse_session_fd(se)) != 0)
		return 1;
	rc = fuse_session_loop(se);
	fuse_session_unmount(se);
	return rc != 0;
}
