#include "fs/retain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "core/object.h"
#include "fs/inner.h"

#define DELETING "mount.deleting" /* inode (8) ‖ H(d) of the record ‖ path */
#define DELETING_HEAD (8 + HASH_LEN)

static struct bytes text(const char *path)
{
	return BYTES(path, strlen(path));
}

/* -- a sealed file as its records have it -- */

struct found {
	struct buf d;
	struct hash dh;		/* H(d) */
	struct record r;	/* points into d */
	uint64_t id, height;
	bool final;
	int rc;
};

static void cleanup_found(struct found *f)
{
	buf_free(&f->d);
}
#define FOUND(name) cleanup(found) struct found name = {0}

static int see(void *ctx, const struct local_record *l)
{
	struct found *f = ctx;

	if (!record_seals(l->kind)) {
		f->rc = -ENOENT;
		return 0;
	}
	f->id = l->id;
	f->height = l->height;
	f->final = l->in_block && l->final;
	f->rc = buf_copy(l->d, &f->d);
	return 0;
}

static int find(struct mount *m, struct bytes path, struct found *f)
{
	int rc = m->s.local->ops->find(m->s.local, path, see, f);

	if (rc == 0)
		rc = f->rc;
	if (rc == 0)
		rc = record_decode(BUF_BYTES(&f->d), &f->r);
	if (rc == 0)
		f->dh = hash_sha3(BUF_BYTES(&f->d));
	return rc;
}

/* The file's own record: that of its first name if this one is a link. */
static int find_file(struct mount *m, const char *path, struct found *f)
{
	int rc = find(m, text(path), f);

	if (rc != 0 || f->r.kind != RECORD_LINK)
		return rc;
	FOUND(first);
	rc = find(m, f->r.target, &first);
	if (rc == 0 && first.r.kind == RECORD_LINK)
		rc = -EBADMSG;
	if (rc != 0)
		return rc;
	struct found link = *f;
	*f = first;
	first = link; /* freed here */
	return 0;
}

struct adding {
	const struct found *file;
	struct retention *state;
};

static int add(void *ctx, const struct local_record *l)
{
	struct adding *a = ctx;
	struct hash dh = hash_sha3(l->d);
	struct record r;

	if (record_decode(l->d, &r) != 0)
		return -EBADMSG;
	/* A release is about a hold; others may be about an older file. */
	if (r.authority.n > 0 || hash_equal(&r.about, &a->file->dh))
		retention_add(a->state, &dh, &r);
	return 0;
}

static int state_of(struct mount *m, const struct found *file,
	struct retention *ret)
{
	struct adding a = {file, ret};

	retention_start(ret, &file->r);
	return m->s.local->ops->notes(m->s.local, file->r.path, add, &a);
}

int retain_get(struct mount *m, const char *path, struct retention *ret)
{
	FOUND(file);
	int rc = find_file(m, path, &file);

	return rc != 0 ? rc : state_of(m, &file, ret);
}

/* -- clocks: K1 -- */

/* 0 when the chain's is not known: then nothing is over. */
static uint64_t chain_ms(struct mount *m)
{
	uint64_t ms;

	return m->s.chain_time != NULL &&
		m->s.chain_time(m->s.ctx, &ms) == 0 ? ms : 0;
}

/* In seconds, the begun one counted. */
static uint64_t later_clock(struct mount *m)
{
	uint64_t chain = chain_ms(m);
	uint64_t here = m->s.clock->ops->now_ms(m->s.clock);

	return ((chain > here ? chain : here) + 999) / 1000;
}

uint64_t retain_default(struct mount *m)
{
	uint64_t span = __atomic_load_n(&m->s.config->retain_default_s,
		__ATOMIC_RELAXED);
	uint64_t now = later_clock(m);

	if (span == 0)
		return 0;
	return span < RECORD_UNTIL_MAX - now ? now + span : RECORD_UNTIL_MAX;
}

static bool in_limits(struct mount *m, uint64_t until)
{
	const struct config *c = m->s.config;
	uint64_t min = __atomic_load_n(&c->retain_min_s, __ATOMIC_RELAXED);
	uint64_t max = __atomic_load_n(&c->retain_max_s, __ATOMIC_RELAXED);
	uint64_t now = later_clock(m);

	return until <= RECORD_UNTIL_MAX && until > now && until - now >= min &&
		(max == 0 || until - now <= max);
}

/* -- what is recorded -- */

static int queue(struct mount *m, struct record *r)
{
	struct entropy *e = m->s.entropy;
	struct local *l = m->s.local;
	cleanup(buf) struct buf d = {0};
	struct local_record q = {.kind = r->kind, .ready = true,
		.path = r->path};
	uint64_t id;
	int rc;

	e->ops->fill(e, r->salt, RECORD_SALT);
	rc = record_encode(r, &d);
	if (rc != 0)
		return rc;
	q.d = BUF_BYTES(&d);
	{
		locked(&m->newest);
		rc = l->ops->queue(l, &q, 1, &id);
	}
	if (rc == 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, false);
	return rc;
}

/* An open file, without its immutable flag for a moment. */
struct thawed {
	int fd;
	bool flag;
};

static int thaw(struct mount *m, const char *path, struct thawed *t)
{
	int rc;

	*t = (struct thawed){.fd = -1};
	if (!backing_immutable(m->files, path))
		return 0;
	t->fd = backing_open(m->files, path, O_RDONLY | O_NONBLOCK);
	if (t->fd < 0)
		return t->fd;
	rc = backing_flag_fd(t->fd, false);
	t->flag = rc == 0;
	return rc;
}

/* If this fails, the next start sets the flag. */
static void freeze(struct thawed *t)
{
	if (t->flag)
		backing_flag_fd(t->fd, true);
	if (t->fd >= 0)
		close(t->fd);
}

/* The date as the access time of the plain file. */
static int show(struct mount *m, const char *path, uint64_t until)
{
	const struct timespec times[2] = {
		{.tv_sec = (time_t)until}, {.tv_nsec = UTIME_OMIT}};
	cleanup(close) int fd = backing_open(m->files, path, O_PATH);
	struct thawed t;
	int rc = fd < 0 ? fd : thaw(m, path, &t);

	if (rc == 0 && utimensat(fd, "", times, AT_EMPTY_PATH) != 0)
		rc = -errno;
	if (fd >= 0)
		freeze(&t);
	return rc;
}

static bool owns(struct mount *m, const char *path, uid_t caller)
{
	struct stat st;

	return caller == 0 || (backing_stat(m->files, path, &st) == 0 &&
		st.st_uid == caller);
}

/* The file and its state, for a change; retain held. */
static int for_change(struct mount *m, const char *path, uid_t caller,
	struct found *file, struct retention *state)
{
	int rc = find_file(m, path, file);

	if (rc != 0)
		return rc == -ENOENT ? -EBUSY : rc;
	if (!owns(m, path, caller))
		return -EPERM;
	return state_of(m, file, state);
}

int retain_extend(struct mount *m, const char *path, uint64_t until,
	uid_t caller)
{
	struct record r = {.kind = RECORD_RETENTION, .has_about = true,
		.until = until};
	struct retention now;
	FOUND(file);
	int rc;

	locked(&m->retain);
	rc = for_change(m, path, caller, &file, &now);
	if (rc != 0 || until == now.until)
		return rc;
	if (until < now.until || !in_limits(m, until))
		return -EPERM;
	r.path = file.r.path;
	r.about = file.dh;
	rc = queue(m, &r);
	if (rc != 0)
		return rc;
	rc = show(m, path, until);
	if (rc != 0)
		mount_say(m, "kept longer, but its access time does not show "
			"it", path, rc);
	return 0;
}

int retain_hold(struct mount *m, const char *path, struct bytes name,
	uid_t caller)
{
	struct record r = {.kind = RECORD_HOLD, .has_about = true,
		.hold_case = name};
	struct retention now;
	FOUND(file);
	int rc;

	if (!record_text_ok(name, RECORD_CASE_MAX))
		return -EINVAL;
	locked(&m->retain);
	rc = for_change(m, path, caller, &file, &now);
	if (rc != 0 || retention_find(&now, name) != NULL)
		return rc;
	if (now.n_holds == RETENTION_HOLDS_MAX)
		return -ENOSPC;
	r.path = file.r.path;
	r.about = file.dh;
	return queue(m, &r);
}

/* -- deletion -- */

struct owed {
	const struct found *file;
	char pack[OBJECT_KEY_MAX];
};

static int lags(void *ctx, const char *key, uint32_t buckets, uint64_t source)
{
	const struct owed *o = ctx;

	(void)buckets;
	return strcmp(key, o->pack) == 0 ||
		(key[0] == 'c' && source == o->file->id);
}

/* K3: 0, -EBUSY. */
static int stored(struct mount *m, const struct found *file)
{
	struct local *l = m->s.local;
	struct owed o = {.file = file};
	struct local_block b = {0};
	int rc;

	if (!file->final)
		return -EBUSY;
	rc = l->ops->block(l, file->height, &b);
	if (rc != 0)
		return rc;
	object_key_pack(&b.hmeta, o.pack);
	local_block_done(&b);
	rc = l->ops->lags(l, lags, &o);
	return rc > 0 ? -EBUSY : rc;
}

static int set_deleting(struct mount *m, const struct found *name, ino_t ino)
{
	struct local *l = m->s.local;
	cleanup(buf) struct buf v = {0};
	uint64_t n = ino;
	int rc = buf_add(&v, &n, sizeof n);

	if (rc == 0)
		rc = buf_add(&v, name->dh.b, HASH_LEN);
	if (rc == 0)
		rc = buf_add(&v, name->r.path.p, name->r.path.n);
	return rc != 0 ? rc : l->ops->set_value(l, DELETING, BUF_BYTES(&v));
}

static int end_deleting(struct mount *m)
{
	struct local *l = m->s.local;

	return l->ops->set_value(l, DELETING, BYTES("", 0));
}

/* Takes the plain name away; others of the file keep the flag. */
static int unlink_name(struct mount *m, const char *path, int at,
	const char *name)
{
	struct thawed t;
	int rc = thaw(m, path, &t);

	if (rc == 0 && unlinkat(at, name, 0) != 0)
		rc = -errno;
	freeze(&t);
	return rc;
}

/* K2.  A name that is recorded as gone and cannot be removed is an error that
 * the next start meets again. */
static int remove_recorded(struct mount *m, const struct found *name,
	struct record *r, ino_t ino, int at, const char *last)
{
	char path[NODE_PATH];
	int rc = set_deleting(m, name, ino);

	if (rc == 0)
		rc = queue(m, r);
	if (rc != 0)
		return rc;
	memcpy(path, name->r.path.p, name->r.path.n);
	path[name->r.path.n] = '\0';
	rc = unlink_name(m, path, at, last);
	return rc != 0 ? rc : end_deleting(m);
}

int retain_remove(struct mount *m, const char *path, int at, const char *last)
{
	struct record r = {.kind = RECORD_DELETION, .has_about = true};
	struct retention now;
	struct stat st;
	FOUND(name);
	FOUND(file);
	int rc;

	if (m->s.chain == NULL || m->s.chain->retention_mode == RETENTION_NONE)
		return -EPERM;
	locked(&m->retain);
	rc = find(m, text(path), &name);
	if (rc == 0)
		rc = find_file(m, path, &file);
	if (rc == 0)
		rc = state_of(m, &file, &now);
	if (rc == 0)
		rc = backing_stat(m->files, path, &st);
	if (rc != 0)
		return rc == -ENOENT ? -EPERM : rc;
	if (!retention_over(&now, chain_ms(m)) ||
		(name.r.kind == RECORD_PUT && st.st_nlink > 1)) /* K4 */
		return -EPERM;
	rc = stored(m, &file);
	if (rc == 0)
		rc = stored(m, &name);
	r.path = name.r.path;
	r.about = name.dh;
	return rc != 0 ? rc :
		remove_recorded(m, &name, &r, st.st_ino, at, last);
}

/* -- starting -- */

struct newest {
	bool deleted;		/* by the deletion of `about` */
	struct hash about;
};

static int see_deletion(void *ctx, const struct local_record *l)
{
	struct newest *n = ctx;
	struct record r;

	n->deleted = l->kind == RECORD_DELETION &&
		record_decode(l->d, &r) == 0 &&
		hash_equal(&r.about, &n->about);
	return 0;
}

static int end_removal(struct mount *m, struct bytes v)
{
	struct local *l = m->s.local;
	char path[NODE_PATH];
	struct newest n = {0};
	struct stat st;
	uint64_t ino;
	int rc;

	if (v.n <= DELETING_HEAD || v.n - DELETING_HEAD >= sizeof path)
		return -EBADMSG;
	memcpy(&ino, v.p, sizeof ino);
	memcpy(n.about.b, v.p + sizeof ino, HASH_LEN);
	memcpy(path, v.p + DELETING_HEAD, v.n - DELETING_HEAD);
	path[v.n - DELETING_HEAD] = '\0';
	rc = l->ops->find(l, text(path), see_deletion, &n);
	if (rc != 0 || !n.deleted)
		return rc; /* it was not recorded: nothing has happened */
	rc = backing_stat(m->files, path, &st);
	if (rc != 0 || st.st_ino != ino)
		return rc == -ENOENT ? 0 : rc;
	cleanup(free) char *folder = strdup(path);
	char *slash = folder == NULL ? NULL : strrchr(folder, '/');
	if (folder == NULL)
		return -ENOMEM;
	const char *last = slash == NULL ? path : path + (slash + 1 - folder);
	*(slash == NULL ? folder : slash) = '\0';
	cleanup(close) int at = backing_open(m->files, folder,
		O_PATH | O_DIRECTORY);
	return at < 0 ? at : unlink_name(m, path, at, last);
}

int retain_start(struct mount *m)
{
	struct local *l = m->s.local;
	cleanup(buf) struct buf v = {0};
	int rc = l->ops->value(l, DELETING, &v);

	if (rc == -ENOENT || (rc == 0 && v.n == 0))
		return 0;
	if (rc == 0)
		rc = end_removal(m, BUF_BYTES(&v));
	return rc != 0 ? rc : end_deleting(m);
}

/* Dates that are later than what the plain file shows. */
struct sweeping {
	struct mount *m;
	struct due {
		char *path;
		uint64_t until;
	} *due;
	size_t n, cap;
	int rc;
};

static void cleanup_sweeping(struct sweeping *s)
{
	while (s->n > 0)
		free(s->due[--s->n].path);
	free(s->due);
}

static int note_due(struct sweeping *s, const char *path, uint64_t until)
{
	size_t cap = s->cap == 0 ? 64 : 2 * s->cap;
	struct due *more;

	if (s->n == s->cap) {
		more = reallocarray(s->due, cap, sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		s->due = more;
		s->cap = cap;
	}
	s->due[s->n].path = strdup(path);
	if (s->due[s->n].path == NULL)
		return -ENOMEM;
	s->due[s->n++].until = until;
	return 0;
}

static int look(void *ctx, const struct local_record *l)
{
	struct sweeping *s = ctx;
	char path[NODE_PATH];
	struct record r;
	struct stat st;

	if ((l->kind != RECORD_PUT && l->kind != RECORD_RETENTION) ||
		record_decode(l->d, &r) != 0 || r.until == 0)
		return 0;
	memcpy(path, r.path.p, r.path.n);
	path[r.path.n] = '\0';
	if (backing_stat(s->m->files, path, &st) != 0 ||
		(uint64_t)st.st_atim.tv_sec == r.until)
		return 0;
	s->rc = note_due(s, path, r.until);
	return s->rc != 0;
}

int retain_sweep(struct mount *m)
{
	cleanup(sweeping) struct sweeping s = {.m = m};
	struct local *l = m->s.local;
	int rc = l->ops->below(l, BYTES("", 0), false, look, &s);
	struct retention now;
	size_t i;

	rc = s.rc != 0 ? s.rc : rc;
	for (i = 0; rc == 0 && i < s.n; i++) {
		TREE(m, false);
		locked(&m->retain);
		if (retain_get(m, s.due[i].path, &now) == 0 && now.until > 0)
			rc = show(m, s.due[i].path, now.until);
		if (rc == -ENOENT)
			rc = 0;
	}
	return rc;
}
