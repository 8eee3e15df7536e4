/* Extents of large files -> buckets, before the file's record is batched. */
#include <errno.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/notary_impl.h"

int notary_from(const struct local_record *r, uint64_t *ret)
{
	struct record d;
	int rc;

	*ret = 0;
	if (r->kind != RECORD_APPEND)
		return 0;
	rc = record_decode(r->d, &d);
	if (rc == 0)
		*ret = d.from;
	return rc;
}

int notary_large(const struct local_record *r, struct large *ret)
{
	int rc = buf_copy(r->path, &ret->text);

	if (rc == 0)
		rc = buf_copy(r->extents, &ret->tops);
	if (rc == 0)
		rc = notary_from(r, &ret->from);
	ret->id = r->id;
	ret->size = r->size;
	ret->name = (struct content_name){BUF_BYTES(&ret->text),
		hash_sha3(r->d)};
	return rc;
}

static int take_large(void *ctx, const struct local_record *r)
{
	int rc = notary_large(r, ctx);

	return rc < 0 ? rc : 1;
}

static int next_large(struct notary *n, struct large *ret)
{
	struct local *l = n->s.local;
	int rc = l->ops->queued(l, false, n->extent_skip, take_large, ret);

	if (rc == 0 && n->extent_skip > 0) {
		n->extent_skip = 0; /* those that failed get another turn */
		rc = l->ops->queued(l, false, 0, take_large, ret);
	}
	return rc;
}

int notary_put_extent(struct notary *n, const struct large *f, size_t i,
	int *ret_content)
{
	struct replica *r = n->s.replica;
	uint64_t off = i * EXTENT_SIZE;
	struct slice slice = {.content = n->s.content, .name = f->name,
		.off = f->from + off};
	struct extent_meta m = {.length = f->size - off};
	struct source source = slice_source(&slice);
	cleanup(buf) struct buf meta = {0};
	struct replica_report report = {0};
	char key[OBJECT_KEY_MAX];
	int rc;

	if (m.length > EXTENT_SIZE)
		m.length = EXTENT_SIZE;
	memcpy(m.top.b, f->tops.p + i * HASH_LEN, HASH_LEN);
	rc = extent_meta_encode(&m, &meta);
	if (rc < 0)
		return rc;
	object_key_extent(&m.top, key);
	rc = r->ops->put_coded(r, key, BUF_BYTES(&meta), m.length, &source,
		&report);
	*ret_content = slice.error;
	return notary_stored(n, key, f->id, rc, &report);
}

/* Is extent i a full one of zeros, which large holes consist of?  They are one
 * object, however many a file has. */
static bool is_zeros(const struct large *f, size_t i)
{
	struct hash zeros;

	if (f->size - i * EXTENT_SIZE < EXTENT_SIZE)
		return false;
	zeros = chunktree_zeros(EXTENT_SIZE);
	return memcmp(f->tops.p + i * HASH_LEN, zeros.b, HASH_LEN) == 0;
}

/* The extent after extent_next that has to be put. */
static void advance(struct notary *n, const struct large *f, uint64_t count)
{
	if (is_zeros(f, n->extent_next))
		n->extent_zeros = true;
	do
		n->extent_next++;
	while (n->extent_zeros && n->extent_next < count &&
		is_zeros(f, n->extent_next));
}

/* Not while a batch is gathered: batchit.c. */
static int set_ready(struct notary *n, uint64_t id)
{
	locked(&n->shape);
	return n->s.local->ops->set_ready(n->s.local, id);
}

/* One extent of f.  1, and the record is ready after the last one. */
static int put_next(struct notary *n, const struct large *f)
{
	uint64_t count = chunktree_extents(f->size);
	size_t last;
	int content = 0, rc;

	if (f->tops.n != count * HASH_LEN) {
		n->extent_skip = f->id; /* only a bug or damage makes such */
		return -EBADMSG;
	}
	if (n->extent_id != f->id) {
		n->extent_id = f->id;
		n->extent_next = 0;
		n->extent_zeros = false;
	}
	rc = notary_put_extent(n, f, n->extent_next, &content);
	if (content < 0)
		n->extent_skip = f->id; /* others need not wait for it */
	fault_point("extent.put");
	if (rc < 0)
		return rc;
	last = n->extent_next;
	advance(n, f, count);
	if (n->extent_next < count)
		return 1;
	rc = set_ready(n, f->id);
	fault_point("extent.ready");
	if (rc < 0) {
		n->extent_next = last; /* put this one again, then ready */
		return rc;
	}
	n->extent_id = 0;
	notary_changed(n);
	return 1;
}

int extentit_step(struct notary *n)
{
	cleanup(large) struct large f = {0};
	int rc = next_large(n, &f);

	return rc == 1 ? put_next(n, &f) : rc;
}
