/* How sealed files go: by their date, or by an order. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "core/fault.h"
#include "core/governance.h"
#include "core/object.h"
#include "fs/inner.h"
#include "fs/mode.h"
#include "fs/retain.h"
#include "fs/retain_inner.h"
#include "fs/versions.h"

#define DELETING "mount.deleting" /* inode (8), H(d) of the record, path */
#define DELETING_HEAD (8 + HASH_LEN)

static struct bytes text(const char *path)
{
	return BYTES(path, strlen(path));
}

/* -- K3 -- */

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

/* 0, -EBUSY. */
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

/* -- K2 -- */

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
	int rc = retain_thaw(m, path, &t);

	if (rc == 0 && unlinkat(at, name, 0) != 0)
		rc = -errno;
	retain_freeze(&t);
	return rc;
}

/* A name that is recorded as gone and cannot be removed is an error that the
 * next start meets again. */
static int remove_recorded(struct mount *m, const struct found *name,
	const struct record *r, struct bytes d, ino_t ino,
	const struct retain_place *p)
{
	int rc = 0;

	if (name->large && m->s.erase != NULL)
		rc = m->s.erase(m->s.ctx, name->id);
	fault_point("delete.begin");
	mount_make_room(m);
	if (rc == 0)
		rc = set_deleting(m, name, ino);
	fault_point("delete.noted");
	if (rc == 0)
		rc = retain_queue(m, r, d);
	fault_point("delete.queued");
	if (rc == 0)
		rc = unlink_name(m, p->path, p->at, p->last);
	fault_point("delete.unlinked");
	return rc != 0 ? rc : end_deleting(m);
}

/* -- who may -- */

static int by_date(struct mount *m, const struct retention *now)
{
	return retention_over(now, retain_chain_ms(m)) ? 0 : -EPERM;
}

static int by_order(struct mount *m, const struct found *name,
	const struct retention *now, const struct record *order)
{
	if (retain_mode(m) != RETENTION_GOVERNANCE ||
		governance_check(m->s.chain, &m->s.anchor, order) != 0)
		return -EPERM;
	if (!hash_equal(&order->about, &name->dh))
		return -ESTALE;
	return now->n_holds > 0 ? -EKEYREJECTED : 0;
}

/* In files/: what was sealed earlier may be another name of it (versions.h). */
static int names_left(struct mount *m, const struct stat *st)
{
	int kept = st->st_nlink < 2 ? 0 :
		versions_count(m->versions, st->st_ino);

	return kept < 0 ? (int)st->st_nlink : (int)st->st_nlink - kept;
}

int retain_remove(struct mount *m, const struct retain_place *p,
	const struct retain_order *order, struct retain_gone *ret)
{
	struct record r = {.kind = RECORD_DELETION, .has_about = true};
	cleanup(buf) struct buf d = {0};
	struct retention now;
	struct stat st;
	FOUND(name);
	FOUND(file);
	int rc;

	if (retain_mode(m) == RETENTION_NONE)
		return -EPERM;
	locked(&m->retain);
	rc = retain_find(m, text(p->path), &name);
	if (rc == 0)
		rc = retain_find_file(m, p->path, &file);
	if (rc == 0)
		rc = retain_state(m, &file, &now);
	if (rc == 0)
		rc = backing_stat(m->files, p->path, &st);
	if (rc != 0)
		return rc == -ENOENT ? -EPERM : rc;
	rc = order == NULL ? by_date(m, &now) :
		by_order(m, &name, &now, &order->r);
	if (rc == 0 && record_stores(name.r.kind) && names_left(m, &st) > 1)
		rc = order == NULL ? -EPERM : -EMLINK; /* K4 */
	if (rc == 0)
		rc = stored(m, &file);
	if (rc == 0)
		rc = stored(m, &name);
	if (rc != 0)
		return rc;
	r.path = name.r.path;
	r.about = name.dh;
	rc = order != NULL ? 0 : retain_encode(m, &r, &d);
	if (rc == 0)
		rc = remove_recorded(m, &name, &r,
			order != NULL ? order->d : BUF_BYTES(&d), st.st_ino, p);
	if (rc == 0)
		*ret = (struct retain_gone){record_stores(name.r.kind) ?
			name.r.size : 0, name.large};
	if (rc == 0)
		room_gone(m, ret->size);
	return rc;
}

int retain_release(struct mount *m, const struct retain_order *order)
{
	char path[NODE_PATH];
	struct retention now;
	FOUND(file);
	size_t i;
	int rc;

	if (order->r.path.n >= sizeof path)
		return -EINVAL;
	memcpy(path, order->r.path.p, order->r.path.n);
	path[order->r.path.n] = '\0';
	if (governance_check(m->s.chain, &m->s.anchor, &order->r) != 0)
		return -EPERM;
	locked(&m->retain);
	rc = retain_find_file(m, path, &file);
	if (rc == 0)
		rc = retain_state(m, &file, &now);
	if (rc != 0)
		return rc;
	for (i = 0; i < now.n_holds; i++)
		if (hash_equal(&now.hold[i].placed, &order->r.about)) {
			/* under the first name, as all that is about it */
			struct record first = {.kind = order->r.kind,
				.path = file.r.path};
			return retain_queue(m, &first, order->d);
		}
	return -ESTALE;
}

/* -- the mode: K5 -- */

enum retention_mode retain_mode(struct mount *m)
{
	return (enum retention_mode)atomic_load(&m->mode);
}

int retain_comply(struct mount *m, const struct retain_order *order)
{
	int rc;

	locked(&m->retain);
	if (retain_mode(m) == RETENTION_COMPLIANCE)
		return 0;
	if (retain_mode(m) == RETENTION_NONE ||
		governance_check(m->s.chain, &m->s.anchor, &order->r) != 0)
		return -EPERM;
	fault_point("comply.begin");
	rc = retain_queue(m, &order->r, order->d);
	fault_point("comply.queued");
	if (rc == 0)
		atomic_store(&m->mode, RETENTION_COMPLIANCE);
	return rc;
}

/* -- starting -- */

static int read_mode(struct mount *m)
{
	enum retention_mode mode = RETENTION_NONE;
	int rc = m->s.chain == NULL ? 0 :
		mode_read(m->s.local, m->s.chain, &m->s.anchor, &mode);

	atomic_store(&m->mode, mode);
	return rc;
}

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

/* The plain file at path, if it is still that one. */
static int end_removal(struct mount *m, const char *path, uint64_t ino)
{
	struct stat st;
	int rc = backing_stat(m->files, path, &st);

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

static int end_cut_off(struct mount *m, struct bytes v)
{
	struct local *l = m->s.local;
	char path[NODE_PATH];
	struct newest n = {0};
	uint64_t ino;
	int rc;

	if (v.n <= DELETING_HEAD || v.n - DELETING_HEAD >= sizeof path)
		return -EBADMSG;
	memcpy(&ino, v.p, sizeof ino);
	memcpy(n.about.b, v.p + sizeof ino, HASH_LEN);
	memcpy(path, v.p + DELETING_HEAD, v.n - DELETING_HEAD);
	path[v.n - DELETING_HEAD] = '\0';
	rc = l->ops->find(l, text(path), see_deletion, &n);
	/* What was not recorded has not happened. */
	return rc != 0 || !n.deleted ? rc : end_removal(m, path, ino);
}

int retain_start(struct mount *m)
{
	struct local *l = m->s.local;
	cleanup(buf) struct buf v = {0};
	int rc = read_mode(m);

	if (rc == 0)
		rc = l->ops->value(l, DELETING, &v);
	if (rc == -ENOENT || (rc == 0 && v.n == 0))
		return 0;
	if (rc == 0)
		rc = end_cut_off(m, BUF_BYTES(&v));
	return rc != 0 ? rc : end_deleting(m);
}
