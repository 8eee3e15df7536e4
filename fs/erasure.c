#include "fs/erasure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/object.h"

#define VALUE "erase"		/* ids, 8 bytes each, in this machine's order */
#define OWED_MAX 4096		/* records */

/* -- what is owed -- */

static int read_owed(struct erasure *e, struct buf *ret)
{
	int rc = e->local->ops->value(e->local, VALUE, ret);
	if (rc == 0 && ret->n % sizeof(uint64_t) != 0)
		rc = -EBADMSG;
	return rc == -ENOENT ? 0 : rc;
}

static uint64_t id_at(const struct buf *owed, size_t i)
{
	uint64_t id;
	memcpy(&id, owed->p + i * sizeof id, sizeof id);
	return id;
}

int erasure_owe(struct erasure *e, uint64_t id)
{
	cleanup(buf) struct buf owed = {0};
	locked(&e->lock);
	int rc = read_owed(e, &owed);
	if (rc == 0 && owed.n >= OWED_MAX * sizeof id)
		rc = -ENOSPC;
	if (rc == 0)
		rc = buf_add(&owed, &id, sizeof id);
	if (rc == 0)
		rc = e->local->ops->set_value(e->local, VALUE,
			BUF_BYTES(&owed));
	if (rc == 0)
		atomic_store(&e->owed, true);
	return rc;
}

/* Others may have been added meanwhile. */
static int forget(struct erasure *e, uint64_t id)
{
	cleanup(buf) struct buf owed = {0};
	size_t n = 0;
	locked(&e->lock);
	int rc = read_owed(e, &owed);
	for (size_t i = 0; rc == 0 && i < owed.n / sizeof id; i++)
		if (id_at(&owed, i) != id)
			memmove(owed.p + n++ * sizeof id,
				owed.p + i * sizeof id, sizeof id);
	owed.n = n * sizeof id;
	return rc != 0 ? rc : e->local->ops->set_value(e->local, VALUE,
		BUF_BYTES(&owed));
}

/* -- the record, and whether it is deleted -- */

struct file {
	uint64_t id;
	struct buf path, tops;
	struct hash dh;
	int rc;
};

static void cleanup_file(struct file *f)
{
	buf_free(&f->path);
	buf_free(&f->tops);
}

static int see_file(void *ctx, const struct local_record *r)
{
	struct file *f = ctx;
	f->id = r->id;
	f->dh = hash_sha3(r->d);
	f->rc = buf_copy(r->path, &f->path);
	if (f->rc == 0)
		f->rc = buf_copy(r->extents, &f->tops);
	return 0;
}

enum fate { STAYS, GOING, GONE };

struct newest {
	const struct file *f;
	enum fate fate;
};

/* Whatever follows the file under its path does so after its deletion, in the
 * chain too. */
static int see_newest(void *ctx, const struct local_record *r)
{
	struct newest *n = ctx;
	n->fate = r->id == n->f->id ? STAYS : r->final ? GONE : GOING;
	return 0;
}

static int fate_of(struct erasure *e, const struct file *f, enum fate *ret)
{
	struct newest n = {.f = f};
	int rc = e->local->ops->find(e->local, BUF_BYTES(&f->path),
		see_newest, &n);
	if (rc == 0)
		*ret = n.fate;
	return rc;
}

static int take_file(struct erasure *e, uint64_t id, struct file *f,
	enum fate *ret)
{
	int rc = e->local->ops->record(e->local, id, see_file, f);
	if (rc == 0)
		rc = f->rc;
	return rc != 0 ? rc : fate_of(e, f, ret);
}

/* -- E3 -- */

struct sharing {
	const struct file *f;
	const uint8_t *top;
	struct file other;	/* that has the extent too */
	uint64_t after;		/* looked at up to this id */
};

static int has_extent(void *ctx, const struct local_record *r)
{
	struct sharing *s = ctx;
	if (r->id == s->f->id || r->id <= s->after)
		return 0;
	for (size_t i = 0; i < r->extents.n; i += HASH_LEN)
		if (memcmp(r->extents.p + i, s->top, HASH_LEN) == 0) {
			see_file(&s->other, r);
			return 1;
		}
	return 0;
}

static int see_deletion(void *ctx, const struct local_record *r)
{
	struct file *f = ctx;
	struct record d;
	/* Only its own deletion counts: else it may be an older version. */
	f->rc = r->kind == RECORD_DELETION && record_decode(r->d, &d) == 0 &&
		hash_equal(&d.about, &f->dh);
	return 0;
}

/* 1, with the id of one that has it; 0; or negative. */
static int shared(struct erasure *e, const struct file *f, const uint8_t *top,
	uint64_t *ret_id)
{
	struct local *l = e->local;
	struct sharing s = {.f = f, .top = top};
	int rc;
	while ((rc = l->ops->large(l, has_extent, &s)) == 1) {
		cleanup(file) struct file other = s.other;
		s.other = (struct file){0};
		if (other.rc != 0)
			return other.rc;
		s.after = other.id;
		rc = l->ops->find(l, BUF_BYTES(&other.path), see_deletion,
			&other);
		if (rc != 0)
			return rc;
		if (other.rc == 0) {
			*ret_id = other.id;
			return 1;
		}
	}
	return rc;
}

/* -- buckets -- */

static int erase_key(struct erasure *e, const char *name)
{
	char key[WORM_KEY_MAX + 1];
	int rc, worst = 0;
	snprintf(key, sizeof key, "%s/%s", e->prefix, name);
	for (unsigned i = 0; i < e->n; i++) {
		rc = e->bucket[i]->ops->erase(e->bucket[i], key);
		fault_point("erase.bucket");
		if (rc != 0 && rc != -ENOENT)
			worst = rc;
	}
	return worst;
}

static int erase_extent(struct erasure *e, const struct file *f, size_t at)
{
	struct local *l = e->local;
	char key[OBJECT_KEY_MAX];
	struct hash top;
	uint64_t other;
	memcpy(top.b, f->tops.p + at, HASH_LEN);
	object_key_extent(&top, key);
	int rc = shared(e, f, top.b, &other);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = erase_key(e, key);
	/* A file that came meanwhile found it there: it is put again. */
	if (rc == 0 && (rc = shared(e, f, top.b, &other)) == 1)
		rc = l->ops->set_lag(l, key, (UINT32_C(1) << e->n) - 1, other);
	return rc;
}

/* Extents of zeros follow one another, and are one object. */
static bool same_as_before(const struct buf *tops, size_t at)
{
	return at > 0 && memcmp(tops->p + at - HASH_LEN, tops->p + at,
		HASH_LEN) == 0;
}

static int erase_file(struct erasure *e, uint64_t id)
{
	cleanup(file) struct file f = {0};
	enum fate fate = STAYS;
	int rc = take_file(e, id, &f, &fate);
	if (rc != 0)
		return rc;
	if (fate != GONE)
		return -EAGAIN;
	for (size_t at = 0; rc == 0 && at < f.tops.n; at += HASH_LEN)
		if (!same_as_before(&f.tops, at))
			rc = erase_extent(e, &f, at);
	fault_point("erase.erased");
	return rc != 0 ? rc : forget(e, id);
}

int erasure_work(struct erasure *e)
{
	cleanup(buf) struct buf owed = {0};
	int rc, worst = 0;
	if (!atomic_exchange(&e->owed, false))
		return 0;
	{
		locked(&e->lock);
		rc = read_owed(e, &owed);
	}
	for (size_t i = 0; rc == 0 && i < owed.n / sizeof(uint64_t); i++) {
		int one = erase_file(e, id_at(&owed, i));
		if (one != 0)
			atomic_store(&e->owed, true);
		if (one != 0 && one != -EAGAIN)
			worst = one;
	}
	return rc != 0 ? rc : worst;
}

/* -- start -- */

static int forget_what_stayed(struct erasure *e, const struct buf *owed)
{
	int rc = 0;
	for (size_t i = 0; rc == 0 && i < owed->n / sizeof(uint64_t); i++) {
		cleanup(file) struct file f = {0};
		enum fate fate = STAYS;
		rc = take_file(e, id_at(owed, i), &f, &fate);
		if (rc == -ENOENT || (rc == 0 && fate == STAYS))
			rc = forget(e, id_at(owed, i));
	}
	return rc;
}

int erasure_init(struct erasure *e, struct local *local,
	struct worm *const *bucket, unsigned n, const struct hash *chain)
{
	cleanup(buf) struct buf owed = {0};
	*e = (struct erasure){.local = local, .bucket = bucket, .n = n};
	hex_encode(HASH_BYTES(chain), e->prefix);
	pthread_mutex_init(&e->lock, NULL);
	int rc = read_owed(e, &owed);
	if (rc == 0)
		rc = forget_what_stayed(e, &owed);
	atomic_store(&e->owed, owed.n > 0);
	return rc;
}

void erasure_done(struct erasure *e)
{
	if (e->local != NULL)
		pthread_mutex_destroy(&e->lock);
	e->local = NULL;
}
