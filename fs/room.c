#include "fs/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "fs/inner.h"

#define GRANT ((int64_t)64 << 20)	/* bytes at most at a time */
#define GRANT_PART 8			/* and at most so much of what is left */

void room_init(struct room *r)
{
	pthread_mutex_init(&r->lock, NULL);
	pthread_mutex_init(&r->hollow_lock, NULL);
	atomic_init(&r->granted, 0);
	atomic_init(&r->sealed, 0);
}

void room_done(struct room *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_mutex_destroy(&r->hollow_lock);
	free(r->hollow);
}

/* -- what is owed -- */

void room_queued(struct mount *m, uint64_t id, struct bytes extents)
{
	struct room *r = &m->room;
	struct hash zeros = chunktree_zeros(EXTENT_SIZE);
	struct hollow h = {.id = id}, *p;
	size_t i;

	for (i = 0; i + HASH_LEN <= extents.n; i += HASH_LEN)
		if (memcmp(extents.p + i, zeros.b, HASH_LEN) == 0)
			h.bytes += EXTENT_SIZE;
	if (h.bytes == 0)
		return;
	locked(&r->hollow_lock);
	if (r->n == r->cap) {
		p = reallocarray(r->hollow, r->cap + 16, sizeof(*p));
		if (p == NULL)
			return; /* it is counted, then */
		r->hollow = p;
		r->cap += 16;
	}
	r->hollow[r->n++] = h;
}

static int seen(void *ctx, const struct local_record *r)
{
	if (r->extents.n > 0)
		room_queued(ctx, r->id, r->extents);
	return 0;
}

int room_start(struct mount *m)
{
	struct local *l = m->s.local;
	struct local_counts c;
	uint64_t tip = 0, h;
	int rc = l->ops->counts(l, &c);

	if (rc == 0)
		rc = l->ops->queued(l, false, 0, seen, m);
	if (rc == 0)
		rc = l->ops->queued(l, true, 0, seen, m);
	if (rc == 0)
		rc = l->ops->tip(l, LOCAL_BATCHED, &tip);
	if (rc == -ENOENT)
		return 0; /* no block is there yet */
	for (h = c.height + 1; rc == 0 && h <= tip; h++)
		rc = l->ops->records(l, h, seen, m);
	return rc;
}

static int look_final(void *ctx, const struct local_record *r)
{
	*(bool *)ctx = r->final;
	return 0;
}

/* Of those that are not final; the others are forgotten. */
static int hollow_bytes(struct mount *m, uint64_t *ret)
{
	struct room *r = &m->room;
	struct local *l = m->s.local;
	size_t i, left = 0;
	bool final = false;
	int rc = 0;

	locked(&r->hollow_lock);
	*ret = 0;
	for (i = 0; i < r->n; i++) {
		if (rc == 0)
			rc = l->ops->record(l, r->hollow[i].id, look_final,
				&final);
		if (rc == 0 && final)
			continue;
		*ret += r->hollow[i].bytes;
		r->hollow[left++] = r->hollow[i];
	}
	r->n = left;
	return rc;
}

int room_owed(struct mount *m, uint64_t *ret)
{
	struct local_counts c;
	uint64_t hollow = 0;
	bool held = mount_count_begin(m);
	/* first: what becomes final meanwhile is then counted too low, once */
	int rc = hollow_bytes(m, &hollow);

	if (rc == 0)
		rc = m->s.local->ops->counts(m->s.local, &c);
	mount_count_end(m, held);
	if (rc == 0)
		*ret = c.queued_bytes > hollow ? c.queued_bytes - hollow : 0;
	return rc;
}

/* What unsealed files were written: of all, and of those that will be sealed. */
struct unsealed {
	int64_t all, owed;
};

static struct unsealed look_at_files(struct mount *m)
{
	struct unsealed u = {0};
	const struct item *i;
	int64_t n;

	locked(&m->lock);
	for (i = m->nodes.settle.pending; i != NULL; i = i->next) {
		n = (int64_t)node_of_item((struct item *)(uintptr_t)i)->written;
		u.all += n;
		if (i->state != ST_SCRATCH)
			u.owed += n;
	}
	return u;
}

/* Bytes in the buckets on this disk for n bytes of a file. */
static int64_t in_buckets(const struct mount *m, int64_t n)
{
	return m->s.shares_k == 0 ? 0 :
		n / (int64_t)m->s.shares_k * (int64_t)m->s.shares_here;
}

/* Bytes of files that have room on the disk with their shares. */
static int64_t fit(const struct mount *m, int64_t n)
{
	return n <= 0 || m->s.shares_k == 0 ? n :
		n / (int64_t)(m->s.shares_k + m->s.shares_here) *
		(int64_t)m->s.shares_k;
}

struct left {
	int64_t disk, quota;	/* bytes; less than none: negative */
};

static int look(struct mount *m, struct statvfs *v, struct left *ret)
{
	uint64_t quota = config_now(&m->s.config->quota);
	struct unsealed u = look_at_files(m);
	uint64_t owed = 0;
	int rc = room_owed(m, &owed);

	if (rc == 0 && fstatvfs(m->files, v) != 0)
		rc = -errno;
	if (rc != 0)
		return rc;
	ret->disk = (int64_t)(v->f_bavail * v->f_frsize) - ROOM_KEPT -
		in_buckets(m, u.owed + (int64_t)owed);
	ret->quota = quota == 0 ? INT64_MAX : (int64_t)quota - u.all -
		(int64_t)atomic_load(&m->room.sealed);
	return 0;
}

/* ahead: bytes that look() does not know of yet; coming: those not on the disk
 * yet. */
static int take(struct mount *m, int64_t ahead, int64_t coming)
{
	struct statvfs v;
	struct left l;
	int64_t more;
	int rc;

	if (atomic_fetch_sub(&m->room.granted, coming) >= coming)
		return 0;
	locked(&m->room.lock);
	atomic_store(&m->room.granted, 0);
	rc = look(m, &v, &l);
	if (rc != 0)
		return 0; /* the write itself will tell */
	l.disk -= coming + in_buckets(m, ahead);
	if (l.quota != INT64_MAX)
		l.quota -= ahead;
	if (l.quota < 0)
		return -EDQUOT;
	if (l.disk < 0)
		return -ENOSPC;
	more = fit(m, l.disk);
	more = (more < l.quota ? more : l.quota) / GRANT_PART;
	atomic_store(&m->room.granted, more < GRANT ? more : GRANT);
	return 0;
}

/* Bytes below its end that are not on the disk; lock held.  Of a log that is
 * sealed in part `written` is the rest. */
static uint64_t holes(const struct node *file)
{
	return file->floor > 0 || file->written > file->end ? 0 :
		file->end - file->written;
}

int room_write(struct mount *m, struct node *file, uint64_t off, uint64_t n)
{
	uint64_t end = off + n, before, grows, inside;
	int rc;

	{
		locked(&m->lock);
		before = file->end;
		grows = end <= before ? 0 : end - before < n ? end - before : n;
		inside = n - grows;
		grows += inside < holes(file) ? inside : holes(file);
		if (grows == 0)
			return 0;
		file->end = end > before ? end : before;
		file->written += grows;
	}
	rc = take(m, 0, (int64_t)grows);
	if (rc == 0)
		return 0;
	locked(&m->lock);
	file->written -= grows < file->written ? grows : file->written;
	if (file->end == end)
		file->end = before;
	return rc;
}

void room_look(struct mount *m, struct node *file, int fd)
{
	struct stat st;
	uint64_t n;

	if (fstat(fd, &st) != 0)
		return;
	n = (uint64_t)st.st_blocks * 512;
	locked(&m->lock);
	if (file->floor == 0)
		file->written = n < file->end ? n : file->end;
}

void room_wrote(struct mount *m, struct node *file, int fd)
{
	{
		locked(&m->lock);
		if (holes(file) == 0)
			return;
	}
	room_look(m, file, fd);
}

int room_name(struct mount *m)
{
	return take(m, ROOM_NAME, ROOM_NAME);
}

void room_cut(struct node *file, uint64_t size)
{
	file->length = size;
	if (size < file->end)
		file->end = size;
	if (size < file->written)
		file->written = size;
}

void room_sealed(struct mount *m, uint64_t size)
{
	atomic_fetch_add(&m->room.sealed, size);
}

void room_gone(struct mount *m, uint64_t size)
{
	atomic_fetch_sub(&m->room.sealed, size);
}

void room_statfs(struct mount *m, struct statvfs *v)
{
	uint64_t quota = config_now(&m->s.config->quota);
	struct left l;
	int64_t can;

	if (look(m, v, &l) != 0)
		return;
	can = fit(m, l.disk);
	if (quota != 0) {
		v->f_blocks = quota / v->f_frsize;
		v->f_bfree = l.quota > 0 ? (uint64_t)l.quota / v->f_frsize : 0;
		can = can < l.quota ? can : l.quota;
	}
	v->f_bavail = can > 0 ? (uint64_t)can / v->f_frsize : 0;
}
