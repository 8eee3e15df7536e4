/* Operations on open files. */
#include "fs/dispatch.h"
#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/fault.h"
#include "fs/caller.h"
#include "fs/ctl.h"
#include "fs/park.h"
#include "fs/passthru.h"
#include "fs/version.h"
#include "fs/virtual.h"

int handle_new(struct mount *m, struct node *n, int fd, bool writer,
	struct fuse_file_info *file)
{
	struct handle *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return -ENOMEM;
	h->node = n;
	h->fd = fd;
	h->writer = writer;
	h->both = (file->flags & O_ACCMODE) == O_RDWR;
	h->adds = writer && !h->both && (file->flags & O_APPEND) != 0 &&
		n->item.class == CLASS_APPEND &&
		fcntl(fd, F_SETFL, O_APPEND) == 0;
	h->next = n->handles;
	n->handles = h;
	n->refs++;
	if (writer)
		settle_open(&m->nodes.settle, &n->item, h->adds);
	file->fh = (uintptr_t)h;
	return 0;
}

void handles_end(struct mount *m)
{
	struct node *n;
	struct handle *h;

	for (n = m->nodes.all; n != NULL; n = n->all_next)
		while ((h = n->handles) != NULL) {
			n->handles = h->next;
			if (h->fd >= 0)
				close(h->fd);
			buf_free(&h->text);
			free(h);
		}
}

/* What is written once is not read back by its writer: a file being created
 * goes past the kernel's cache, which spares a copy and a request.  As long as
 * it does, all others do, so that no page keeps what a write has replaced; a
 * mapping might, so the next cached open begins with an empty cache. */
void handle_cache(struct mount *m, struct handle *h, bool created,
	struct fuse_file_info *file)
{
	struct node *n = h->node;

	h->direct = created && h->writer && atomic_load(&m->negotiate.direct);
	if (h->direct) {
		n->direct++;
		n->stale = true;
	}
	file->direct_io = n->direct > 0;
	file->keep_cache = n->direct == 0 && !n->stale;
	if (n->direct == 0)
		n->stale = false;
}

void handle_free(struct mount *m, struct handle *h)
{
	struct node *n = h->node;
	struct handle **p = &n->handles;
	struct stat st;
	bool empty = h->writer && fstat(h->fd, &st) == 0 && st.st_size == 0;

	{
		locked(&m->lock);
		while (*p != h)
			p = &(*p)->next;
		*p = h->next;
		passthru_close(m, h);
		n->direct -= h->direct;
	}
	if (h->fd >= 0)
		close(h->fd); /* nobody writes when the last one is counted off */
	{
		locked(&m->lock);
		if (h->writer) {
			n->item.empty = empty;
			settle_close(&m->nodes.settle, &n->item, h->adds,
				mount_now(m));
		}
		n->refs--;
		node_put(&m->nodes, n);
	}
	buf_free(&h->text);
	free(h);
}

/* X4 of version.h: only what comes behind.  Who reads as well could map what is
 * sealed and write there: that is refused when the page comes here, but until
 * then, and longer, all readers have it from the kernel's cache. */
static bool only_adds(int flags)
{
	return (flags & O_ACCMODE) == O_WRONLY && (flags & O_APPEND) != 0 &&
		(flags & O_TRUNC) == 0;
}

/* 0: counted; -EAGAIN: it must first be unsealed. */
static int count_writer(struct mount *m, struct node *n, int flags)
{
	int rc;

	locked(&m->lock);
	if (!only_adds(flags) || n->item.class != CLASS_APPEND)
		version_await(m, n);
	if (n->floor > 0 && !only_adds(flags))
		return -EPERM;
	if (n->names != NULL && version_may_change(n))
		return -EAGAIN;
	rc = settle_may_write(&n->item);
	if (rc == 0 || n->names == NULL || (n->item.state == ST_SEALING &&
			n->item.class == CLASS_APPEND)) {
		if (n->passed > 0 && n->item.state == ST_SEALED)
			return -ETXTBSY; /* P1; sealed once, and unlinked */
		settle_open(&m->nodes.settle, &n->item, false);
		rc = 0;
	}
	return rc;
}

/* Counts the writer before the file is opened, so that the sealer leaves it. */
static int open_writer(struct mount *m, struct node *n, int flags)
{
	int rc = inode_resolve(m, n);

	while (rc == 0) {
		rc = count_writer(m, n, flags);
		if (rc != -EAGAIN)
			return rc;
		rc = version_unseal(m, n);
	}
	return rc;
}

static void close_writer(struct mount *m, struct node *n)
{
	locked(&m->lock);
	settle_close(&m->nodes.settle, &n->item, false, mount_now(m));
}

/* Writing takes setuid and setgid away, as any file system does. */
static void drop_special(fuse_req_t req, struct mount *m, struct handle *h)
{
	struct stat st;

	{
		locked(&m->lock);
		if (!h->node->special || fuse_req_ctx(req)->uid == 0)
			return;
		h->node->special = false;
	}
	if (fstat(h->fd, &st) != 0)
		return;
	(void)!fchmod(h->fd, st.st_mode & 07777 & ~caller_drops(req, &st));
	fuse_lowlevel_notify_inval_inode(m->se, ino_of(m, h->node), -1, 0);
}

/* Reading never moves the access time: of a sealed file that is a date. */
static int open_fd(struct mount *m, struct node *n, int flags)
{
	char name[BACKING_NAME];
	int fd = inode_open(m, n, flags | O_NOATIME);

	if (fd == -EPERM) /* another's file */
		fd = inode_open(m, n, flags);
	if (fd != -ENOENT)
		return fd;
	cleanup(close) int old = inode_fd(m, n); /* unlinked */
	if (old < 0)
		return old;
	backing_name(old, name);
	fd = open(name, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* As O_TRUNC does: truncate(2) leaves the times of an empty file on btrfs. */
static int cut(int fd, int flags)
{
	char name[BACKING_NAME];
	int again;

	if ((flags & O_ACCMODE) != O_RDONLY)
		return ftruncate(fd, 0) != 0 ? -errno : 0;
	backing_name(fd, name);
	again = open(name, O_RDONLY | O_TRUNC | O_CLOEXEC);
	if (again < 0)
		return -errno;
	close(again);
	return 0;
}

/* O_TRUNC of what versions have, too: X3 of version.h. */
static int open_cut(struct mount *m, struct node *n, int flags)
{
	int fd = open_fd(m, n, flags & ~O_TRUNC), rc;

	if (fd < 0)
		return fd;
	rc = version_part(m, n, fd);
	if (rc == 0)
		rc = cut(fd, flags);
	if (rc != 0)
		close(fd);
	return rc != 0 ? rc : fd;
}

/* What the kernel and memory are told of an open file; fd is its handle's
 * unless this fails and *ret_made is false. */
static int enter(struct mount *m, struct node *n, int fd, bool writer,
	const struct stat *st, struct fuse_file_info *file, bool *ret_made)
{
	bool cut = (file->flags & O_TRUNC) != 0;
	int rc;

	locked(&m->lock);
	n->special = (st->st_mode & (S_ISUID | S_ISGID)) != 0;
	if (cut) {
		n->item.unclean = false; /* written anew */
		room_cut(n, 0);
	}
	rc = handle_new(m, n, fd, writer, file);
	*ret_made = rc == 0;
	if (rc != 0)
		return rc;
	handle_cache(m, handle_of(file), false, file);
	return passthru_open(m, handle_of(file), (uint64_t)st->st_size);
}

/* Of the caller's flags.  The kernel sends some of its own, too, as for
 * execve(2), which openat2(2) would not take. */
#define PASSED_ON (O_ACCMODE | O_TRUNC | O_NONBLOCK | O_SYNC | O_NOATIME)

static int open_file(struct mount *m, struct node *n,
	struct fuse_file_info *file)
{
	bool writer = (file->flags & O_ACCMODE) != O_RDONLY ||
		(file->flags & O_TRUNC) != 0;
	int flags = file->flags & PASSED_ON;
	bool made = false;
	struct stat st;
	int rc, fd;

	if (writer)
		version_await_asked(m, n, false);
	TREE(m, false);
	rc = writer ? open_writer(m, n, file->flags) : 0;
	if (rc != 0)
		return rc;
	fd = (flags & O_TRUNC) != 0 ? open_cut(m, n, flags) :
		open_fd(m, n, flags);
	rc = fd < 0 ? fd : fstat(fd, &st) != 0 ? -errno : 0;
	if (rc == 0 && !writer && passthru_wanted(m, (uint64_t)st.st_size))
		rc = inode_resolve(m, n);
	if (rc == 0 && (flags & O_ACCMODE) == O_RDWR && passthru_must(m, n))
		rc = version_part(m, n, fd); /* P4 */
	if (rc == 0)
		rc = enter(m, n, fd, writer, &st, file, &made);
	if (writer)
		close_writer(m, n); /* the handle counts now */
	if (rc != 0 && made)
		handle_free(m, handle_of(file));
	else if (rc != 0 && fd >= 0)
		close(fd);
	return rc;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	int rc;

	if (n->type == NODE_VIRTUAL) {
		virtual_open(m, req, n, file);
		return;
	}
	rc = open_file(m, n, file);
	if (rc != 0) {
		fuse_reply_err(req, -refused(req, "write", n, rc));
		return;
	}
	if ((file->flags & O_TRUNC) != 0)
		drop_special(req, m, handle_of(file));
	rc = handle_of(file)->passed ? passthru_reply(req, file) :
		fuse_reply_open(req, file);
	if (rc != 0)
		handle_free(m, handle_of(file));
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);

	(void)ino;
	dispatch_reached();
	handle_free(m, handle_of(file));
	fuse_reply_err(req, 0);
	park_wake(m->park);
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *file)
{
	struct handle *h = handle_of(file);
	cleanup(free) char *p = malloc(size);
	ssize_t got = -1;
	size_t n;

	(void)ino;
	if (h->node->virtual == VIRTUAL_CTL) {
		ctl_read(mount_of(req), req, h, size);
		return;
	}
	if (p != NULL && h->fd < 0) {
		/* a copy: with the answer the handle may be released, and the
		 * address sanitizer looks at what writev() wrote afterwards */
		n = (uint64_t)off < h->text.n ? h->text.n - (size_t)off : 0;
		n = n < size ? n : size;
		if (n > 0)
			memcpy(p, h->text.p + off, n);
		got = (ssize_t)n;
	} else if (p != NULL && h->node->type == NODE_VIRTUAL) {
		n = (uint64_t)off < h->end ? h->end - (uint64_t)off : 0;
		got = pread(h->fd, p, n < size ? n : size, off);
	} else if (p != NULL) {
		got = pread(h->fd, p, size, off);
	}
	if (got < 0)
		fuse_reply_err(req, p == NULL ? ENOMEM : errno);
	else
		fuse_reply_buf(req, p, (size_t)got);
}

/* What came through a mapping lies in the kernel's cache already, and stays
 * there: who opens the file next is to read what it has. */
static void unwritten(fuse_req_t req, struct handle *h,
	const struct fuse_file_info *file, int err)
{
	struct mount *m = mount_of(req);

	if (file->writepage) {
		locked(&m->lock);
		h->node->stale = true;
	}
	fuse_reply_err(req, err);
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n,
	off_t off, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct handle *h = handle_of(file);
	size_t done = 0;
	ssize_t k = 0;
	bool grows;
	int rc, err;

	(void)ino;
	if (h->node->virtual == VIRTUAL_CTL) {
		ctl_write(m, req, h, BYTES(p, n));
		return;
	}
	rc = h->writer ? version_write(m, h, (uint64_t)off) : -EBADF;
	grows = rc > 0;
	if (rc >= 0)
		rc = room_write(m, h->node, (uint64_t)off, n);
	if (rc < 0) {
		unwritten(req, h, file, -rc);
		return;
	}
	drop_special(req, m, h);
	while (done < n) {
		k = pwrite(h->fd, p + done, n - done, off + (off_t)done);
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			break;
		done += (size_t)k;
	}
	err = errno;
	room_wrote(m, h->node, h->fd);
	if (grows)
		version_wrote(m, h);
	if (done < n && (done == 0 || file->writepage))
		unwritten(req, h, file, k < 0 ? err : EIO);
	else if (atomic_load(&m->full))
		park_write(m->park, req, done);
	else
		fuse_reply_write(req, done);
}

/* fsync keeps the name too: that of a new file lies in its folder. */
static int sync_names(struct mount *m, struct node *n)
{
	char path[NODE_PATH];
	struct name *name;
	bool owed = false;
	int rc = 0;

	TREE(m, false);
	{
		locked(&m->lock);
		for (name = n->names; name != NULL; name = name->node_next) {
			owed = owed || name->unsynced;
			name->unsynced = false;
		}
		if (owed)
			rc = node_path(&m->nodes, n->names->parent, path);
	}
	return owed && rc >= 0 ? backing_sync(m->files, path) : 0;
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int data_only,
	struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct handle *h = handle_of(file);
	int rc = 0;

	(void)ino;
	if (h->fd >= 0) {
		fault_point("fsync.begin");
		rc = (data_only ? fdatasync(h->fd) : fsync(h->fd)) != 0 ?
			-errno : 0;
		fault_point("fsync.data");
		if (rc == 0)
			rc = sync_names(m, h->node);
		fault_point("fsync.done");
	}
	fuse_reply_err(req, -rc);
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
	off_t length, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct handle *h = handle_of(file);
	bool same = (mode & ~FALLOC_FL_KEEP_SIZE) == 0; /* no byte changes */
	int rc;

	(void)ino;
	if (!h->writer)
		rc = -EBADF;
	else if (mode == FALLOC_FL_KEEP_SIZE)
		rc = 0;
	else if (same) /* only what comes behind all that is there */
		rc = version_write(m, h, UINT64_MAX);
	else
		rc = h->adds ? -EPERM : version_write(m, h, (uint64_t)off);
	if (rc < 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	rc = (mode & FALLOC_FL_PUNCH_HOLE) != 0 ? 0 :
		room_write(m, h->node, (uint64_t)off, (uint64_t)length);
	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	drop_special(req, m, h);
	rc = fallocate(h->fd, mode, off, length) != 0 ? errno : 0;
	room_look(m, h->node, h->fd);
	version_wrote(m, h);
	fuse_reply_err(req, rc);
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
	struct fuse_file_info *file)
{
	struct handle *h = handle_of(file);
	off_t at;

	(void)ino;
	if (h->fd < 0) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	at = lseek(h->fd, off, whence);
	if (at < 0)
		fuse_reply_err(req, errno);
	else
		fuse_reply_lseek(req, at);
}

void op_copy(fuse_req_t req, fuse_ino_t from, off_t off,
	struct fuse_file_info *file, fuse_ino_t to, off_t to_off,
	struct fuse_file_info *to_file, size_t n, int flags)
{
	struct mount *m = mount_of(req);
	struct handle *a = handle_of(file), *b = handle_of(to_file);
	struct stat st;
	ssize_t k;
	bool grows;
	int rc;

	(void)from;
	(void)to;
	rc = a->fd < 0 ? -EXDEV : !b->writer ? -EBADF :
		version_write(m, b, (uint64_t)to_off);
	if (rc < 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	if (fstat(a->fd, &st) != 0) {
		fuse_reply_err(req, errno);
		return;
	}
	if (st.st_size - off < (off_t)n) /* callers ask for more than there is */
		n = st.st_size > off ? (size_t)(st.st_size - off) : 0;
	grows = rc > 0;
	rc = room_write(m, b->node, (uint64_t)to_off, n);
	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	drop_special(req, m, b);
	k = copy_file_range(a->fd, &off, b->fd, &to_off, n, (unsigned)flags);
	rc = k < 0 ? errno : 0;
	room_wrote(m, b->node, b->fd);
	if (grows)
		version_wrote(m, b);
	if (k < 0)
		fuse_reply_err(req, rc);
	else
		fuse_reply_write(req, (size_t)k);
}
