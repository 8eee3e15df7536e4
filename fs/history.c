#include "fs/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "core/certificate.h"
#include "core/hash.h"
#include "fs/version.h"
#include "fs/versions.h"

#define CERT ".cert"
#define ACL "system.posix_acl_access"

/* One of a path's. */
struct entry {
	struct found f;
	uint64_t n;		/* the number that is wanted; 0: the last */
	uint64_t until;		/* of those up to that record; 0: of all */
	uint64_t count;		/* how many there were so far */
	bool here;		/* nothing has come after it */
	bool grows;		/* only what is longer has */
	struct hash longest;	/* the last record of that; else its own */
};

static void cleanup_entry(struct entry *e)
{
	buf_free(&e->f.d);
}

static struct bytes text_of(const char *path)
{
	return BYTES(path, strlen(path));
}

/* -- the records of a path that sealed something -- */

static int see(void *ctx, const struct local_record *l)
{
	struct entry *e = ctx;

	e->here = false;
	e->grows = e->grows && l->kind == RECORD_APPEND;
	if (!record_seals(l->kind))
		return 0;
	e->count++;
	if (e->grows)
		e->longest = hash_sha3(l->d);
	if ((e->n != 0 && e->count != e->n) ||
		(e->until != 0 && l->id > e->until))
		return 0;
	buf_free(&e->f.d);
	e->f.rc = buf_copy(l->d, &e->f.d);
	e->f.id = l->id;
	e->f.final = l->in_block && l->final;
	e->longest = hash_sha3(l->d);
	e->here = e->grows = true;
	return e->f.rc;
}

/* -ENOENT: there is none. */
static int look(struct mount *m, const char *path, uint64_t n,
	struct entry *ret)
{
	struct local *l = m->s.local;
	int rc;

	ret->n = n;
	rc = l->ops->past(l, text_of(path), see, ret);
	if (rc == 0)
		rc = l->ops->find(l, text_of(path), see, ret);
	if (rc == -ENOENT && ret->f.d.n == 0)
		return -ENOENT;
	if (rc == 0 && ret->f.d.n == 0)
		return -ENOENT;
	if (rc == 0)
		rc = record_decode(BUF_BYTES(&ret->f.d), &ret->f.r);
	if (rc == 0)
		ret->f.dh = hash_sha3(BUF_BYTES(&ret->f.d));
	return rc;
}

/* What the file of a further name had sealed then, under its first one. */
static int first_of(struct mount *m, const struct entry *e, struct entry *ret)
{
	char path[NODE_PATH];
	int rc;

	memcpy(path, e->f.r.target.p, e->f.r.target.n);
	path[e->f.r.target.n] = '\0';
	ret->until = e->f.id;
	rc = look(m, path, 0, ret);
	return rc == -ENOENT || (rc == 0 && ret->f.r.kind == RECORD_LINK) ?
		-EIO : rc;
}

static uint64_t count(struct mount *m, const char *path)
{
	cleanup(entry) struct entry e = {0};

	return look(m, path, 0, &e) == 0 ? e.count : 0;
}

/* Has the name gone, and was it a file's? */
static bool is_gone(const struct local_record *l)
{
	struct record r;

	return l->kind == RECORD_TOMBSTONE && record_decode(l->d, &r) == 0 &&
		r.has_about && record_ends(&r);
}

static int see_gone(void *ctx, const struct local_record *l)
{
	*(bool *)ctx = is_gone(l);
	return 0;
}

static bool gone(struct mount *m, const char *path)
{
	struct local *l = m->s.local;
	bool yes = false;

	return l->ops->find(l, text_of(path), see_gone, &yes) == 0 && yes;
}

static int first_gone(void *ctx, const struct local_record *l)
{
	(void)ctx;
	return is_gone(l);
}

static int any(void *ctx, const struct local_record *l)
{
	(void)ctx;
	(void)l;
	return 1;
}

/* -- names -- */

/* "N" or "N.cert": N, or 0. */
static uint64_t number(const char *text, bool *ret_cert)
{
	char *end;
	uint64_t n;

	if (*text < '1' || *text > '9' || strlen(text) > 20)
		return 0;
	n = strtoull(text, &end, 10);
	*ret_cert = strcmp(end, CERT) == 0;
	return *end == '\0' || *ret_cert ? n : 0;
}

/* The subject of a version is "PATH/N": cuts it there. */
static uint64_t cut(char *path)
{
	char *slash = strrchr(path, '/');
	bool cert;

	if (slash == NULL)
		return 0;
	*slash = '\0';
	return number(slash + 1, &cert);
}

static bool cut_cert(char *path)
{
	size_t n = strlen(path), k = strlen(CERT);

	if (n <= k || strcmp(path + n - k, CERT) != 0)
		return false;
	path[n - k] = '\0';
	return true;
}

static int kind_of_version(struct mount *m, const char *path, const char *text,
	enum virtual_kind *ret)
{
	bool cert = false;
	uint64_t n = number(text, &cert);

	if (n == 0 || n > count(m, path))
		return -ENOENT;
	*ret = cert ? VIRTUAL_VERSION_CERT : VIRTUAL_VERSION;
	return 0;
}

static int kind_of_gone(struct mount *m, char *child, enum virtual_kind *ret)
{
	struct local *l = m->s.local;

	*ret = VIRTUAL_GONE;
	if (gone(m, child))
		return 0;
	*ret = VIRTUAL_DELETED;
	if (l->ops->below(l, text_of(child), false, first_gone, NULL) == 1)
		return 0;
	*ret = VIRTUAL_GONE_CERT;
	return cut_cert(child) && gone(m, child) ? 0 : -ENOENT;
}

int history_kind(struct mount *m, enum virtual_kind folder, const char *path,
	const char *text, enum virtual_kind *ret)
{
	struct local *l = m->s.local;
	char child[NODE_PATH];
	struct stat st;

	if (snprintf(child, sizeof child, "%s%s%s", path,
			*path != '\0' ? "/" : "", text) >= (int)sizeof child)
		return -ENAMETOOLONG;
	if (folder == VIRTUAL_DELETED)
		return kind_of_gone(m, child, ret);
	if (kind_of_version(m, path, text, ret) == 0)
		return 0;
	*ret = VIRTUAL_HISTORY;
	return (backing_stat(m->files, child, &st) == 0 &&
			S_ISDIR(st.st_mode)) || count(m, child) > 0 ||
		l->ops->below(l, text_of(child), false, any, NULL) == 1 ?
		0 : -ENOENT;
}

/* -- one of them -- */

static int entry_of(struct mount *m, enum virtual_kind kind, const char *path,
	struct entry *ret)
{
	char name[NODE_PATH];
	uint64_t n = 0;

	strcpy(name, path);
	if (kind == VIRTUAL_VERSION || kind == VIRTUAL_VERSION_CERT) {
		n = cut(name);
		return n == 0 ? -ENOENT : look(m, name, n, ret);
	}
	if (kind == VIRTUAL_GONE_CERT && !cut_cert(name))
		return -ENOENT;
	return gone(m, name) ? look(m, name, 0, ret) : -ENOENT;
}

/* An access control list is not shown here, and with one the bits of the group
 * say less than they seem to: then it is for the owner alone. */
static bool has_acl(const struct record *r)
{
	struct record_xattr x;
	size_t at = 0;

	while (record_xattrs_next(r->xattrs, &at, &x) > 0)
		if (bytes_equal(x.name, BYTES(ACL, sizeof ACL - 1)))
			return true;
	return false;
}

static bool folder_has_acl(struct mount *m, const char *path)
{
	char name[BACKING_NAME];
	cleanup(close) int fd = backing_open(m->files, path, O_PATH);

	if (fd < 0)
		return false;
	backing_name(fd, name);
	return getxattr(name, ACL, NULL, 0) > 0;
}

static void stat_record(const struct record *r, struct stat *ret)
{
	ret->st_mode = S_IFREG | (r->mode & (has_acl(r) ? 0400 : 0444));
	ret->st_uid = r->uid;
	ret->st_gid = r->gid;
	ret->st_size = (off_t)(r->kind == RECORD_SYMLINK ? r->target.n :
		r->size);
	ret->st_blocks = (ret->st_size + 511) / 512;
	ret->st_mtim.tv_sec = (time_t)(r->mtime_ns / 1000000000);
	ret->st_mtim.tv_nsec = (long)(r->mtime_ns % 1000000000);
	if (ret->st_mtim.tv_nsec < 0) {
		ret->st_mtim.tv_sec--;
		ret->st_mtim.tv_nsec += 1000000000;
	}
}

/* As the real folder is; that of a file's versions as the file. */
static void stat_folder(struct mount *m, enum virtual_kind kind,
	const char *path, struct stat *ret)
{
	cleanup(entry) struct entry e = {0};
	struct stat st;

	if (backing_stat(m->files, path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (folder_has_acl(m, path))
			st.st_mode &= 0700;
	} else {
		st = (struct stat){.st_mode = 0500, .st_uid = geteuid(),
			.st_gid = getegid()};
		if (kind == VIRTUAL_HISTORY && look(m, path, 0, &e) == 0)
			stat_record(&e.f.r, &st);
		st.st_mode = (st.st_mode & 0500) | (st.st_mode & 0444) |
			(st.st_mode & 0444) >> 2;
	}
	ret->st_mode = S_IFDIR | (st.st_mode & 0555);
	ret->st_uid = st.st_uid;
	ret->st_gid = st.st_gid;
	ret->st_nlink = 2;
}

int history_stat(struct mount *m, enum virtual_kind kind, const char *path,
	struct stat *ret)
{
	cleanup(entry) struct entry e = {0}, first = {0};
	cleanup(buf) struct buf cert = {0};
	int rc;

	if (kind == VIRTUAL_HISTORY || kind == VIRTUAL_DELETED) {
		stat_folder(m, kind, path, ret);
		return 0;
	}
	rc = entry_of(m, kind, path, &e);
	if (rc != 0)
		return rc;
	if (kind == VIRTUAL_VERSION || kind == VIRTUAL_GONE) {
		stat_record(&e.f.r, ret);
		if (e.f.r.kind == RECORD_LINK && e.f.r.size == 0 &&
			first_of(m, &e, &first) == 0)
			stat_record(&first.f.r, ret); /* a symlink's */
		return 0;
	}
	rc = certfile_record(m->certs, e.f.id, &cert);
	ret->st_mode = S_IFREG | 0444;
	ret->st_size = (off_t)cert.n;
	return rc == -EAGAIN ? -ENOENT : rc;
}

/* Its bytes, kept under its own record or a longer one of the same file. */
static int open_kept(struct mount *m, const struct entry *e)
{
	int fd = versions_read(m->versions, &e->f.dh);

	return fd != -ENOENT ? fd : versions_read(m->versions, &e->longest);
}

/* They are at its name still. */
static int open_here(struct mount *m, const struct entry *e)
{
	char path[NODE_PATH];

	if (!e->here && !e->grows)
		return -ENOENT;
	memcpy(path, e->f.r.path.p, e->f.r.path.n);
	path[e->f.r.path.n] = '\0';
	return backing_open_read(m->files, path);
}

/* A further name's are those that its file had then; where these are kept, the
 * file has others by now. */
static int open_content(struct mount *m, const struct entry *e,
	struct buf *ret_text, int *ret_fd)
{
	cleanup(entry) struct entry first = {0};
	bool link = e->f.r.kind == RECORD_LINK && first_of(m, e, &first) == 0;
	const struct record *r = link ? &first.f.r : &e->f.r;
	int rc;

	if (r->kind == RECORD_SYMLINK)
		return buf_copy(r->target, ret_text);
	rc = open_kept(m, e);
	if (rc == -ENOENT && link)
		rc = open_kept(m, &first);
	if (rc == -ENOENT)
		rc = open_here(m, e);
	if (rc == -ENOENT && link)
		rc = open_here(m, &first);
	if (rc < 0) /* scrub is what misses what should be there */
		return rc == -ENOENT ? -ENODATA : rc;
	*ret_fd = rc;
	return 0;
}

int history_open(struct mount *m, enum virtual_kind kind, const char *path,
	struct buf *ret_text, int *ret_fd, uint64_t *ret_n)
{
	cleanup(entry) struct entry e = {0};
	int rc = entry_of(m, kind, path, &e);

	*ret_fd = -1;
	if (rc != 0)
		return rc;
	if (kind == VIRTUAL_VERSION_CERT || kind == VIRTUAL_GONE_CERT) {
		rc = certfile_record(m->certs, e.f.id, ret_text);
		return rc == -EAGAIN ? -ENOENT : rc;
	}
	*ret_n = e.f.r.size;
	return open_content(m, &e, ret_text, ret_fd);
}

/* -- listing -- */

struct listing {
	struct mount *m;
	size_t skip, folder;	/* names left out; bytes before a name */
	char last[NAME_MAX + 1]; /* the folder that was listed last */
	history_emit *emit;
	void *ctx;
};

static bool list_one(struct listing *k, const char *name, bool folder)
{
	if (k->skip > 0) {
		k->skip--;
		return true;
	}
	return k->emit(k->ctx, name, folder);
}

static bool was_file(struct listing *k, const uint8_t *path,
	const uint8_t *end)
{
	char above[NODE_PATH];

	memcpy(above, path, (size_t)(end - path));
	above[end - path] = '\0';
	return gone(k->m, above);
}

static int list_gone(void *ctx, const struct local_record *l)
{
	struct listing *k = ctx;
	char name[NAME_MAX + 1];
	const uint8_t *p = l->path.p + k->folder, *slash;
	size_t n;

	if (l->path.n <= k->folder || !is_gone(l))
		return 0;
	n = l->path.n - k->folder;
	slash = memchr(p, '/', n);
	n = slash != NULL ? (size_t)(slash - p) : n;
	if (n > NAME_MAX)
		return 0;
	memcpy(name, p, n);
	name[n] = '\0';
	if (slash != NULL && strcmp(name, k->last) == 0)
		return 0;
	if (slash != NULL)
		strcpy(k->last, name);
	if (slash != NULL && was_file(k, l->path.p, slash))
		return 0; /* listed as that */
	return list_one(k, name, slash != NULL) ? 0 : 1;
}

int history_list(struct mount *m, enum virtual_kind kind, const char *path,
	size_t from, history_emit *emit, void *ctx)
{
	struct listing k = {.m = m, .skip = from, .emit = emit, .ctx = ctx,
		.folder = *path == '\0' ? 0 : strlen(path) + 1};
	struct local *l = m->s.local;
	char name[32];
	uint64_t i, n;
	int rc;

	if (kind == VIRTUAL_DELETED) {
		rc = l->ops->below(l, text_of(path), false, list_gone, &k);
		return rc < 0 ? rc : 0;
	}
	n = count(m, path);
	for (i = 1; i <= n; i++) {
		snprintf(name, sizeof name, "%llu", (unsigned long long)i);
		if (!list_one(&k, name, false))
			return 0;
		strcat(name, CERT);
		if (!list_one(&k, name, false))
			return 0;
	}
	return 0;
}
