#include "fs/retain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "fs/inner.h"
#include "fs/retain_inner.h"
#include "fs/version.h"

/* -- a sealed file as its records have it -- */

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
	f->large = l->extents.n > 0;
	f->rc = buf_copy(l->d, &f->d);
	return 0;
}

int retain_find(struct mount *m, struct bytes path, struct found *f)
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

int retain_find_file(struct mount *m, const char *path, struct found *f)
{
	int rc = retain_find(m, BYTES(path, strlen(path)), f);

	if (rc != 0 || f->r.kind != RECORD_LINK)
		return rc;
	FOUND(first);
	rc = retain_find(m, f->r.target, &first);
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
	uint64_t first;		/* id of its first record, if it has grown */
	struct retention *state;
};

static int see_first(void *ctx, const struct local_record *l)
{
	struct adding *a = ctx;

	if (l->kind == RECORD_PUT)
		a->first = l->id;
	return 0;
}

static int add(void *ctx, const struct local_record *l)
{
	struct adding *a = ctx;
	struct hash dh = hash_sha3(l->d);
	struct record r;

	if (record_decode(l->d, &r) != 0)
		return -EBADMSG;
	/* A release is about a hold; others may be about an older file. */
	if (r.authority.n > 0 || hash_equal(&r.about, &a->file->dh) ||
		(a->first > 0 && l->id > a->first))
		retention_add(a->state, &dh, &r);
	return 0;
}

int retain_state(struct mount *m, const struct found *file,
	struct retention *ret)
{
	struct adding a = {file, 0, ret};
	struct local *l = m->s.local;
	int rc = file->r.kind != RECORD_APPEND ? 0 :
		l->ops->past(l, file->r.path, see_first, &a);

	if (rc != 0)
		return rc;
	retention_start(ret, &file->r);
	return m->s.local->ops->notes(m->s.local, file->r.path, add, &a);
}

int retain_get(struct mount *m, const char *path, struct retention *ret)
{
	FOUND(file);
	int rc = retain_find_file(m, path, &file);

	return rc != 0 ? rc : retain_state(m, &file, ret);
}

int retain_record(struct mount *m, const char *path, struct hash *ret)
{
	FOUND(name);
	int rc = retain_find(m, BYTES(path, strlen(path)), &name);

	if (rc == 0)
		*ret = name.dh;
	return rc;
}

/* -- clocks: K1 -- */

uint64_t retain_chain_ms(struct mount *m)
{
	uint64_t ms;

	return m->s.chain_time != NULL &&
		m->s.chain_time(m->s.ctx, &ms) == 0 ? ms : 0;
}

/* In seconds, the begun one counted. */
static uint64_t later_clock(struct mount *m)
{
	uint64_t chain = retain_chain_ms(m);
	uint64_t here = m->s.clock->ops->now_ms(m->s.clock);

	return ((chain > here ? chain : here) + 999) / 1000;
}

struct terms retain_terms(struct mount *m)
{
	const struct config *c = m->s.config;

	return (struct terms){
		config_now(&c->retain_default_s),
		config_now(&c->retain_min_s),
		config_now(&c->retain_max_s)};
}

uint64_t retain_default(struct mount *m, uint64_t span)
{
	uint64_t now;

	if (span == 0)
		return 0;
	now = later_clock(m);
	return span < RECORD_UNTIL_MAX - now ? now + span : RECORD_UNTIL_MAX;
}

/* Those of the rule that decides about the file's first name. */
static struct terms terms_of(struct mount *m, const struct found *file)
{
	struct terms vault = retain_terms(m);
	char path[NODE_PATH];

	memcpy(path, file->r.path.p, file->r.path.n);
	path[file->r.path.n] = '\0';
	locked(&m->lock);
	return node_terms_at(&m->nodes, path, &vault);
}

static bool in_limits(struct mount *m, const struct found *file, uint64_t until)
{
	struct terms t = terms_of(m, file);
	uint64_t now = later_clock(m);

	return until <= RECORD_UNTIL_MAX && until > now &&
		until - now >= t.least &&
		(t.most == 0 || until - now <= t.most);
}

/* -- what is recorded -- */

int retain_queue(struct mount *m, const struct record *r, struct bytes d)
{
	struct local *l = m->s.local;
	struct local_record q = {.kind = r->kind, .ready = true,
		.path = r->path, .d = d};
	uint64_t id;
	int rc;

	mount_make_room(m);
	{
		locked(&m->newest);
		rc = l->ops->queue(l, &q, 1, &id);
	}
	if (rc == 0 && m->s.queued != NULL)
		m->s.queued(m->s.ctx, false);
	return rc;
}

int retain_encode(struct mount *m, struct record *r, struct buf *ret)
{
	struct entropy *e = m->s.entropy;

	e->ops->fill(e, r->salt, RECORD_SALT);
	return record_encode(r, ret);
}

static int queue(struct mount *m, struct record *r)
{
	cleanup(buf) struct buf d = {0};
	int rc = retain_encode(m, r, &d);

	return rc != 0 ? rc : retain_queue(m, r, BUF_BYTES(&d));
}

int retain_thaw(struct mount *m, const char *path, struct thawed *t)
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

void retain_freeze(struct thawed *t)
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
	int rc = fd < 0 ? fd : retain_thaw(m, path, &t);

	if (rc == 0 && utimensat(fd, "", times, AT_EMPTY_PATH) != 0)
		rc = -errno;
	if (fd >= 0)
		retain_freeze(&t);
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
	int rc = retain_find_file(m, path, file);

	if (rc != 0)
		return rc == -ENOENT ? -EBUSY : rc;
	if (!owns(m, path, caller))
		return -EPERM;
	rc = version_pending(m, path);
	if (rc != 0)
		return rc < 0 ? rc : -EBUSY; /* not sealed again yet */
	return retain_state(m, file, state);
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
	if (until < now.until || !in_limits(m, &file, until))
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

/* -- starting -- */

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

	if ((!record_stores(l->kind) && l->kind != RECORD_RETENTION) ||
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
