#include "fs/audit.h"

#include <errno.h>
#include <inttypes.h>

#include "core/block.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/local.h"
#include "core/notary.h"
#include "core/record.h"
#include "fs/contents.h"

/* A large file, by its record's place. */
struct large {
	uint64_t height;
	uint32_t index;
};

struct auditing {
	struct ledger *l;
	const struct audit_options *o;
	struct audit_counts n;
	struct keeping *keeping;
	struct large *large;	/* checked when it is known what is deleted */
	size_t n_large;
	bool zeros;		/* the extent of zeros was looked at: all
				   files with large holes have the same */
};

/* A coded object: what it is called, how it is judged, and how it is made
 * again. */
struct object {
	const char *key;
	const struct hash *hmeta;
	bool (*accept)(void *ctx, struct bytes payload);
	int (*encode)(const struct object *o, struct buf *ret_meta);
	/* out of plain files */
	int (*gather)(const struct object *o, struct content_store *plain,
		struct buf *ret_payload);
	void *ctx;			/* of accept */
	const struct content_name *file; /* of an extent */
	uint64_t off;			/* in the file */
};

/* What each bucket's share of an object turned out to be. */
static void sort_report(const struct ledger *l,
	const struct replica_report *report, struct ledger_object *ret)
{
	for (unsigned i = 0; i < l->n_buckets; i++) {
		const struct ledger_bucket *b = &l->bucket[i];
		unsigned s = (unsigned)b->share;
		if (b->worm == NULL)
			continue;
		if (report->error[s] == -ENOENT)
			ret->missing |= UINT32_C(1) << i;
		else if ((report->bad >> s & 1) != 0 || report->error[s] != 0)
			ret->damaged |= UINT32_C(1) << i;
	}
}

/* Too few good shares: the plain files may have what they held. */
static bool stand_in(struct auditing *a, const struct object *o,
	struct buf *payload)
{
	return a->o->plain != NULL &&
		o->gather(o, a->o->plain, payload) == 0 &&
		o->accept(o->ctx, BUF_BYTES(payload));
}

static void pace(struct ledger *l, uint64_t bytes)
{
	if (l->events.read != NULL)
		l->events.read(l->events.ctx, bytes);
}

static int check_object(struct auditing *a, const struct object *o)
{
	struct ledger *l = a->l;
	struct replica *r = l->replica;
	struct replica_report report = {0};
	struct ledger_object found = {.key = o->key};
	cleanup(buf) struct buf payload = {0}, meta = {0};
	int err = r->ops->get_coded(r, o->key, o->hmeta, o->accept, o->ctx,
		&payload, &report);
	if (err == -ENOMEM)
		return err;
	pace(l, payload.n / r->k * r->n);
	sort_report(l, &report, &found);
	found.known = err == 0;
	if (err != 0 && stand_in(a, o, &payload)) {
		found.known = true;
		err = 0;
	}
	a->n.unread += err != 0;
	if (err != 0 && ledger_enough(l))
		ledger_find(l, LEDGER_INCOMPLETE, "%s cannot be restored: "
			"fewer than %u good shares", o->key, r->k);
	if ((found.missing | found.damaged) == 0)
		return 0;
	if (found.known && (err = o->encode(o, &meta)) != 0)
		return err;
	found.meta = BUF_BYTES(&meta);
	found.payload = BUF_BYTES(&payload);
	return ledger_object(l, &found, "");
}

/* -- extents */

static int encode_extent(const struct object *o, struct buf *ret)
{
	return extent_meta_encode(o->ctx, ret);
}

static int gather_extent(const struct object *o, struct content_store *plain,
	struct buf *ret)
{
	const struct extent_meta *e = o->ctx;
	int err = buf_reserve(ret, (size_t)e->length);
	if (err == 0)
		err = plain->ops->read(plain, o->file, o->off, ret->p,
			(size_t)e->length);
	if (err == 0)
		ret->n = (size_t)e->length;
	return err;
}

/* A full extent of zeros that was looked at in this pass? */
static bool known_zeros(struct auditing *a, const struct extent_meta *e)
{
	bool known = a->zeros;
	if (e->length < EXTENT_SIZE || !contents_zeros(e))
		return false;
	a->zeros = true;
	return known;
}

static int check_large(struct auditing *a, const struct meta *m,
	uint32_t index, const struct record *d)
{
	const struct content_name file = {d->path, hash_sha3(m->d[index])};
	struct hash root;
	uint64_t size = record_payload(d, &root);
	struct bytes tops;
	int err = contents_extents(m, index, d, &tops);
	if (err == -EBADMSG)
		ledger_find(a->l, LEDGER_WRONG, "%.*s: its extents are not "
			"those of its content", (int)d->path.n,
			(const char *)d->path.p);
	if (err != 0)
		return 0;
	for (uint64_t i = 0; i < tops.n / HASH_LEN && err == 0; i++) {
		struct extent_meta e;
		struct hash hmeta;
		char key[OBJECT_KEY_MAX];
		const struct object o = {key, &hmeta, contents_is_extent,
			encode_extent, gather_extent, &e, &file,
			d->from + i * EXTENT_SIZE};
		err = contents_extent(tops, size, i, &e, &hmeta, key);
		if (err == 0 && !known_zeros(a, &e))
			err = check_object(a, &o);
	}
	return err;
}

/* -- packs */

static int encode_pack(const struct object *o, struct buf *ret)
{
	return meta_encode(o->ctx, ret);
}

static int gather_pack(const struct object *o, struct content_store *plain,
	struct buf *ret)
{
	const struct meta *m = o->ctx;
	uint64_t size = contents_pack_size(m);
	int err = size > PACK_BYTES_MAX + PACK_FILE_MAX ? -EFBIG
		: buf_reserve(ret, (size_t)size);
	for (size_t i = 0; i < m->n && err == 0; i++) {
		struct record d;
		struct hash root;
		uint64_t n;
		if (record_decode(m->d[i], &d) != 0 ||
		    !contents_in_pack(&d, &n, &root) || n == 0)
			continue;
		const struct content_name name = {d.path, hash_sha3(m->d[i])};
		err = plain->ops->read(plain, &name, d.from, ret->p + ret->n,
			(size_t)n);
		ret->n += (size_t)n;
	}
	return err;
}

static int note_large(struct auditing *a, uint64_t height, uint32_t index)
{
	if (a->n_large % 256 == 0) {
		struct large *more = realloc(a->large,
			(a->n_large + 256) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		a->large = more;
	}
	a->large[a->n_large++] = (struct large){height, index};
	return 0;
}

static int check_larges(struct auditing *a)
{
	cleanup(buf) struct buf raw = {0};
	struct meta m = {0};
	uint64_t height = 0; /* of m; 0: none */
	int err = 0;
	for (size_t i = 0; i < a->n_large && err == 0; i++) {
		const struct large *g = &a->large[i];
		struct record d;
		if (g->height != height) {
			meta_done(&m);
			buf_free(&raw);
			height = 0;
			err = ledger_meta(a->l, g->height, &raw, &m);
			if (err != 0)
				break;
			height = g->height;
		}
		if (record_decode(m.d[g->index], &d) == 0 &&
		    !keeping_deleted(a->keeping, m.d[g->index]))
			err = check_large(a, &m, g->index, &d);
	}
	if (height != 0)
		meta_done(&m);
	return err;
}

static int check_keeping(struct auditing *a, uint64_t height,
	const struct record *d, struct bytes raw)
{
	int err = keeping_add(a->keeping, a->l->block[height - 1].p_ms, d, raw);
	if (err != -EPERM)
		return err;
	ledger_find(a->l, LEDGER_WRONG, d->kind == RECORD_TOMBSTONE
		? "%.*s was taken away in block %" PRIu64 ", and its class "
		  "does not allow that"
		: "%.*s was deleted in block %" PRIu64 ", and neither its "
		  "date nor a governance key allowed that",
		(int)d->path.n, (const char *)d->path.p, height);
	return 0;
}

static int check_block(void *ctx, uint64_t height, const struct meta *m)
{
	struct auditing *a = ctx;
	struct ledger *l = a->l;
	struct meta copy = *m;
	char key[OBJECT_KEY_MAX];
	const struct object o = {.key = key, .hmeta = &l->block[height].hmeta,
		.accept = contents_is_pack, .encode = encode_pack,
		.gather = gather_pack, .ctx = &copy};
	object_key_pack(o.hmeta, key);
	int err = check_object(a, &o);
	for (size_t i = 0; i < m->n && err == 0; i++) {
		struct record d;
		if (record_decode(m->d[i], &d) != 0)
			continue;
		a->n.records++;
		err = check_keeping(a, height, &d, m->d[i]);
		if (!record_stores(d.kind))
			continue;
		struct hash root;
		uint64_t n;
		bool in_pack = contents_in_pack(&d, &n, &root);
		a->n.files += d.kind == RECORD_PUT;
		a->n.bytes += n;
		if (err == 0 && !in_pack)
			err = note_large(a, height, (uint32_t)i);
	}
	return err;
}

int audit_run(struct ledger *l, const struct audit_options *o,
	struct audit_counts *ret)
{
	struct auditing a = {.l = l, .o = o,
		.keeping = keeping_new(&l->params, &l->anchor)};
	int err = a.keeping == NULL ? -ENOMEM
		: ledger_read(l, check_block, &a);
	if (err == 0)
		err = check_larges(&a);
	if (err == 0)
		keeping_count(a.keeping, &a.n.keeping);
	keeping_free(a.keeping);
	free(a.large);
	if (err != 0)
		return err;
	if (!ledger_enough(l))
		ledger_find(l, LEDGER_INCOMPLETE, "the contents need %u buckets"
			" and %u can be used: the chain is checked, the bytes "
			"of the files are not", l->params.share_k,
			ledger_usable(l));
	ledger_lacks(l, o->live_ms);
	*ret = a.n;
	return 0;
}

int audit_state(struct ledger *l, struct local *local)
{
	for (size_t h = 0; h < l->n_blocks; h++) {
		struct local_block b = {0};
		int err = local->ops->block(local, h, &b);
		if (err != 0 && err != -ENOENT)
			return err;
		if (err == -ENOENT)
			ledger_find(l, LEDGER_WRONG, "the vault's state lacks "
				"block %zu, which the buckets hold", h);
		else if (b.state >= LOCAL_SEQUENCED && b.k != l->block[h].k)
			ledger_find(l, LEDGER_WRONG, "the vault's state has "
				"another block %zu than the buckets", h);
		local_block_done(&b);
	}
	return 0;
}
