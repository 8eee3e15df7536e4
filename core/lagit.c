/* What some bucket lacks, put again.  A bucket that is away is asked less and
 * less often, and costs nothing in between. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "core/notary_impl.h"

struct lag {
	const char *skip;	/* keys up to this had their turn */
	uint32_t due;		/* buckets worth asking */
	uint32_t seen;		/* union of all that lag */
	char key[OBJECT_KEY_MAX];
	uint32_t buckets;
	uint64_t source;
};

/* Positive at the first object that a bucket worth asking lacks. */
static int look(void *ctx, const char *key, uint32_t buckets, uint64_t source)
{
	struct lag *lag = ctx;

	lag->seen |= buckets;
	if ((buckets & lag->due) == 0 || strcmp(key, lag->skip) <= 0 ||
		strlen(key) >= sizeof(lag->key))
		return 0;
	strcpy(lag->key, key);
	lag->buckets = buckets;
	lag->source = source;
	return 1;
}

static uint32_t due_buckets(struct notary *n)
{
	uint64_t now = notary_mono(n);
	uint32_t due = 0;
	unsigned i;

	locked(&n->lock);
	for (i = 0; i < n->s.replica->n; i++)
		if (n->bucket_wait[i].wait_ms == 0 ||
			now >= n->bucket_wait[i].until_ms)
			due |= UINT32_C(1) << i;
	return due & n->lagging;
}

static int next(struct notary *n, struct lag *lag)
{
	struct local *l = n->s.local;
	int rc = l->ops->lags(l, look, lag);

	if (rc == 0 && lag->skip[0] != '\0') {
		n->lag_skip[0] = '\0'; /* all have had their turn: again */
		rc = l->ops->lags(l, look, lag);
	}
	if (rc == 0) {
		locked(&n->lock);
		n->lagging = lag->seen;
	}
	return rc;
}

static int take_extent(void *ctx, const struct local_record *r)
{
	return notary_large(r, ctx);
}

/* Which extent of the record has this key? */
static int put_extent(struct notary *n, const struct lag *lag)
{
	struct local *l = n->s.local;
	cleanup(large) struct large e = {0};
	char key[OBJECT_KEY_MAX];
	struct hash top;
	size_t i;
	int content = 0;
	int rc = l->ops->record(l, lag->source, take_extent, &e);

	if (rc < 0)
		return rc;
	for (i = 0; i < e.tops.n / HASH_LEN; i++) {
		memcpy(top.b, e.tops.p + i * HASH_LEN, HASH_LEN);
		object_key_extent(&top, key);
		if (strcmp(key, lag->key) == 0)
			return notary_put_extent(n, &e, i, &content);
	}
	return -EBADMSG;
}

/* -- numbers, in their order */

struct below {
	uint64_t from, k;	/* looked for in from..k - 1 */
	uint64_t found;		/* the lowest that no quorum holds, else k */
	const struct replica *r;
};

/* Keys ascend, and numbers come first. */
static int look_below(void *ctx, const char *key, uint32_t buckets,
	uint64_t source)
{
	struct below *b = ctx;

	if (key[0] != 'a' || source >= b->k)
		return 1;
	if (source < b->from || replica_holds(b->r, buckets))
		return 0;
	b->found = source;
	return 1;
}

/* A block that has its number, and is not final, may not have it in the
 * buckets; no lag tells, since it is the next that sequenceit_step puts. */
static int look_numbered(struct notary *n, struct below *b)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block block = {0};
	uint64_t final = 0;
	int rc = l->ops->tip(l, LOCAL_FINAL, &final);

	if (rc == 0)
		rc = l->ops->block(l, final + 1, &block);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (block.state == LOCAL_SEQUENCED && block.k >= b->from &&
		block.k < b->found)
		b->found = block.k;
	return 0;
}

/* No bucket gets a number while the quorum lacks one below it: who has only
 * the buckets could never pass the gap. */
static int put_number(struct notary *n, uint64_t k)
{
	struct local *l = n->s.local;
	struct below b = {.k = k, .r = n->s.replica};

	for (;;) {
		int rc;

		b.found = k;
		rc = l->ops->lags(l, look_below, &b);
		if (rc >= 0)
			rc = look_numbered(n, &b);
		if (rc >= 0)
			rc = notary_put_number(n, b.found);
		if (rc < 0 || b.found == k)
			return rc;
		b.from = b.found + 1;
	}
}

static int put_again(struct notary *n, const struct lag *lag)
{
	switch (lag->key[0]) {
	case 'a':
		return put_number(n, lag->source);
	case 'p':
		return notary_put_pack(n, lag->source);
	case 'c':
		return put_extent(n, lag);
	default:
		return -EBADMSG;
	}
}

int lagit_step(struct notary *n)
{
	struct lag lag = {.skip = n->lag_skip, .due = due_buckets(n)};
	struct local *l = n->s.local;
	int rc;

	if (lag.due == 0)
		return 0;
	rc = next(n, &lag);
	if (rc <= 0)
		return rc;
	rc = put_again(n, &lag);
	fault_point("lag.put");
	/* One that cannot be made again (its file is gone) must not stand in
	 * the way of the others; it comes round again. */
	if (rc < 0)
		strcpy(n->lag_skip, lag.key);
	else if (rc == 0)
		rc = l->ops->set_lag(l, lag.key, 0, lag.source);
	fault_point("lag.cleared");
	return rc < 0 ? rc : 1;
}
