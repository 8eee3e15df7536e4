#include "backends/worm_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "backends/beneath.h"
#include "backends/keywalk.h"
#include "backends/tempfile.h"
#include "core/cleanup.h"
#include "core/fault.h"

#define PIECE 16384	/* bytes compared at a time */
#define PUSH ((uint64_t)1 << 20) /* bytes handed to the disk at a time */
#define HOLE 16384	/* bytes of zeros, at least, that are not written */
#define KNOWN_MAX 32	/* folders; a chain has a handful */
#define DAMAGED "+damaged" /* below the root: what was replaced */
#define DAMAGED_MAX 100	/* of one key */

struct worm_dir {
	struct worm base;
	char *path;
	int root;
	bool read_only;
	bool nameless;		/* O_TMPFILE works here */
	pthread_mutex_t lock;	/* over what follows */
	/* Folders that are durable up to the root, as this process saw to. */
	char *known[KNOWN_MAX];
	size_t n_known;
};

/* Either a new file that grows, or, where the key is taken, the object that is
 * there, which the bytes are compared with as they come. */
struct worm_put {
	struct worm_dir *w;
	char key[WORM_KEY_MAX + 1];
	uint64_t size, done, pushed;
	struct tempfile temp;	/* of a new file */
	int old;		/* the object that is there, or -1 */
	bool sparse;		/* zeros were left out */
	bool replace;		/* it is damaged: written whether or not */
};

static struct worm_dir *dir_of(struct worm *w)
{
	return (struct worm_dir *)w; /* base is its first member */
}

static int read_exactly(int fd, uint64_t off, void *ret, size_t n)
{
	uint8_t *at = ret;
	ssize_t got;

	while (n > 0) {
		got = pread(fd, at, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		at += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int write_exactly(int fd, uint64_t off, struct bytes data)
{
	ssize_t put;

	while (data.n > 0) {
		put = pwrite(fd, data.p, data.n, (off_t)off);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return put < 0 ? -errno : -EIO;
		data.p += put;
		data.n -= (size_t)put;
		off += (uint64_t)put;
	}
	return 0;
}

/* Does fd hold these bytes at off?  0, -EEXIST if others. */
static int compare(int fd, uint64_t off, struct bytes data)
{
	uint8_t piece[PIECE];
	size_t n;
	int rc;

	for (; data.n > 0; data.p += n, data.n -= n, off += n) {
		n = data.n < PIECE ? data.n : PIECE;
		rc = read_exactly(fd, off, piece, n);
		if (rc != 0)
			return rc;
		if (memcmp(piece, data.p, n) != 0)
			return -EEXIST;
	}
	return 0;
}

/* Opens an object: its size.  What is no regular file is no object. */
static int open_object(struct worm_dir *w, const char *key, int flags,
	uint64_t *ret_size)
{
	cleanup(close) int fd = beneath_open(w->root, key, flags);
	struct stat st;
	int rc;

	if (fd == -ENOTDIR || fd == -ELOOP || fd == -ENXIO)
		return -ENOENT;
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	*ret_size = (uint64_t)st.st_size;
	rc = fd;
	fd = -1; /* the caller has it */
	return rc;
}

static bool is_known(const struct worm_dir *w, const char *folder)
{
	size_t i;

	for (i = 0; i < w->n_known; i++)
		if (strcmp(w->known[i], folder) == 0)
			return true;
	return false;
}

static void forget_all(struct worm_dir *w)
{
	while (w->n_known > 0)
		free(w->known[--w->n_known]);
}

/* Opens the folder a key stands in, which is made where missing.  Each is
 * made durable once by each process, since another may have made it and not
 * yet have come to its fsync. */
static int open_folder(struct worm_dir *w, const char *key, int *ret)
{
	char folder[WORM_KEY_MAX + 1];
	const char *slash = strrchr(key, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - key);
	int fd = -ENOENT;

	memcpy(folder, key, n);
	folder[n] = '\0';
	locked(&w->lock);
	if (n == 0 || is_known(w, folder))
		fd = beneath_open(w->root, folder, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT) {
		fd = beneath_make(w->root, folder);
		if (w->n_known == KNOWN_MAX)
			forget_all(w);
		if (fd >= 0 && !is_known(w, folder)) {
			w->known[w->n_known] = strdup(folder);
			w->n_known += w->known[w->n_known] != NULL;
		}
	}
	if (fd < 0)
		return fd;
	*ret = fd;
	return 0;
}

static void put_free(struct worm_put *p)
{
	if (p == NULL)
		return;
	tempfile_close(p->w->root, &p->temp);
	cleanup_close(&p->old);
	free(p);
}

static int put_open(struct worm_put *p)
{
	uint64_t size;
	int fd = p->replace ? -ENOENT
		: open_object(p->w, p->key, O_RDONLY, &size);

	if (fd >= 0) {
		p->old = fd;
		return size == p->size ? 0 : -EEXIST;
	}
	if (fd != -ENOENT)
		return fd;
	return tempfile_open(p->w->root, p->w->nameless, &p->temp);
}

static int begin(struct worm *w, const char *key, uint64_t size,
	bool replace, struct worm_put **ret)
{
	struct worm_put *p;
	int rc;

	if (!worm_key_ok(key))
		return -EINVAL;
	if (dir_of(w)->read_only)
		return -EROFS;
	if (size > INT64_MAX)
		return -EFBIG;
	p = calloc(1, sizeof *p);
	if (p == NULL)
		return -ENOMEM;
	p->w = dir_of(w);
	strcpy(p->key, key);
	p->size = size;
	p->temp.fd = p->old = -1;
	p->replace = replace;
	rc = put_open(p);
	if (rc != 0) {
		put_free(p);
		return rc;
	}
	*ret = p;
	return 0;
}

static int dir_put(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	return begin(w, key, size, false, ret);
}

static int dir_replace(struct worm *w, const char *key, uint64_t size,
	struct worm_put **ret)
{
	return begin(w, key, size, true, ret);
}

static bool all_zero(struct bytes b)
{
	return b.p[0] == 0 && memcmp(b.p, b.p + 1, b.n - 1) == 0;
}

/* Long runs of zeros, of which shares of a sparse file have many, are holes of
 * the new file too. */
static int write_or_leave(struct worm_put *p, struct bytes data)
{
	if (data.n >= HOLE && all_zero(data)) {
		p->sparse = true;
		return 0;
	}
	return write_exactly(p->temp.fd, p->done, data);
}

/* Lets the disk begin while more is coming.  Only fsync() makes durable. */
static void push(struct worm_put *p)
{
	if (p->done - p->pushed < PUSH)
		return;
	sync_file_range(p->temp.fd, (off_t)p->pushed,
		(off_t)(p->done - p->pushed), SYNC_FILE_RANGE_WRITE);
	p->pushed = p->done;
}

static int dir_write(struct worm_put *p, struct bytes data)
{
	int rc;

	if (data.n > p->size - p->done)
		return -EINVAL;
	rc = p->old >= 0 ? compare(p->old, p->done, data)
		: write_or_leave(p, data);
	if (rc != 0)
		return rc;
	p->done += data.n;
	fault_point("object.part");
	if (p->old < 0)
		push(p);
	return 0;
}

/* A courtesy of the file system: most users and many file systems may not.
 * After the link, since an immutable file takes no more names. */
static void set_immutable(int fd, bool on)
{
	int flags, wanted;

	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0)
		return;
	wanted = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	if (wanted != flags)
		ioctl(fd, FS_IOC_SETFLAGS, &wanted);
}

/* Somebody was quicker.  Does he hold what we do? */
static int same_as_theirs(const struct worm_put *p)
{
	uint64_t size, off;
	cleanup(close) int theirs = open_object(p->w, p->key, O_RDONLY, &size);
	uint8_t piece[PIECE];
	size_t n;
	int rc;

	if (theirs < 0)
		return theirs == -ENOENT ? -EEXIST : theirs;
	if (size != p->size)
		return -EEXIST;
	for (off = 0; off < size; off += n) {
		n = size - off < PIECE ? (size_t)(size - off) : PIECE;
		rc = read_exactly(p->temp.fd, off, piece, n);
		if (rc == 0)
			rc = compare(theirs, off, BYTES(piece, n));
		if (rc != 0)
			return rc;
	}
	return fsync(theirs) == 0 ? 0 : -errno;
}

/* "chain/p/X" -> "chain+p+X.N". */
static int aside_name(const char *key, unsigned n, char ret[NAME_MAX + 1])
{
	int len = snprintf(ret, NAME_MAX + 1, "%s.%u", key, n);

	if (len < 0 || len > NAME_MAX)
		return -ENAMETOOLONG;
	for (; *ret != '\0'; ret++)
		if (*ret == '/')
			*ret = '+';
	return 0;
}

/* The first free name of the key among the damaged. */
static int link_aside(struct worm_put *p, int damaged, char ret[NAME_MAX + 1])
{
	unsigned n;
	int rc = -EEXIST;

	for (n = 1; rc == -EEXIST && n <= DAMAGED_MAX; n++) {
		rc = aside_name(p->key, n, ret);
		if (rc == 0)
			rc = tempfile_link(p->w->root, &p->temp, damaged, ret);
	}
	return rc;
}

/* W6.  Without RENAME_EXCHANGE the key is free for a moment; what is there
 * goes to a name of its own first, so nothing is lost then either. */
static int exchange(int folder, const char *name, int damaged,
	const char *aside)
{
	char old[NAME_MAX + 1];

	if (renameat2(folder, name, damaged, aside, RENAME_EXCHANGE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (snprintf(old, sizeof old, "%s.old", aside) >= (int)sizeof old)
		return -ENAMETOOLONG;
	if (renameat(folder, name, damaged, old) != 0 ||
			renameat(damaged, aside, folder, name) != 0)
		return -errno;
	return 0;
}

/* The new object, durable under the name that the old one is to have; then
 * the two change places. */
static int swap(struct worm_put *p, int folder, const char *name)
{
	cleanup(close) int damaged = beneath_make(p->w->root, DAMAGED);
	cleanup(close) int old = openat(folder, name, O_RDONLY | O_NONBLOCK |
		O_NOFOLLOW | O_CLOEXEC);
	char aside[NAME_MAX + 1];
	int rc = damaged < 0 ? damaged : link_aside(p, damaged, aside);

	if (rc == 0 && fsync(damaged) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	fault_point("replace.aside");
	if (old >= 0)
		set_immutable(old, false);
	rc = exchange(folder, name, damaged, aside);
	fault_point("replace.exchanged");
	if (old >= 0)
		set_immutable(old, true);
	if (rc != 0) {
		unlinkat(damaged, aside, 0); /* it is only a copy of ours */
		return rc;
	}
	set_immutable(p->temp.fd, true);
	return fsync(damaged) != 0 ? -errno : 0;
}

/* The data are durable before there is a name (W1), the name before the
 * answer (W2).  That holds for a name which another process has just made. */
static int put_name(struct worm_put *p)
{
	const char *slash = strrchr(p->key, '/');
	const char *name = slash == NULL ? p->key : slash + 1;
	cleanup(close) int folder = -1;
	int fd = p->old >= 0 ? p->old : p->temp.fd, rc;

	if (p->old < 0 && fchmod(fd, 0444) != 0)
		return -errno;
	if (p->sparse && ftruncate(fd, (off_t)p->size) != 0)
		return -errno;
	fault_point("object.written");
	if (fsync(fd) != 0)
		return -errno;
	fault_point("object.synced");
	rc = open_folder(p->w, p->key, &folder);
	if (rc != 0)
		return rc;
	if (p->old < 0)
		rc = tempfile_link(p->w->root, &p->temp, folder, name);
	fault_point("object.named");
	if (rc == 0)
		set_immutable(fd, true);
	else if (rc == -EEXIST)
		rc = same_as_theirs(p);
	if ((rc == -EEXIST || rc == -EIO) && p->replace)
		rc = swap(p, folder, name);
	if (rc == 0 && fsync(folder) != 0)
		rc = -errno;
	fault_point("object.kept");
	return rc;
}

static int dir_commit(struct worm_put *p)
{
	int rc = p->done == p->size ? put_name(p) : -EINVAL;

	put_free(p);
	return rc;
}

static int dir_size(struct worm *w, const char *key, uint64_t *ret)
{
	uint64_t size;
	int fd;

	if (!worm_key_ok(key))
		return -EINVAL;
	fd = open_object(dir_of(w), key, O_PATH, &size);
	if (fd < 0)
		return fd;
	close(fd);
	*ret = size;
	return 0;
}

static int dir_get(struct worm *w, const char *key, uint64_t off, void *ret,
	size_t n)
{
	uint64_t size;
	int fd, rc;

	if (!worm_key_ok(key))
		return -EINVAL;
	fd = open_object(dir_of(w), key, O_RDONLY, &size);
	if (fd < 0)
		return fd;
	rc = off > size || n > size - off ? -EINVAL
		: read_exactly(fd, off, ret, n);
	close(fd);
	return rc;
}

static int dir_erase(struct worm *w, const char *key)
{
	const char *slash = strrchr(key, '/');
	const char *name = slash == NULL ? key : slash + 1;
	char path[WORM_KEY_MAX + 1];
	uint64_t size;

	if (!worm_key_ok(key))
		return -EINVAL;
	if (dir_of(w)->read_only)
		return -EROFS;
	cleanup(close) int fd = open_object(dir_of(w), key, O_RDONLY, &size);
	if (fd < 0)
		return fd;
	strcpy(path, key);
	path[slash == NULL ? 0 : slash - key] = '\0';
	cleanup(close) int folder = beneath_open(dir_of(w)->root, path,
		O_RDONLY | O_DIRECTORY);
	if (folder < 0)
		return folder;
	set_immutable(fd, false);
	if (unlinkat(folder, name, 0) != 0 || fsync(folder) != 0)
		return -errno;
	return 0;
}

static int dir_list(struct worm *w, const char *prefix,
	int (*visit)(void *ctx, const char *key, uint64_t size), void *ctx)
{
	return keywalk(dir_of(w)->root, prefix, visit, ctx);
}

static void dir_free(struct worm *w)
{
	struct worm_dir *d = dir_of(w);

	if (d == NULL)
		return;
	forget_all(d);
	cleanup_close(&d->root);
	pthread_mutex_destroy(&d->lock);
	free(d->path);
	free(d);
}

static int make_root(const char *path)
{
	cleanup(free) char *copy = strdup(path);
	cleanup(close) int parent = -1;

	if (copy == NULL)
		return -ENOMEM;
	if (mkdir(path, 0700) != 0)
		return errno == EEXIST ? 0 : -errno;
	parent = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || fsync(parent) != 0)
		return -errno;
	return 0;
}

static int open_root(struct worm_dir *d, bool create)
{
	int rc = create ? make_root(d->path) : 0;

	if (rc != 0)
		return rc;
	d->root = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->root < 0)
		return -errno;
	if (d->read_only)
		return 0;
	d->nameless = tempfile_nameless(d->root);
	return tempfile_clean(d->root);
}

int worm_dir_open(const char *path, bool create, bool read_only,
	struct worm **ret)
{
	static const struct worm_ops ops = {
		.put = dir_put,
		.write = dir_write,
		.commit = dir_commit,
		.abort = put_free,
		.size = dir_size,
		.get = dir_get,
		.list = dir_list,
		.replace = dir_replace,
		.erase = dir_erase,
		.free = dir_free,
	};
	struct worm_dir *d = calloc(1, sizeof *d);
	int rc;

	if (d == NULL)
		return -ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	d->root = -1;
	d->read_only = read_only;
	d->path = strdup(path);
	d->base = (struct worm){&ops, d->path};
	rc = d->path == NULL ? -ENOMEM
		: open_root(d, create && !read_only);
	if (rc != 0) {
		dir_free(&d->base);
		return rc;
	}
	*ret = &d->base;
	return 0;
}
