#include "fs/plain_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/record.h"
#include "fs/hashfile.h"
#include "fs/inside.h"
#include "fs/text.h"
#include "fs/versions.h"

const char *plain_state_text(enum plain_state s)
{
	static const char *const text[] = {
		[PLAIN_GOOD] = "as it was recorded",
		[PLAIN_MISSING] = "missing",
		[PLAIN_DAMAGED] = "not what was recorded",
		[PLAIN_ATTRIBUTES] = ("of another mode, owner or time than was "
			"recorded"),
		[PLAIN_UNREADABLE] = "not to be read",
	};
	return text[s];
}

/* -- one of them */

static bool same_attributes(const struct stat *st, const struct record *d)
{
	return (st->st_mode & 07777) == d->mode &&
		record_mtime(&st->st_mtim) == d->mtime_ns &&
		(!d->has_owner || (st->st_uid == d->uid &&
			st->st_gid == d->gid));
}

/* What could not be opened is missing, something else, or unreadable. */
static int judge_error(int err, enum plain_state *ret)
{
	switch (err) {
	case -ENOENT:
		*ret = PLAIN_MISSING;
		return 0;
	case -ENOTDIR:
	case -ELOOP:
	case -ENXIO:
		*ret = PLAIN_DAMAGED;
		return 0;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return err;
	default:
		*ret = PLAIN_UNREADABLE;
		return 0;
	}
}

/* Of a file that can grow, more may be there; then its attributes are those of
 * the next record. */
static int judge_content(struct ledger *l, int fd, const struct record *d,
	enum plain_state *ret)
{
	cleanup(free) uint8_t *buffer = malloc(HASHFILE_BUFFER);
	struct hash got;
	struct stat st;
	if (buffer == NULL)
		return -ENOMEM;
	if (fstat(fd, &st) != 0)
		return -errno;
	bool grown = d->class == RECORD_CLASS_APPEND &&
		(uint64_t)st.st_size > d->size;
	*ret = PLAIN_DAMAGED;
	if (!S_ISREG(st.st_mode) || ((uint64_t)st.st_size != d->size && !grown))
		return 0;
	int err = hashfile_root(fd, d->size, buffer, &got);
	if (err == -ENOMEM)
		return err;
	if (l->events.read != NULL)
		l->events.read(l->events.ctx, d->size);
	if (err != 0)
		return 0; /* the disk does not give it, or it shrank */
	if (hash_equal(&got, &d->root))
		*ret = grown || same_attributes(&st, d) ? PLAIN_GOOD
							: PLAIN_ATTRIBUTES;
	return 0;
}

static int judge_put(struct ledger *l, int files, const struct record *d,
	enum plain_state *ret)
{
	cleanup(close) int fd = inside_open(files, d->path,
		O_RDONLY | O_NONBLOCK, 0);
	return fd < 0 ? judge_error(fd, ret) : judge_content(l, fd, d, ret);
}

int plain_judge_version(struct checking *c, const struct hash *dh,
	const struct record *d, enum plain_state *ret)
{
	cleanup(close) int fd = versions_read(c->versions, dh);
	if (fd < 0)
		return judge_error(fd, ret);
	int err = judge_content(c->l, fd, d, ret);
	if (err == 0 && *ret == PLAIN_ATTRIBUTES)
		*ret = PLAIN_GOOD;
	return err;
}

static int judge_symlink(int files, const struct record *d,
	enum plain_state *ret)
{
	char target[RECORD_PATH_MAX + 2];
	cleanup(close) int fd = inside_open(files, d->path, O_PATH, 0);
	if (fd < 0)
		return judge_error(fd, ret);
	ssize_t n = readlinkat(fd, "", target, sizeof target);
	*ret = n >= 0 && bytes_equal(BYTES(target, (size_t)n), d->target)
		? PLAIN_GOOD : PLAIN_DAMAGED;
	return 0;
}

static int judge_link(int files, const struct record *d, enum plain_state *ret)
{
	struct stat first, st;
	cleanup(close) int fd = inside_open(files, d->path, O_PATH, 0);
	cleanup(close) int to = inside_open(files, d->target, O_PATH, 0);
	if (fd < 0)
		return judge_error(fd, ret);
	if (fstat(fd, &st) != 0)
		return -errno;
	*ret = to >= 0 && fstat(to, &first) == 0 &&
		first.st_dev == st.st_dev && first.st_ino == st.st_ino
		? PLAIN_GOOD : PLAIN_DAMAGED;
	return 0;
}

/* Is something else on its way to where it was? */
static bool is_kept(const struct checking *c, const struct hash *dh)
{
	struct stat st;
	return versions_stat(c->versions, dh, &st) == 0;
}

static int judge(struct checking *c, const struct record *d, struct bytes raw,
	enum plain_state *ret, bool *ret_kept)
{
	struct hash dh;
	*ret = PLAIN_GOOD;
	*ret_kept = false;
	if (record_seals(d->kind) && d->class == RECORD_CLASS_VERSION) {
		dh = hash_sha3(raw);
		*ret_kept = is_kept(c, &dh);
		if (*ret_kept)
			return d->kind == RECORD_PUT
				? plain_judge_version(c, &dh, d, ret) : 0;
	}
	switch (d->kind) {
	case RECORD_PUT:
	case RECORD_APPEND:
		return judge_put(c->l, c->files, d, ret);
	case RECORD_SYMLINK:
		return judge_symlink(c->files, d, ret);
	case RECORD_LINK:
		return judge_link(c->files, d, ret);
	default:
		return 0; /* folders may go */
	}
}

/* -- all of them */

static int keep(struct plain_list *p, enum plain_state state, bool kept,
	const struct local_record *r)
{
	if (p->n == PLAIN_MAX) {
		p->more = true;
		return 0;
	}
	if (p->n % 256 == 0) {
		struct plain_bad *more = realloc(p->bad,
			(p->n + 256) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		p->bad = more;
	}
	struct plain_bad *b = &p->bad[p->n++];
	*b = (struct plain_bad){.state = state, .kept = kept,
		.final = r->final,
		.height = r->height, .index = r->index};
	int err = buf_copy(r->d, &b->d);
	return err != 0 ? err : buf_copy(r->extents, &b->extents);
}

int plain_note(struct checking *c, enum plain_state state, bool kept,
	const struct local_record *r)
{
	c->list->checked++;
	if (c->l->events.progress != NULL)
		c->l->events.progress(c->l->events.ctx, "plain files",
			c->list->checked, c->total);
	return state == PLAIN_GOOD ? 0 : keep(c->list, state, kept, r);
}

static int check_one(void *ctx, const struct local_record *r)
{
	struct checking *c = ctx;
	struct record d;
	enum plain_state state;
	bool kept;
	if (record_decode(r->d, &d) != 0)
		return 0; /* the block that holds it was judged */
	int err = judge(c, &d, r->d, &state, &kept);
	return err != 0 ? err : plain_note(c, state, kept, r);
}

static void bad_done(struct plain_bad *b)
{
	buf_free(&b->d);
	buf_free(&b->extents);
}

static int is_newest(void *ctx, const struct local_record *r)
{
	const struct plain_bad *b = ctx;
	return bytes_equal(r->d, BUF_BYTES(&b->d)) ? 1 : 2;
}

struct newest_of {
	uint64_t id;
	bool seals;
	struct hash dh;
};

static int see_newest(void *ctx, const struct local_record *r)
{
	*(struct newest_of *)ctx = (struct newest_of){r->id,
		record_seals(r->kind), hash_sha3(r->d)};
	return 0;
}

/* Is it a link of what has gone from its target, and so not sealed any more
 * (X1, X5 of version.h)?  1, 0. */
static int is_loose(struct checking *c, struct local *local,
	const struct record *d)
{
	struct newest_of link, first;
	if (d->kind != RECORD_LINK || d->class != RECORD_CLASS_VERSION)
		return 0;
	int err = local->ops->find(local, d->path, see_newest, &link);
	if (err == 0)
		err = local->ops->find(local, d->target, see_newest, &first);
	if (err != 0)
		return err == -ENOENT ? 0 : err;
	return !first.seals || first.id > link.id || is_kept(c, &first.dh);
}

/* As its newest record says. */
static int judge_newest(struct checking *c, struct local *local,
	struct plain_bad *b, const struct record *d)
{
	int err = is_loose(c, local, d);
	if (err > 0)
		return 0;
	return err != 0 ? err : judge(c, d, BUF_BYTES(&b->d), &b->state,
		&b->kept);
}

/* Still so, and of the newest record or a version? */
static int judge_again(struct checking *c, struct local *local,
	struct plain_bad *b)
{
	struct record d;
	struct hash dh;
	bool was = b->kept;
	b->state = PLAIN_GOOD;
	int err = record_decode(BUF_BYTES(&b->d), &d);
	if (err == 0)
		err = local->ops->find(local, d.path, is_newest, b);
	if (err == 1)
		return judge_newest(c, local, b, &d);
	if (err != 2 || !was)
		return err == 2 ? 0 : err;
	dh = hash_sha3(BUF_BYTES(&b->d));
	return plain_judge_version(c, &dh, &d, &b->state);
}

/* The daemon may have been at work. */
static int look_again(struct checking *c, struct local *local)
{
	struct plain_list *p = c->list;
	size_t n = 0, i;
	int err = 0;
	for (i = 0; i < p->n && err == 0; i++) {
		struct plain_bad *b = &p->bad[i];
		err = judge_again(c, local, b);
		if (err == 0 && b->state != PLAIN_GOOD)
			p->bad[n++] = *b;
		else
			bad_done(b);
	}
	for (; i < p->n; i++)
		bad_done(&p->bad[i]);
	p->n = n;
	return err;
}

int plain_check(struct ledger *l, struct local *local, const char *files_dir,
	const char *versions_dir, struct plain_list *ret)
{
	struct plain_list p = {0};
	struct local_counts n;
	cleanup(close) int files = open(files_dir,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (files < 0)
		return -errno;
	cleanup(close) int versions = open(versions_dir,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = local->ops->counts(local, &n);
	struct checking c = {l, files, versions, 0, &p};
	if (err == 0) {
		c.total = n.final_records + n.queued_records;
		err = local->ops->below(local, BYTES("", 0), false, check_one,
			&c);
	}
	if (err == 0)
		err = plain_past(&c, local);
	if (err == 0)
		err = look_again(&c, local);
	if (err != 0)
		plain_done(&p);
	else
		*ret = p;
	return err;
}

void plain_done(struct plain_list *p)
{
	for (size_t i = 0; i < p->n; i++)
		bad_done(&p->bad[i]);
	free(p->bad);
	*p = (struct plain_list){0};
}

/* "files/PATH" or "versions/HH/HEX, once PATH,". */
static char *place_of(const struct plain_bad *b, const struct record *d)
{
	char name[VERSIONS_NAME];
	if (!b->kept)
		return text_of("files/%.*s", (int)d->path.n,
			(const char *)d->path.p);
	const struct hash dh = hash_sha3(BUF_BYTES(&b->d));
	versions_name(&dh, name);
	return text_of("versions/%s, once %.*s,", name, (int)d->path.n,
		(const char *)d->path.p);
}

void plain_find(struct ledger *l, const struct plain_bad *b)
{
	struct record d;
	if (record_decode(BUF_BYTES(&b->d), &d) != 0)
		return;
	cleanup(free) char *place = place_of(b, &d);
	ledger_find(l, b->state == PLAIN_UNREADABLE ? LEDGER_INCOMPLETE
		: LEDGER_WRONG, "%s is %s%s", place == NULL ? "a plain file"
		: place, plain_state_text(b->state),
		b->final ? "" : ", and it was not in the buckets yet");
}
