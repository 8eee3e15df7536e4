#include "fs/remake.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/record.h"
#include "fs/backing.h"
#include "fs/contents.h"
#include "fs/file.h"
#include "fs/inside.h"
#include "fs/outtree.h"
#include "fs/versions.h"

#define NEW "new"	/* below damaged/: what is being made */
#define KEPT "files"	/* below damaged/: what was damaged */
#define KEPT_VERSIONS "versions"
#define KEPT_MAX 100	/* damaged ones of one path */

struct remake {
	struct ledger *l;
	struct local *local;
	struct outtree files, work, kept; /* files/, damaged/, damaged/files */
	struct outtree versions, kept_versions;
	struct remake_counts n;
	/* the pack at hand */
	uint64_t height;		/* 0: none */
	struct buf raw, pack;
	struct meta meta;
	int pack_error;
};

/* Where a path stands: its folder, open, and the name in it. */
struct place {
	int folder;
	char name[NAME_MAX + 1];
	struct stat st;		/* of the folder, before */
};

static void cleanup_place(struct place *p)
{
	cleanup_close(&p->folder);
}

static int open_place(const struct outtree *t, struct bytes path,
	struct place *ret)
{
	const uint8_t *slash = path.n == 0 ? NULL
		: memrchr(path.p, '/', path.n);
	size_t at = slash == NULL ? 0 : (size_t)(slash - path.p) + 1;
	if (path.n - at > NAME_MAX || path.n == at)
		return -ENAMETOOLONG;
	memcpy(ret->name, path.p + at, path.n - at);
	ret->name[path.n - at] = '\0';
	ret->folder = inside_open(t->root, BYTES(path.p, at > 0 ? at - 1 : 0),
		O_RDONLY | O_DIRECTORY, 0);
	if (ret->folder < 0)
		return ret->folder;
	return fstat(ret->folder, &ret->st) == 0 ? 0 : -errno;
}

/* -- folders on the way */

struct found {
	struct buf d;
	int err;
};

static int take_folder(void *ctx, const struct local_record *r)
{
	struct found *f = ctx;
	if (r->kind == RECORD_MKDIR)
		f->err = buf_copy(r->d, &f->d);
	return 0;
}

/* Attributes as they were recorded, if they were. */
static int folder_attributes(struct remake *r, struct bytes path)
{
	struct found f = {0};
	struct record d;
	int err = r->local->ops->find(r->local, path, take_folder, &f);
	if (err == 0)
		err = f.err;
	if (err == 0 && f.d.n > 0)
		err = record_decode(BUF_BYTES(&f.d), &d);
	if (err == 0 && f.d.n > 0)
		err = outtree_folder_attributes(&r->files, &d);
	buf_free(&f.d);
	return err == -ENOENT ? 0 : err;
}

/* Makes the folders above path that are missing; each is given its attributes
 * when the one below it is there. */
static int make_folders(struct remake *r, struct bytes path)
{
	const uint8_t *slash = path.n == 0 ? NULL
		: memrchr(path.p, '/', path.n);
	if (slash == NULL)
		return 0;
	struct bytes above = BYTES(path.p, (size_t)(slash - path.p));
	cleanup(close) int there = inside_open(r->files.root, above,
		O_RDONLY | O_DIRECTORY, 0);
	if (there != -ENOENT)
		return there < 0 ? there : 0;
	int err = make_folders(r, above);
	if (err == 0)
		err = outtree_folder(&r->files, above);
	return err != 0 ? err : folder_attributes(r, above);
}

/* -- the place changes hands */

/* Another name, below damaged/, for what lies at the place. */
static int keep_old(struct outtree *kept, struct bytes path,
	const struct place *at)
{
	cleanup(place) struct place to = {.folder = -1};
	const uint8_t *slash = memrchr(path.p, '/', path.n);
	char name[NAME_MAX + 1];
	struct stat old, st;
	int err = 0;
	if (fstatat(at->folder, at->name, &old, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -errno;
	if (slash != NULL)
		err = outtree_folder(kept,
			BYTES(path.p, (size_t)(slash - path.p)));
	if (err == 0)
		err = open_place(kept, path, &to);
	if (err != 0)
		return err;
	snprintf(name, sizeof name, "%s", to.name);
	for (unsigned n = 1; n <= KEPT_MAX; n++) {
		if (linkat(at->folder, at->name, to.folder, name, 0) == 0)
			return fsync(to.folder) == 0 ? 0 : -errno;
		if (errno != EEXIST)
			break;
		/* by a run that did not come further */
		if (fstatat(to.folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    st.st_ino == old.st_ino && st.st_dev == old.st_dev)
			return 0;
		snprintf(name, sizeof name, "%.240s.%u", to.name, n);
	}
	if (!S_ISDIR(old.st_mode))
		return -errno;
	/* A folder where a file was: it can only be moved. */
	return renameat2(at->folder, at->name, to.folder, name,
		RENAME_NOREPLACE) == 0 ? 0 : -errno;
}

static void flag(const struct place *at, bool on)
{
	cleanup(close) int fd = openat(at->folder, at->name, O_RDONLY |
		O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)backing_flag_fd(fd, on); /* where it can be had */
}

/* damaged/new -> the place.  The folder's time is what it was: a change of
 * it would be recorded by the next mount. */
static int take_place(struct remake *r, const struct outtree *tree,
	struct outtree *kept, struct bytes path, bool immutable)
{
	cleanup(place) struct place at = {.folder = -1};
	int err = open_place(tree, path, &at);
	if (err != 0)
		return err;
	flag(&at, false);
	err = keep_old(kept, path, &at);
	fault_point("remake.kept");
	if (err == 0 && renameat(r->work.root, NEW, at.folder, at.name) != 0)
		err = -errno;
	fault_point("remake.placed");
	if (err == 0 && immutable)
		flag(&at, true);
	const struct timespec times[2] = {at.st.st_atim, at.st.st_mtim};
	if (err == 0 && futimens(at.folder, times) != 0)
		err = -errno;
	if (err == 0 && fsync(at.folder) != 0)
		err = -errno;
	return err;
}

static int take_version(struct remake *r, const struct plain_bad *b)
{
	const struct hash dh = hash_sha3(BUF_BYTES(&b->d));
	char name[VERSIONS_NAME];
	versions_name(&dh, name);
	const struct bytes path = BYTES(name, strlen(name));
	int err = outtree_folder(&r->versions, BYTES(path.p,
		path.n - HASH_HEX - 1));
	return err != 0 ? err : take_place(r, &r->versions, &r->kept_versions,
		path, true);
}

/* -- contents */

/* A record in its block. */
struct stored {
	struct buf d;
	uint64_t height;
	uint32_t index;
};

static void drop_pack(struct remake *r)
{
	if (r->height == 0)
		return;
	if (r->raw.n > 0)
		meta_done(&r->meta);
	buf_free(&r->raw);
	buf_free(&r->pack);
	r->height = 0;
}

static int load_pack(struct remake *r, uint64_t height)
{
	struct replica *q = r->l->replica;
	char key[OBJECT_KEY_MAX];
	if (r->height == height)
		return r->pack_error;
	drop_pack(r);
	r->height = height;
	int err = height >= r->l->n_blocks ? -ENODATA
		: ledger_meta(r->l, height, &r->raw, &r->meta);
	if (err == 0 && contents_pack_size(&r->meta) > 0) {
		object_key_pack(&r->l->block[height].hmeta, key);
		err = q->ops->get_coded(q, key, &r->l->block[height].hmeta,
			contents_is_pack, &r->meta, &r->pack, NULL);
	}
	r->pack_error = err;
	return err;
}

/* The file's bytes in the pack, which was accepted with this very record. */
static int slice(const struct remake *r, const struct stored *b,
	struct bytes *ret)
{
	size_t at = 0;
	struct record d;
	struct hash root;
	uint64_t n;
	if (b->index >= r->meta.n ||
	    !bytes_equal(r->meta.d[b->index], BUF_BYTES(&b->d)))
		return -EBADMSG;
	for (size_t i = 0; i <= b->index; i++) {
		if (record_decode(r->meta.d[i], &d) != 0 ||
		    !contents_in_pack(&d, &n, &root))
			continue;
		if (i == b->index)
			*ret = BYTES(r->pack.p + at, (size_t)n);
		at += (size_t)n;
	}
	return 0;
}

static int write_extents(struct remake *r, const struct record *d,
	struct bytes tops, int fd)
{
	struct replica *q = r->l->replica;
	struct hash root;
	uint64_t size = record_payload(d, &root);
	int err = 0;
	for (uint64_t i = 0; i < tops.n / HASH_LEN && err == 0; i++) {
		cleanup(buf) struct buf piece = {0};
		char key[OBJECT_KEY_MAX];
		struct extent_meta e;
		struct hash hmeta;
		err = contents_extent(tops, size, i, &e, &hmeta, key);
		if (err == 0 && contents_zeros(&e)) {
			err = file_write_hole(fd, e.length);
			continue;
		}
		if (err == 0)
			err = q->ops->get_coded(q, key, &hmeta,
				contents_is_extent, &e, &piece, NULL);
		if (err == 0)
			err = file_write_sparse(fd, BUF_BYTES(&piece));
	}
	return err;
}

/* The bytes stored with one record, at the end of fd. */
static int write_payload(struct remake *r, const struct stored *b, int fd)
{
	struct bytes data = {0}, tops;
	struct record d;
	struct hash root;
	uint64_t size;
	int err = record_decode(BUF_BYTES(&b->d), &d);
	if (err == 0)
		err = load_pack(r, b->height);
	if (err == 0)
		err = slice(r, b, &data);
	if (err == 0 && contents_in_pack(&d, &size, &root))
		return file_write_sparse(fd, data);
	if (err == 0)
		err = contents_extents(&r->meta, b->index, &d, &tops);
	return err != 0 ? err : write_extents(r, &d, tops, fd);
}

/* -- a file that has grown: all from its first record on */

struct pieces {
	struct stored *p;
	size_t n;
	struct bytes end;	/* the record before which they end */
	int err;
};

static void cleanup_pieces(struct pieces *s)
{
	while (s->n > 0)
		buf_free(&s->p[--s->n].d);
	free(s->p);
}

static int add_piece(struct pieces *s, struct bytes d, uint64_t height,
	uint32_t index)
{
	struct stored *more = realloc(s->p, (s->n + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	s->p = more;
	more[s->n] = (struct stored){.height = height, .index = index};
	int err = buf_copy(d, &more[s->n].d);
	s->n += err == 0;
	return err;
}

static int see_piece(void *ctx, const struct local_record *l)
{
	struct pieces *s = ctx;
	if (bytes_equal(l->d, s->end))
		return 1; /* a version of its own */
	if (l->kind == RECORD_PUT)
		while (s->n > 0)
			buf_free(&s->p[--s->n].d);
	if (record_stores(l->kind))
		s->err = !l->final ? -ENODATA
			: add_piece(s, l->d, l->height, l->index);
	return s->err;
}

static int write_content(struct remake *r, const struct plain_bad *b,
	const struct record *d, int fd)
{
	cleanup(pieces) struct pieces s = {.end = BUF_BYTES(&b->d)};
	int err = 0;
	if (d->kind == RECORD_APPEND)
		err = r->local->ops->past(r->local, d->path, see_piece, &s);
	if (err >= 0)
		err = add_piece(&s, BUF_BYTES(&b->d), b->height, b->index);
	for (size_t i = 0; i < s.n && err == 0; i++)
		err = write_payload(r, &s.p[i], fd);
	return err;
}

/* -- one of each kind */

static int make_put(struct remake *r, const struct plain_bad *b,
	const struct record *d)
{
	cleanup(close) int fd = openat(r->work.root, NEW, O_RDWR | O_CREAT |
		O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int err = write_content(r, b, d, fd);
	if (err == 0)
		err = outtree_attributes(&r->files, fd, d);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	fault_point("remake.written");
	if (err == 0)
		err = b->kept ? take_version(r, b) : take_place(r, &r->files,
			&r->kept, d->path, true);
	r->n.bytes += err == 0 ? d->size : 0;
	return err;
}

static int make_symlink(struct remake *r, const struct record *d)
{
	struct record moved = *d;
	moved.path = BYTES(NEW, sizeof NEW - 1);
	int err = outtree_symlink(&r->work, &moved);
	return err != 0 ? err : take_place(r, &r->files, &r->kept, d->path, false);
}

static int make_link(struct remake *r, const struct record *d)
{
	cleanup(place) struct place first = {.folder = -1};
	int err = open_place(&r->files, d->target, &first);
	if (err != 0)
		return err;
	flag(&first, false); /* an immutable file takes no more names */
	if (linkat(first.folder, first.name, r->work.root, NEW, 0) != 0)
		err = -errno;
	if (err == 0)
		err = take_place(r, &r->files, &r->kept, d->path, true);
	flag(&first, true);
	return err;
}

static int set_right(struct remake *r, const struct record *d)
{
	cleanup(close) int fd = inside_open(r->files.root, d->path, O_RDONLY,
		0);
	if (fd < 0)
		return fd;
	(void)backing_flag_fd(fd, false);
	int err = outtree_attributes(&r->files, fd, d);
	if (err == 0 && fsync(fd) != 0)
		err = -errno;
	(void)backing_flag_fd(fd, true);
	return err;
}

static int make_one(struct remake *r, const struct plain_bad *b,
	const struct record *d)
{
	if (b->state == PLAIN_ATTRIBUTES)
		return set_right(r, d);
	if (unlinkat(r->work.root, NEW, 0) != 0 && errno != ENOENT)
		return -errno;
	int err = b->kept ? 0 : make_folders(r, d->path);
	if (err != 0)
		return err;
	return record_stores(d->kind) ? make_put(r, b, d)
		: d->kind == RECORD_SYMLINK ? make_symlink(r, d)
					    : make_link(r, d);
}

/* -- all of them */

/* Block by block, so that each pack is fetched once; links when all else is
 * there. */
static int in_order(const void *a, const void *b)
{
	const struct plain_bad *x = a, *y = b;
	struct record dx, dy;
	bool lx = record_decode(BUF_BYTES(&x->d), &dx) == 0 &&
		dx.kind == RECORD_LINK;
	bool ly = record_decode(BUF_BYTES(&y->d), &dy) == 0 &&
		dy.kind == RECORD_LINK;
	if (lx != ly)
		return lx ? 1 : -1;
	if (x->height != y->height)
		return x->height < y->height ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static int failed(struct remake *r, bool kept, const struct record *d,
	int err)
{
	r->n.failed++;
	ledger_find(r->l, LEDGER_INCOMPLETE, "%s%.*s cannot be made again: %s",
		kept ? "the kept version of " : "files/", (int)d->path.n,
		(const char *)d->path.p, err == -EXDEV ? "VAULT/files and "
		"VAULT/damaged must lie on one file system" : strerror(-err));
	/* the next one would fare no better */
	return err == -ENOMEM || err == -ENOSPC || err == -EDQUOT ||
		err == -EROFS ? err : 0;
}

static int make_all(struct remake *r, struct plain_list *p)
{
	int err = 0;
	qsort(p->bad, p->n, sizeof *p->bad, in_order);
	for (size_t i = 0; i < p->n && err == 0; i++) {
		struct plain_bad *b = &p->bad[i];
		struct record d;
		err = record_decode(BUF_BYTES(&b->d), &d);
		if (err != 0)
			break;
		if (!b->final || b->state == PLAIN_UNREADABLE) {
			r->n.failed++;
			plain_find(r->l, b);
			continue;
		}
		int one = make_one(r, b, &d);
		if (one == 0)
			b->state = PLAIN_GOOD;
		r->n.files += one == 0;
		err = one == 0 ? 0 : failed(r, b->kept, &d, one);
		if (r->l->events.progress != NULL)
			r->l->events.progress(r->l->events.ctx,
				"plain files made again", i + 1, p->n);
	}
	return err;
}

static int open_folder(int at, const char *name)
{
	if (mkdirat(at, name, 0700) != 0 && errno != EEXIST)
		return -errno;
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW |
		O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int run(struct remake *r, struct plain_list *p)
{
	int err = make_all(r, p);
	drop_pack(r);
	if (unlinkat(r->work.root, NEW, 0) != 0 && errno != ENOENT && err == 0)
		err = -errno;
	return err;
}

int remake_run(struct ledger *l, struct local *local, const char *vault,
	struct plain_list *p, struct remake_counts *ret)
{
	if (p->n == 0)
		return 0;
	bool owners = geteuid() == 0;
	cleanup(close) int at = open(vault, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return -errno;
	cleanup(close) int files = openat(at, "files",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup(close) int work = open_folder(at, "damaged");
	cleanup(close) int kept = work < 0 ? work : open_folder(work, KEPT);
	cleanup(close) int versions = open_folder(at, "versions");
	cleanup(close) int kept_versions = work < 0 ? work
		: open_folder(work, KEPT_VERSIONS);
	if (files < 0 || kept < 0)
		return files < 0 ? -ENOENT : kept;
	if (versions < 0 || kept_versions < 0)
		return versions < 0 ? versions : kept_versions;
	struct remake r = {.l = l, .local = local, .files = {files, owners},
		.work = {work, owners}, .kept = {kept, owners},
		.versions = {versions, owners},
		.kept_versions = {kept_versions, owners}};
	int err = run(&r, p);
	*ret = r.n;
	return err;
}
