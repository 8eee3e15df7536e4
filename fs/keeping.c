#include "fs/keeping.h"

#include <errno.h>
#include <stdlib.h>

#include "core/governance.h"
#include "core/hash.h"
#include "core/hashtab.h"
#include "core/retention.h"

/* By the hash of a record: a file that has a date or was held, or may leave its
 * name or grow; a link; or a hold. */
struct entry {
	struct hashtab_node node;
	bool link, deleted;
	bool outgrown;		/* it is another's before */
	enum record_class class;
	struct entry *file;	/* of a hold; else NULL */
	struct entry *before;	/* what it was when it was shorter, or NULL */
	uint64_t until;
	struct retention *held;	/* NULL: never was */
};

struct keeping {
	const struct params *params;
	struct hash anchor;
	struct hashtab entries;
	enum retention_mode mode;	/* so far */
	uint64_t expired, ordered;
};

struct keeping *keeping_new(const struct params *p, const struct hash *anchor)
{
	struct keeping *k = calloc(1, sizeof *k);
	if (k == NULL)
		return NULL;
	k->params = p;
	k->anchor = *anchor;
	k->mode = p->retention_mode;
	return k;
}

static struct entry *entry_of(struct hashtab_node *n)
{
	return (struct entry *)n; /* node is its first member */
}

static void drop(struct hashtab_node *n)
{
	free(entry_of(n)->held);
	free(n);
}

void keeping_free(struct keeping *k)
{
	if (k == NULL)
		return;
	hashtab_done(&k->entries, drop);
	free(k);
}

static struct entry *find(const struct keeping *k, const struct hash *dh)
{
	struct hashtab_node *n = hashtab_find(&k->entries, dh);
	return n == NULL ? NULL : entry_of(n);
}

/* The entry of that record, made if there is none; NULL: no memory. */
static struct entry *take(struct keeping *k, const struct hash *dh)
{
	struct entry *e = find(k, dh);
	if (e != NULL)
		return e;
	if (hashtab_reserve(&k->entries, k->entries.n + 1) != 0 ||
	    (e = calloc(1, sizeof *e)) == NULL)
		return NULL;
	e->node.key = *dh;
	hashtab_add(&k->entries, &e->node);
	return e;
}

static int add_hold(struct keeping *k, const struct record *r,
	const struct hash *dh)
{
	struct entry *e = take(k, &r->about), *hold;
	if (e == NULL || (hold = take(k, dh)) == NULL)
		return -ENOMEM;
	if (e->held == NULL)
		e->held = calloc(1, sizeof *e->held);
	if (e->held == NULL)
		return -ENOMEM;
	hold->file = e;
	retention_add(e->held, dh, r);
	return 0;
}

/* Without a key's word it has no effect. */
static void release(struct keeping *k, const struct record *r,
	const struct hash *dh)
{
	struct entry *hold = find(k, &r->about);
	if (hold != NULL && hold->file != NULL &&
	    governance_check(k->params, &k->anchor, r) == 0)
		retention_add(hold->file->held, dh, r);
}

/* The same. */
static void comply(struct keeping *k, const struct record *r)
{
	if (k->mode == RETENTION_GOVERNANCE &&
	    governance_check(k->params, &k->anchor, r) == 0)
		k->mode = RETENTION_COMPLIANCE;
}

/* What was said of a file when it was shorter holds on. */
static bool held(const struct entry *e)
{
	for (; e != NULL; e = e->before)
		if (e->held != NULL && e->held->n_holds > 0)
			return true;
	return false;
}

static uint64_t until(const struct entry *e)
{
	uint64_t last = 0;
	for (; e != NULL; e = e->before)
		last = e->until > last ? e->until : last;
	return last;
}

static bool allowed(const struct keeping *k, const struct entry *e,
	uint64_t before_ms, const struct record *r)
{
	if (k->mode == RETENTION_NONE || e->deleted)
		return false;
	if (held(e))
		return false;
	if (r->authority.n > 0)
		return k->mode == RETENTION_GOVERNANCE &&
			governance_check(k->params, &k->anchor, r) == 0;
	return e->link || (until(e) > 0 && before_ms / 1000 >= until(e));
}

static int add_deletion(struct keeping *k, uint64_t before_ms,
	const struct record *r)
{
	struct entry *e = take(k, &r->about);
	if (e == NULL)
		return -ENOMEM;
	if (!allowed(k, e, before_ms, r))
		return -EPERM;
	e->deleted = true;
	if (r->authority.n > 0)
		k->ordered++;
	else
		k->expired++;
	return 0;
}

static int add_until(struct keeping *k, const struct hash *dh, uint64_t until)
{
	struct entry *e = take(k, dh);
	if (e == NULL)
		return -ENOMEM;
	if (until > e->until)
		e->until = until;
	return 0;
}

static int add_link(struct keeping *k, const struct hash *dh)
{
	struct entry *e = take(k, dh);
	if (e == NULL)
		return -ENOMEM;
	e->link = true;
	return 0;
}

/* Of another class than seal, which is taken for granted. */
static int add_class(struct keeping *k, const struct hash *dh,
	const struct record *r)
{
	struct entry *e = take(k, dh), *before = NULL;
	if (r->kind == RECORD_APPEND)
		before = take(k, &r->previous);
	if (e == NULL || (r->kind == RECORD_APPEND && before == NULL))
		return -ENOMEM;
	e->class = r->class;
	if (before != NULL) {
		e->before = before;
		before->outgrown = true;
	}
	return 0;
}

/* A name goes that its class lets go.  A link goes with the class that its
 * own record has. */
static int add_tombstone(struct keeping *k, const struct record *r)
{
	const struct entry *e = r->has_about ? find(k, &r->about) : NULL;
	if (!r->has_about)
		return 0; /* a folder */
	if (e != NULL && e->class == RECORD_CLASS_VERSION)
		return 0;
	return e != NULL && e->class == RECORD_CLASS_APPEND &&
		r->change == RECORD_RENAMED ? 0 : -EPERM;
}

int keeping_add(struct keeping *k, uint64_t before_ms, const struct record *r,
	struct bytes raw)
{
	struct hash dh;
	int err = 0;
	switch (r->kind) {
	case RECORD_PUT:
	case RECORD_APPEND:
	case RECORD_SYMLINK:
	case RECORD_LINK:
		if (r->until == 0 && r->class == RECORD_CLASS_SEAL &&
		    r->kind != RECORD_LINK)
			return 0;
		dh = hash_sha3(raw);
		if (r->class != RECORD_CLASS_SEAL)
			err = add_class(k, &dh, r);
		if (err == 0 && r->until > 0)
			err = add_until(k, &dh, r->until);
		return err == 0 && r->kind == RECORD_LINK ? add_link(k, &dh)
							  : err;
	case RECORD_TOMBSTONE:
		return add_tombstone(k, r);
	case RECORD_RETENTION:
		return add_until(k, &r->about, r->until);
	case RECORD_HOLD:
		dh = hash_sha3(raw);
		if (r->hold_case.n > 0)
			return add_hold(k, r, &dh);
		release(k, r, &dh);
		return 0;
	case RECORD_COMPLIANCE:
		comply(k, r);
		return 0;
	case RECORD_DELETION:
		return add_deletion(k, before_ms, r);
	default:
		return 0;
	}
}

uint64_t keeping_until(const struct keeping *k, struct bytes raw)
{
	struct hash dh = hash_sha3(raw);
	const struct entry *e = find(k, &dh);
	return until(e);
}

bool keeping_deleted(const struct keeping *k, struct bytes raw)
{
	struct hash dh = hash_sha3(raw);
	const struct entry *e = find(k, &dh);
	return e != NULL && e->deleted;
}

void keeping_count(const struct keeping *k, struct keeping_counts *ret)
{
	struct keeping_counts n = {.expired = k->expired,
		.ordered = k->ordered, .mode = k->mode};
	for (size_t i = 0; i < k->entries.n_slots; i++)
		for (struct hashtab_node *h = k->entries.slot[i]; h != NULL;
		     h = h->next) {
			const struct entry *e = entry_of(h);
			if (e->deleted || e->outgrown)
				continue;
			n.dated += until(e) > 0;
			n.held += held(e);
		}
	*ret = n;
}
