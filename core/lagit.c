/* What some bucket lacks, put again.  A bucket that is away is asked less and
 * less often, and costs nothing in between. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "core/notary_impl.h"
#include "core/owed.h"

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

/* No bucket gets a number while the quorum lacks one below it. */
static int put_number(struct notary *n, uint64_t k)
{
	uint64_t from = 0;

	for (;;) {
		uint64_t lowest;
		int rc = owed_lowest(
			n->s.local, n->s.replica, from, k, &lowest);

		if (rc >= 0)
			rc = notary_put_number(n, lowest);
		if (rc < 0 || lowest == k)
			return rc;
		from = lowest + 1;
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
