#include "fs/plain_inner.h"

#include <errno.h>

#include "core/hash.h"
#include "fs/chronicle.h"

#define QUEUED (UINT64_C(1) << 63) /* + id: as if it were a height */

struct past {
	struct checking *c;
	struct local *local;
	struct chronicle *chronicle;
};

/* Only a name of these classes has what is kept when it goes. */
static bool concerns(const struct record *d)
{
	if (record_gone(d->kind))
		return d->has_about && (d->kind == RECORD_DELETION ||
			record_ends(d));
	return record_seals(d->kind) && d->class != RECORD_CLASS_SEAL;
}

static uint64_t height_of(const struct local_record *r)
{
	return r->in_block ? r->height : QUEUED + r->id;
}

static int add_one(void *ctx, const struct local_record *r)
{
	struct past *p = ctx;
	struct record d;
	if (record_decode(r->d, &d) != 0 || !concerns(&d))
		return 0;
	return chronicle_add(p->chronicle, &d, height_of(r), r->index);
}

/* A link's bytes are its file's; what grew is in what it became. */
static int judge_one(void *ctx, const struct local_record *r)
{
	struct past *p = ctx;
	struct record d;
	enum plain_state state;
	if (record_decode(r->d, &d) != 0 || !concerns(&d) ||
	    !record_stores(d.kind))
		return 0;
	const struct chronicle_entry *e = chronicle_at(p->chronicle, d.path,
		height_of(r), r->index);
	if (e == NULL || e->height != height_of(r) || e->index != r->index ||
	    e->fate != CHRONICLE_PAST || e->grown)
		return 0;
	const struct hash dh = hash_sha3(r->d);
	int err = plain_judge_version(p->c, &dh, &d, &state);
	return err != 0 ? err : plain_note(p->c, state, true, r);
}

static int walk(struct past *p, local_visit *visit)
{
	const struct local_ops *o = p->local->ops;
	uint64_t tip = 0;
	int err = o->tip(p->local, LOCAL_BATCHED, &tip);
	if (err == -ENOENT)
		err = 0;
	for (uint64_t h = 1; h <= tip && err == 0; h++)
		err = o->records(p->local, h, visit, p);
	if (err == 0)
		err = o->queued(p->local, true, 0, visit, p);
	return err != 0 ? err : o->queued(p->local, false, 0, visit, p);
}

int plain_past(struct checking *c, struct local *local)
{
	struct past p = {c, local, chronicle_new()};
	int err = p.chronicle == NULL ? -ENOMEM : walk(&p, add_one);
	if (err == 0) {
		chronicle_settle(p.chronicle);
		err = walk(&p, judge_one);
	}
	chronicle_free(p.chronicle);
	return err;
}
