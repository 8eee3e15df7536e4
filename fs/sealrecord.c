#include "fs/sealrecord.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "fs/growth.h"
#include "fs/inner.h"
#include "fs/retain.h"
#include "fs/retain_inner.h"
#include "fs/version.h"
#include "fs/versions.h"

static void attributes(const struct job *j, struct record *r)
{
	r->path = BYTES(j->path, strlen(j->path));
	r->mode = j->st.st_mode & 07777;
	r->mtime_ns = record_mtime(&j->st.st_mtim);
	r->has_owner = true;
	r->uid = j->st.st_uid;
	r->gid = j->st.st_gid;
}

int sealrecord_encode(struct mount *m, struct record *r, struct buf *ret)
{
	struct entropy *e = m->s.entropy;

	e->ops->fill(e, r->salt, RECORD_SALT);
	return record_encode(r, ret);
}

static int read_xattrs(struct mount *m, struct job *j, int fd, struct buf *x)
{
	unsigned left_out = 0;
	int rc = backing_xattrs(fd, x, &left_out);

	if (rc == 0 && left_out > 0)
		mount_say(m, "some extended attributes do not fit into "
			"the record", j->path, 0);
	return rc;
}

static void content(const struct hashed *h, uint64_t size, struct record *r)
{
	r->size = size;
	r->root = h->root;
	r->n_digests = 1;
	r->digest[0] = (struct record_digest){
		.name = BYTES("sha-256", 7), .value = HASH_BYTES(&h->sha256)};
}

/* The date by default, also for those who look at the plain file. */
static void keep(struct mount *m, const struct job *j, int fd,
	struct record *r)
{
	struct timespec times[2] = {{0}, {.tv_nsec = UTIME_OMIT}};

	r->until = retain_default(m, j->span);
	times[0].tv_sec = (time_t)r->until;
	if (r->until > 0)
		(void)utimensat(fd, "", times, AT_EMPTY_PATH);
}

/* -- what the path had -- */

enum record_class sealrecord_class(enum rules_class c)
{
	return c == CLASS_VERSION ? RECORD_CLASS_VERSION :
		c == CLASS_APPEND ? RECORD_CLASS_APPEND : RECORD_CLASS_SEAL;
}

static int see_newest(void *ctx, const struct local_record *l)
{
	struct found *f = ctx;

	f->rc = buf_copy(l->d, &f->d);
	return 0;
}

/* Its newest record; f->d stays empty if it has none.  Nothing was there before
 * a file of class seal, unless something was kept (X1 of version.h). */
static int find_newest(struct mount *m, const struct job *j, struct found *f)
{
	struct local *l = m->s.local;
	int rc = j->class == CLASS_SEAL && !atomic_load(&m->past) ? -ENOENT :
		l->ops->find(l, BYTES(j->path, strlen(j->path)),
			see_newest, f);

	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	rc = f->rc != 0 ? f->rc : record_decode(BUF_BYTES(&f->d), &f->r);
	if (rc == 0)
		f->dh = hash_sha3(BUF_BYTES(&f->d));
	return rc;
}

static bool same_file(const struct record *a, const struct record *b)
{
	return a->kind == b->kind && a->size == b->size &&
		hash_equal(&a->root, &b->root) && a->mode == b->mode &&
		a->mtime_ns == b->mtime_ns && a->uid == b->uid &&
		a->gid == b->gid && a->class == b->class &&
		bytes_equal(a->target, b->target) &&
		bytes_equal(a->xattrs, b->xattrs);
}

/* The tombstone of what was there, and r says what that was. */
static int succeed(struct mount *m, struct job *j, const struct found *f,
	struct record *r)
{
	struct record gone = {.kind = RECORD_TOMBSTONE, .path = r->path,
		.change = RECORD_REPLACED, .has_about = true, .about = f->dh};
	struct stat st;

	if (f->d.n == 0)
		return 0;
	if (record_seals(f->r.kind) && f->r.class == RECORD_CLASS_SEAL)
		return 0; /* gone behind the mount: audit says so */
	if (!record_seals(f->r.kind)) {
		r->has_previous = f->r.has_about;
		r->previous = f->r.about;
		return 0;
	}
	r->has_previous = true;
	r->previous = f->dh;
	if (r->kind == RECORD_APPEND)
		return 0;
	if (j->rewritten || (versions_stat(m->versions, &f->dh,
			&st) == 0 && st.st_ino == j->st.st_ino))
		gone.change = RECORD_REWRITTEN;
	return sealrecord_encode(m, &gone, &j->tombstone);
}

/* j->d, unless it would say what f does. */
static int finish(struct mount *m, struct job *j, int fd,
	const struct found *f, struct record *r)
{
	int rc;

	r->class = sealrecord_class(j->class);
	if (f->d.n > 0 && same_file(&f->r, r)) {
		j->nothing = true;
		j->newest = f->dh;
		return 0;
	}
	if (r->kind != RECORD_APPEND)
		keep(m, j, fd, r);
	rc = succeed(m, j, f, r);
	return rc == 0 ? sealrecord_encode(m, r, &j->d) : rc;
}

/* -- files -- */

/* Nothing below its size is written from now on: X4 of version.h.  Not if it
 * is not being sealed any more. */
static int fix(struct mount *m, struct job *j)
{
	locked(&m->lock);
	if (j->node->item.turn != j->turn)
		return -ECANCELED;
	if (j->class == CLASS_APPEND && j->st.st_size == 0)
		return -EAGAIN; /* cut since it was taken: settle.h */
	if (j->class == CLASS_APPEND)
		j->node->floor = (uint64_t)j->st.st_size;
	return 0;
}

/* Is that what the log was when it was shorter?  In another class it had other
 * bytes. */
static bool is_log(const struct found *f)
{
	return f->d.n > 0 && record_stores(f->r.kind) && f->r.size > 0 &&
		f->r.class == RECORD_CLASS_APPEND;
}

/* What has grown, or may grow: root and digest of the whole, and those of what
 * is new; the rest is as its record says. */
static int hash_log(struct mount *m, struct job *j, int fd,
	struct hashing *hashing, const struct found *f, struct record *r)
{
	cleanup(standing) struct standing at = {0};
	uint64_t size = (uint64_t)j->st.st_size, from = 0;
	bool grown = is_log(f);
	struct hash before, tail;
	int rc = 0;

	if (grown) {
		from = f->r.size;
		j->before = f->r.root;
		rc = growth_find(m->growth, &j->before, &at);
	}
	if (rc == 0 || rc == -ENOENT)
		rc = hashfile_grown(fd, from, size, hashing, &at, &j->h,
			&before, &tail);
	if (rc == 0 && grown && !hash_equal(&before, &f->r.root))
		rc = -EBADMSG;
	if (rc != 0)
		return rc;
	growth_keep(m->growth, &j->h.root, &at);
	if (grown) {
		r->kind = RECORD_APPEND;
		r->from = j->from = from;
		r->tail = tail;
	}
	return 0;
}

/* A log that is as long as it was sealed is as it was sealed: X4.  Cutting what
 * came behind changed its time. */
static int unchanged_log(int fd, const struct found *f)
{
	int64_t s = f->r.mtime_ns / 1000000000, ns = f->r.mtime_ns % 1000000000;
	struct timespec t[2] = {{.tv_nsec = UTIME_OMIT},
		{(time_t)(ns < 0 ? s - 1 : s),
			(long)(ns < 0 ? ns + 1000000000 : ns)}};
	struct stat st;

	if (fstat(fd, &st) != 0)
		return -errno;
	if ((uint64_t)st.st_size != f->r.size)
		return 0; /* it grows again */
	return futimens(fd, t) != 0 ? -errno : 0;
}

/* Root and digest of the content. */
static int hash_content(struct mount *m, struct job *j, int fd,
	struct hashing *hashing, const struct found *f, struct record *r)
{
	uint64_t size = (uint64_t)j->st.st_size, was = 0;
	struct retention keeping;
	int rc;

	if (j->class != CLASS_APPEND)
		return hashfile(fd, size, hashing, &j->h);
	if (is_log(f))
		was = f->r.size;
	if (was > 0 && size == was) {
		j->nothing = true;
		return unchanged_log(fd, f);
	}
	if (size < was)
		return -EBADMSG; /* not through the mount */
	rc = hash_log(m, j, fd, hashing, f, r);
	if (rc != 0 || was == 0)
		return rc;
	rc = retain_get(m, j->path, &keeping);
	if (rc == 0)
		r->until = keeping.until;
	return rc;
}

static bool changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size ||
		a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
		a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* P4 of passthru.h.  Nobody can get hold of it anew while it is SEALING, but
 * who adds to a log, and those cannot be told apart. */
static bool still_mapped(struct mount *m, const struct node *n, int fd)
{
	{
		locked(&m->lock);
		if (!n->escaped)
			return false;
	}
	return backing_written(fd) != 0;
}

/* The file that settled, open, and its size and times. */
static int put_begin(struct mount *m, struct job *j, int *ret_fd)
{
	cleanup(close) int fd = backing_open_read(m->files, j->path);
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &j->st) != 0)
		return -errno;
	if (!S_ISREG(j->st.st_mode) || j->st.st_ino != j->node->ino)
		return -ESTALE;
	if (still_mapped(m, j->node, fd))
		return -ETXTBSY;
	rc = fix(m, j);
	if (rc != 0)
		return rc;
	*ret_fd = fd;
	fd = -1; /* the caller has it */
	return 0;
}

/* The record, when its content is hashed. */
static int put_end(struct mount *m, struct job *j, int fd,
	const struct found *f, struct record *r)
{
	cleanup(buf) struct buf x = {0};
	struct stat after;
	int rc = read_xattrs(m, j, fd, &x);

	if (rc == 0 && fstat(fd, &after) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	if (j->class != CLASS_APPEND && changed(&after, &j->st))
		return -EAGAIN; /* S2 */
	attributes(j, r);
	content(&j->h, (uint64_t)j->st.st_size, r);
	r->xattrs = BUF_BYTES(&x);
	r->unclean = j->unclean;
	return finish(m, j, fd, f, r);
}

/* Versions of class version part with it now: later nobody could tell that it
 * has any, and who adds to a log leaves those of class append alone. */
static int become_log(struct mount *m, struct job *j, int fd)
{
	{
		locked(&m->lock);
		if (!j->node->whole)
			return 0;
	}
	return version_part(m, j->node, fd);
}

static int put_alone(struct mount *m, struct job *j, int fd,
	struct hashing *hashing)
{
	struct record r = {.kind = RECORD_PUT};
	FOUND(f);
	int rc = j->class == CLASS_APPEND ? become_log(m, j, fd) : 0;

	if (rc == 0)
		rc = find_newest(m, j, &f);
	if (rc == 0)
		rc = hash_content(m, j, fd, hashing, &f, &r);
	return rc != 0 || j->nothing ? rc : put_end(m, j, fd, &f, &r);
}

/* -- small files of class seal, hashed together over the lanes of a wide
 * kernel -- */

#define SMALL (64 << 10) /* bytes of a file */
#define TOGETHER 64	/* files; each is open meanwhile */
#define LANE_ALIGN 64	/* of what a kernel reads */

struct few {
	struct mount *m;
	struct hashing *hashing;
	size_t used, n;
	struct job *job[TOGETHER];
	int fd[TOGETHER];
	struct bytes data[TOGETHER];
};

static void few_end(struct few *f)
{
	struct hash root[TOGETHER];
	size_t i;

	chunktree_roots(f->data, f->n, root);
	for (i = 0; i < f->n; i++) {
		struct job *j = f->job[i];
		struct record r = {.kind = RECORD_PUT};
		FOUND(was);

		j->h = (struct hashed){.root = root[i],
			.sha256 = hash_sha256(f->data[i])};
		j->rc = find_newest(f->m, j, &was);
		if (j->rc == 0)
			j->rc = put_end(f->m, j, f->fd[i], &was, &r);
		close(f->fd[i]);
	}
	f->n = f->used = 0;
}

static int read_all(int fd, uint8_t *p, size_t n)
{
	size_t at = 0;
	ssize_t got;

	while (at < n) {
		got = pread(fd, p + at, n - at, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		at += (size_t)got;
	}
	return 0;
}

static int few_add(struct few *f, struct job *j, int fd)
{
	size_t n = (size_t)j->st.st_size;
	uint8_t *at = f->hashing->buffer + f->used;
	int rc = read_all(fd, at, n);

	if (rc != 0)
		return rc;
	f->job[f->n] = j;
	f->fd[f->n] = fd;
	f->data[f->n++] = BYTES(at, n);
	f->used += (n + LANE_ALIGN - 1) / LANE_ALIGN * LANE_ALIGN;
	return 0;
}

static void put_record(struct few *f, struct job *j)
{
	bool small;
	int fd = -1;

	if (f->n == TOGETHER || f->used + SMALL > HASHFILE_BUFFER)
		few_end(f);
	j->rc = put_begin(f->m, j, &fd);
	if (j->rc != 0)
		return;
	small = j->class == CLASS_SEAL && j->st.st_size <= SMALL;
	if (small) {
		j->rc = few_add(f, j, fd);
	} else {
		few_end(f); /* it needs their buffer */
		j->rc = put_alone(f->m, j, fd, f->hashing);
	}
	if (!small || j->rc != 0)
		close(fd);
}

static int symlink_record(struct mount *m, struct job *j)
{
	cleanup(close) int fd = backing_open(m->files, j->path, O_PATH);
	struct record r = {.kind = RECORD_SYMLINK};
	char target[PATH_MAX];
	ssize_t n;
	FOUND(f);
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &j->st) != 0)
		return -errno;
	n = readlinkat(fd, "", target, sizeof target);
	if (n < 0)
		return -errno;
	rc = fix(m, j);
	if (rc == 0)
		rc = find_newest(m, j, &f);
	if (rc != 0)
		return rc;
	attributes(j, &r);
	r.target = BYTES(target, (size_t)n);
	return finish(m, j, fd, &f, &r);
}

/* Has its newest record made it that link already? */
static bool same_link(const struct found *f, const struct record *r)
{
	return f->d.n > 0 && f->r.kind == RECORD_LINK &&
		hash_equal(&f->r.root, &r->root) &&
		bytes_equal(f->r.target, r->target);
}

int sealrecord_link(struct mount *m, struct job *j)
{
	FOUND(put);
	FOUND(f);
	struct record r;
	int rc = j->first->nothing ? find_newest(m, j->first, &put) :
		record_decode(BUF_BYTES(&j->first->d), &put.r);

	if (rc == 0)
		rc = find_newest(m, j, &f);
	if (rc != 0)
		return rc;
	r = put.r;
	r.kind = RECORD_LINK;
	r.path = BYTES(j->path, strlen(j->path));
	r.target = put.r.path;
	r.until = 0; /* the file's own record has it */
	r.class = sealrecord_class(j->class);
	r.has_previous = false;
	r.from = 0;
	r.tail = (struct hash){{0}};
	j->nothing = j->first->nothing && same_link(&f, &r);
	return j->nothing ? 0 : sealrecord_encode(m, &r, &j->d);
}

/* -- folders -- */

struct same {
	const struct record *now;
	bool same;
};

static int compare(void *ctx, const struct local_record *l)
{
	struct same *c = ctx;
	struct record r;

	if (l->kind == RECORD_MKDIR && record_decode(l->d, &r) == 0)
		c->same = r.mode == c->now->mode &&
			r.mtime_ns == c->now->mtime_ns &&
			r.uid == c->now->uid && r.gid == c->now->gid &&
			bytes_equal(r.xattrs, c->now->xattrs) &&
			bytes_equal(r.preset, c->now->preset);
	return 0;
}

static int folder_record(struct mount *m, struct job *j)
{
	cleanup(close) int fd = backing_open(m->files, j->path, O_PATH);
	cleanup(buf) struct buf x = {0};
	struct record r = {.kind = RECORD_MKDIR};
	struct same c = {.now = &r};
	char preset[BACKING_PRESET];
	struct local *l = m->s.local;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &j->st) != 0)
		return -errno;
	rc = read_xattrs(m, j, fd, &x);
	if (rc != 0)
		return rc;
	attributes(j, &r);
	r.xattrs = BUF_BYTES(&x);
	r.preset = BYTES(preset, (size_t)backing_preset(fd, preset));
	rc = l->ops->find(l, r.path, compare, &c);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	j->nothing = c.same;
	return c.same ? 0 : sealrecord_encode(m, &r, &j->d);
}

bool sealrecord_folder_same(struct mount *m, const char *path)
{
	cleanup(free) char *copy = strdup(path);
	struct job j = {.path = copy};
	int rc = copy == NULL ? -ENOMEM : folder_record(m, &j);

	buf_free(&j.d);
	return rc == 0 && j.nothing;
}

/* -- some names -- */

void sealrecord_make(struct mount *m, struct job *jobs, size_t n,
	struct hashing *hashing)
{
	struct few few = {.m = m, .hashing = hashing};
	struct job *j;

	for (j = jobs; j < jobs + n; j++) {
		if (j->first != NULL)
			continue; /* after all others */
		if (j->node->type == NODE_FOLDER)
			j->rc = folder_record(m, j);
		else if (j->node->type == NODE_SYMLINK)
			j->rc = symlink_record(m, j);
		else
			put_record(&few, j);
	}
	few_end(&few);
}
