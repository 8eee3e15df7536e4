#include "fs/version.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "core/fault.h"
#include "core/hash.h"
#include "fs/versions.h"

#define ASKED_S 1	/* a large file takes longer, and is then not sealed */
#define MUCH ((uint64_t)1 << 20) /* bytes that are not left to settle */

static struct bytes text(const char *path)
{
	return BYTES(path, strlen(path));
}

/* -- what is sealed -- */

static enum rules_class class_of(const struct record *r)
{
	static const enum rules_class classes[] = {
		[RECORD_CLASS_SEAL] = CLASS_SEAL,
		[RECORD_CLASS_VERSION] = CLASS_VERSION,
		[RECORD_CLASS_APPEND] = CLASS_APPEND,
	};

	return classes[r->class];
}

static int is_kept(struct mount *m, const struct hash *dh)
{
	struct stat st;
	int rc = versions_stat(m->versions, dh, &st);

	return rc == 0 ? 1 : rc == -ENOENT ? 0 : rc;
}

int version_kept(struct mount *m, const struct found *f)
{
	int rc = is_kept(m, &f->dh);
	FOUND(file);

	if (rc != 0 || f->r.kind != RECORD_LINK)
		return rc;
	rc = retain_find(m, f->r.target, &file);
	/* It has gone, and another may have come: this one is a link no more. */
	if (rc == -ENOENT || (rc == 0 && file.id > f->id))
		return 1;
	return rc != 0 ? rc : is_kept(m, &file.dh);
}

int version_pending(struct mount *m, const char *path)
{
	FOUND(f);
	int rc = retain_find(m, text(path), &f);

	if (rc != 0)
		return rc == -ENOENT || rc == -EBADMSG ? 0 : rc;
	return f.r.class == RECORD_CLASS_VERSION ?
		version_kept(m, &f) : 0;
}

static int64_t mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int version_look(struct mount *m, const char *path, const struct stat *st,
	struct version_seal *ret)
{
	FOUND(f);
	int rc = retain_find(m, text(path), &f);

	*ret = (struct version_seal){.sealed = rc == 0};
	if (rc == -EBADMSG)
		ret->sealed = true; /* not understood: it gives no freedom */
	if (rc != 0)
		return rc == -ENOENT || rc == -EBADMSG ? 0 : rc;
	ret->class = class_of(&f.r);
	ret->stores = record_stores(f.r.kind);
	if (ret->class == CLASS_APPEND && S_ISREG(st->st_mode)) {
		ret->floor = f.r.size;
		ret->sealed = (uint64_t)st->st_size <= f.r.size &&
			mtime_ns(st) == f.r.mtime_ns;
	}
	if (ret->class != CLASS_VERSION)
		return 0;
	rc = version_kept(m, &f);
	ret->sealed = rc == 0;
	return rc < 0 ? rc : 0;
}

void version_await(struct mount *m, struct node *n)
{
	if (n->item.state != ST_SEALING || n->item.class == CLASS_SEAL)
		return;
	if (!n->committing)
		settle_cancel(&m->nodes.settle, &n->item);
	while (n->committing)
		pthread_cond_wait(&m->sealed, &m->lock);
}

static bool is_asked(const struct item *i, bool keeping)
{
	return i->state == ST_SEALING &&
		(keeping || (i->asked && i->class != CLASS_SEAL));
}

/* Lock held: the node, or anything below it. */
static bool any_asked(struct mount *m, const struct node *n, bool keeping)
{
	struct item *i;

	if (n->type != NODE_FOLDER)
		return is_asked(&n->item, keeping);
	for (i = m->nodes.settle.pending; i != NULL; i = i->next)
		if (is_asked(i, false) && node_below(node_of_item(i), n))
			return true;
	return false;
}

/* Lock held. */
static void await_asked(struct mount *m, const struct node *n, bool keeping)
{
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += ASKED_S;
	while (any_asked(m, n, keeping))
		if (pthread_cond_clockwait(&m->sealed, &m->lock,
				CLOCK_MONOTONIC, &end) != 0)
			return;
}

void version_await_asked(struct mount *m, struct node *n, bool keeping)
{
	locked(&m->lock);
	if (n->type != NODE_FOLDER) /* its own attributes are its own */
		await_asked(m, n, keeping);
}

void version_await_name(struct mount *m, struct node *folder, const char *text)
{
	struct name *name;
	struct node *n;

	locked(&m->lock);
	name = node_find(&m->nodes, folder, text);
	if (name == NULL)
		return;
	n = name->node;
	n->refs++;
	await_asked(m, n, false);
	n->refs--;
	node_put(&m->nodes, n);
}

bool version_sealed(struct mount *m, struct node *n)
{
	if (inode_resolve(m, n) != 0)
		return false;
	locked(&m->lock);
	return version_may_change(n);
}

/* -- X1 -- */

static int keep_as(struct mount *m, const struct hash *dh, int fd)
{
	struct stat st;
	int rc = versions_keep(m->versions, dh, fd);

	if (rc > 0 && fstat(fd, &st) == 0)
		keptlinks_add(&m->keptlinks, st.st_ino);
	return rc < 0 ? rc : 0;
}

/* A shorter record of a file that has grown needs its bytes until the buckets
 * have them. */
struct keeping_past {
	struct mount *m;
	int fd, rc;
};

static int keep_past(void *ctx, const struct local_record *l)
{
	struct keeping_past *k = ctx;
	struct hash dh = hash_sha3(l->d);

	if (record_stores(l->kind) && !l->final)
		k->rc = keep_as(k->m, &dh, k->fd);
	return k->rc != 0;
}

/* What is at path, as what f has sealed. */
static int keep(struct mount *m, const char *path, const struct found *f)
{
	struct local *l = m->s.local;
	struct keeping_past k = {.m = m};
	int rc;

	cleanup(close) int fd = backing_open(m->files, path, O_PATH);
	if (fd < 0)
		return fd;
	fault_point("version.keep");
	atomic_store(&m->past, true);
	k.fd = fd;
	rc = f->r.class != RECORD_CLASS_APPEND ? 0 :
		l->ops->past(l, f->r.path, keep_past, &k);
	if (rc == 0 || k.rc != 0)
		rc = k.rc;
	if (rc == 0)
		rc = keep_as(m, &f->dh, fd);
	fault_point("version.kept");
	return rc;
}

/* What is at path, as what the file has sealed that link is of. */
static int keep_first(struct mount *m, const char *path,
	const struct found *link)
{
	FOUND(file);
	int rc = retain_find(m, link->r.target, &file);

	return rc != 0 ? rc : keep(m, path, &file);
}

/* X2 */
static int bury(struct mount *m, const struct found *f,
	const struct version_name *v)
{
	cleanup(buf) struct buf d = {0};
	struct record r = {.kind = RECORD_TOMBSTONE, .path = f->r.path,
		.change = v->change, .has_about = true, .about = f->dh};
	int rc;

	if (v->target != NULL)
		r.target = text(v->target);
	rc = retain_encode(m, &r, &d);
	if (rc == 0)
		rc = retain_queue(m, &r, BUF_BYTES(&d));
	fault_point("version.buried");
	return rc;
}

static int may_leave(const struct found *f, const struct version_name *v)
{
	if (f->r.class == RECORD_CLASS_APPEND)
		return v->change == RECORD_RENAMED && record_stores(f->r.kind)
			&& v->names == 1 ? 0 : -EPERM;
	if (f->r.class != RECORD_CLASS_VERSION)
		return -EPERM;
	if (f->r.kind != RECORD_LINK && v->names > 1 && v->spare)
		return -EPERM; /* the file would have no sealed name */
	return 0;
}

int version_may_leave(struct mount *m, const struct version_name *v)
{
	FOUND(f);
	int rc = retain_find(m, text(v->path), &f);

	if (rc == 0)
		rc = may_leave(&f, v);
	else
		return rc == -ENOENT ? 0 : rc;
	return rc == 0 ? 1 : rc;
}

int version_leave(struct mount *m, const struct version_name *v,
	struct thawed *ret, bool *ret_first)
{
	FOUND(f);
	int rc;

	*ret = (struct thawed){.fd = -1};
	*ret_first = false;
	locked(&m->retain);
	rc = retain_find(m, text(v->path), &f);
	if (rc == -ENOENT)
		return 0; /* it was never sealed */
	if (rc == 0)
		rc = may_leave(&f, v);
	if (rc == 0)
		rc = version_kept(m, &f);
	if (rc == 0) {
		rc = retain_thaw(m, v->path, ret);
		if (rc == 0 && v->moves && f.r.kind == RECORD_LINK)
			rc = keep_first(m, v->path, &f);
		if (rc == 0)
			rc = keep(m, v->path, &f);
	}
	if (rc >= 0)
		rc = v->change == RECORD_REMOVED ||
			v->change == RECORD_RENAMED ? bury(m, &f, v) : 0;
	if (rc != 0) {
		retain_freeze(ret);
		*ret = (struct thawed){.fd = -1};
	}
	*ret_first = rc == 0 && f.r.kind != RECORD_LINK && v->names > 1;
	return rc;
}

/* -- sealed no more -- */

/* Lock held.  For room.h its bytes are not sealed ones from now on, but for
 * those of a log that stay so. */
static void count_room(struct mount *m, struct node *n, uint64_t size,
	uint64_t stay)
{
	if (n->type != NODE_FILE)
		return;
	room_gone(m, size - stay);
	n->end = size;
	n->written = size - stay;
}

/* Lock held. */
static void unsealed(struct mount *m, struct node *n, uint64_t size,
	enum rules_class class)
{
	struct name *name;

	n->item.empty = n->type == NODE_FILE && size == 0;
	for (name = n->names; name != NULL; name = name->node_next)
		name->recorded = false;
	n->keeps = false; /* until it is sealed again */
	if (n->item.class == CLASS_VERSION)
		version_shares(n);
	settle_unseal(&m->nodes.settle, &n->item, class, mount_now(m));
}

void version_moved(struct mount *m, struct node *n)
{
	enum rules_class class;
	struct stat st = {0};

	(void)inode_stat(m, n, &st);
	locked(&m->lock);
	if (n->names == NULL)
		return;
	n->grows = false;
	class = node_class(&m->nodes, n);
	n->rewritten = false;
	if (n->floor > 0) { /* what was sealed of it is a version */
		n->item.part = n->stands = false;
		n->item.grown = true;
		n->shared = true;
		room_gone(m, n->floor);
		n->written += n->floor;
	} else if (n->item.state == ST_SEALED) {
		count_room(m, n, (uint64_t)st.st_size, 0);
	}
	if (n->item.state == ST_SEALED)
		unsealed(m, n, (uint64_t)st.st_size, class);
	else
		settle_renamed(&m->nodes.settle, &n->item, class, mount_now(m));
	if (n->floor > 0)
		(void)settle_ask(&m->nodes.settle, &n->item, mount_now(m));
}

/* What was sealed at the file's own, first name. */
static int keep_file(struct mount *m, const char *path, struct thawed *t)
{
	FOUND(f);
	int rc = retain_find_file(m, path, &f);

	if (rc == 0 && f.r.class != RECORD_CLASS_VERSION)
		rc = -EPERM;
	if (rc == 0)
		rc = retain_thaw(m, path, t);
	if (rc == 0)
		rc = keep(m, path, &f);
	if (rc != 0)
		retain_freeze(t);
	return rc;
}

int version_unseal(struct mount *m, struct node *n)
{
	struct thawed t = {.fd = -1};
	enum rules_class was, class = CLASS_SEAL;
	char path[NODE_PATH];
	struct stat st;
	int rc;

	locked(&m->retain);
	{
		locked(&m->lock);
		version_await(m, n);
		if (n->item.state != ST_SEALED)
			return 0;
		was = n->item.class;
		rc = node_path(&m->nodes, n, path);
		if (rc >= 0)
			class = node_class(&m->nodes, n);
	}
	if (rc < 0 || was == CLASS_SEAL || class > was)
		return -EPERM;
	rc = backing_stat(m->files, path, &st);
	if (rc == 0)
		rc = was == CLASS_APPEND ? retain_thaw(m, path, &t) :
			keep_file(m, path, &t);
	if (rc != 0)
		return rc;
	t.flag = false; /* it is not immutable any more */
	retain_freeze(&t);
	locked(&m->lock);
	n->rewritten = true;
	count_room(m, n, (uint64_t)st.st_size,
		was == CLASS_APPEND ? (uint64_t)st.st_size : 0);
	unsealed(m, n, (uint64_t)st.st_size, class);
	return 0;
}

/* -- content -- */

int version_part(struct mount *m, struct node *n, int fd)
{
	char name[BACKING_NAME];
	struct stat st;
	int rc;

	{
		locked(&m->lock);
		if (!n->shared)
			return 0;
	}
	locked(&m->parting);
	backing_name(fd, name);
	cleanup(close) int from = open(name, O_RDONLY | O_CLOEXEC | O_NOATIME);
	if (from < 0)
		return -errno;
	fault_point("version.part");
	rc = versions_part(m->versions, from, atomic_load(&m->immutable));
	fault_point("version.parted");
	if (rc < 0)
		return rc;
	if (rc > 0 && fstat(from, &st) == 0) {
		room_sealed(m, (uint64_t)st.st_size);
		keptlinks_forget(&m->keptlinks, st.st_ino);
	}
	locked(&m->lock);
	n->shared = n->whole = false;
	return 0;
}

int version_write(struct mount *m, struct handle *h, uint64_t off)
{
	struct node *n = h->node;
	bool grows, part;
	struct stat st;
	int rc;

	{
		locked(&m->lock);
		if (off < n->floor)
			return -EPERM; /* X4 */
		grows = n->item.class == CLASS_APPEND;
		/* a log goes on in the file that its versions are, too */
		part = n->shared && (!h->adds || n->floor == 0 || n->whole);
	}
	rc = part ? version_part(m, n, h->fd) : 0;
	if (rc != 0 || !h->adds)
		return rc != 0 ? rc : grows;
	/* The descriptor appends, wherever a shared mapping would have it. */
	return fstat(h->fd, &st) != 0 || off < (uint64_t)st.st_size ?
		-EPERM : grows;
}

void version_wrote(struct mount *m, struct handle *h)
{
	struct node *n = h->node;
	struct stat st;

	if (fstat(h->fd, &st) != 0)
		return;
	locked(&m->lock);
	if (n->item.class == CLASS_APPEND && (uint64_t)st.st_size > n->floor)
		settle_grow(&m->nodes.settle, &n->item, mount_now(m),
			(uint64_t)st.st_size - n->floor >= MUCH);
}
