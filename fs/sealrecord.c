#include "fs/sealrecord.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/inner.h"
#include "fs/retain.h"

static void attributes(const struct job *j, struct record *r)
{
	r->path = BYTES(j->path, strlen(j->path));
	r->mode = j->st.st_mode & 07777;
	r->mtime_ns = (int64_t)j->st.st_mtim.tv_sec * 1000000000 +
		j->st.st_mtim.tv_nsec;
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

/* -- files -- */

static bool changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size ||
		a->st_mtim.tv_sec != b->st_mtim.tv_sec ||
		a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

static int put_record(struct mount *m, struct job *j, uint8_t *buffer)
{
	cleanup(close) int fd = backing_open_read(m->files, j->path);
	cleanup(buf) struct buf x = {0};
	struct record r = {.kind = RECORD_PUT};
	struct stat after;
	int rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &j->st) != 0)
		return -errno;
	if (!S_ISREG(j->st.st_mode) || j->st.st_ino != j->node->ino)
		return -ESTALE; /* not the file that settled */
	rc = hashfile(fd, (uint64_t)j->st.st_size, buffer, &j->h);
	if (rc == 0)
		rc = read_xattrs(m, j, fd, &x);
	if (rc == 0 && fstat(fd, &after) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	if (changed(&after, &j->st))
		return -EAGAIN; /* S2 */
	attributes(j, &r);
	content(&j->h, (uint64_t)j->st.st_size, &r);
	r.xattrs = BUF_BYTES(&x);
	r.unclean = j->unclean;
	keep(m, j, fd, &r);
	return sealrecord_encode(m, &r, &j->d);
}

static int symlink_record(struct mount *m, struct job *j)
{
	cleanup(close) int fd = backing_open(m->files, j->path, O_PATH);
	struct record r = {.kind = RECORD_SYMLINK};
	char target[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return fd;
	if (fstat(fd, &j->st) != 0)
		return -errno;
	n = readlinkat(fd, "", target, sizeof target);
	if (n < 0)
		return -errno;
	attributes(j, &r);
	r.target = BYTES(target, (size_t)n);
	keep(m, j, fd, &r);
	return sealrecord_encode(m, &r, &j->d);
}

int sealrecord_link(struct mount *m, struct job *j)
{
	struct record r, put;
	int rc = record_decode(BUF_BYTES(&j->first->d), &put);

	if (rc != 0)
		return rc;
	r = put;
	r.kind = RECORD_LINK;
	r.path = BYTES(j->path, strlen(j->path));
	r.target = put.path;
	r.until = 0; /* the file's own record has it */
	return sealrecord_encode(m, &r, &j->d);
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

/* -- one name -- */

void sealrecord_make(struct mount *m, struct job *j, uint8_t *buffer)
{
	if (j->first != NULL)
		return; /* after all others */
	if (j->node->type == NODE_FOLDER)
		j->rc = folder_record(m, j);
	else if (j->node->type == NODE_SYMLINK)
		j->rc = symlink_record(m, j);
	else
		j->rc = put_record(m, j, buffer);
}
