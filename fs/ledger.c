#include "fs/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/mlogtree.h"
#include "core/chain.h"
#include "core/cleanup.h"
#include "fs/assembly.h"
#include "fs/ledger_inner.h"
#include "fs/text.h"
#include "fs/vault.h"

#define LACKS_MAX 100000	/* remembered; further ones are only counted */

void ledger_find(struct ledger *l, enum ledger_finding f, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (f == LEDGER_WRONG)
		l->wrong++;
	else
		l->incomplete++;
	l->events.finding(l->events.ctx, f, text);
}

void ledger_key(const struct ledger *l, const char *key,
	char ret[WORM_KEY_MAX + 1])
{
	snprintf(ret, WORM_KEY_MAX + 1, "%s/%s", l->prefix, key);
}

struct ledger_bucket *ledger_share(struct ledger *l, unsigned share)
{
	for (unsigned i = 0; i < l->n_buckets; i++)
		if (l->bucket[i].share == (int)share)
			return &l->bucket[i];
	return NULL;
}

unsigned ledger_usable(const struct ledger *l)
{
	unsigned n = 0;
	for (unsigned i = 0; i < l->n_buckets; i++)
		n += l->bucket[i].worm != NULL && !l->bucket[i].foreign;
	return n;
}

bool ledger_enough(const struct ledger *l)
{
	return ledger_usable(l) >= l->params.share_k;
}

/* -- what is wrong with an object */

static void say_bad(struct ledger *l, unsigned bucket, const char *key,
	bool missing)
{
	if (l->events.bad != NULL)
		l->events.bad(l->events.ctx, bucket, key, missing);
}

int ledger_object(struct ledger *l, const struct ledger_object *o,
	const char *why)
{
	uint32_t bad = o->missing | o->damaged, mended = 0;
	int err = 0;
	if (bad != 0 && o->known && l->events.mend != NULL)
		mended = l->events.mend(l->events.ctx, o);
	for (unsigned i = 0; i < l->n_buckets && err == 0; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		if ((bad >> i & 1) == 0)
			continue;
		if ((mended >> i & 1) != 0) {
			b->mended++;
		} else if ((o->missing >> i & 1) != 0) {
			err = ledger_lacks_add(l, o->key, i);
		} else {
			b->damaged++;
			say_bad(l, i, o->key, false);
			ledger_find(l, LEDGER_WRONG, "%s: %s is damaged%s%s",
				b->path, o->key, *why != '\0' ? ": " : "",
				why);
		}
	}
	return err;
}

/* -- what a bucket lacked */

int ledger_lacks_add(struct ledger *l, const char *key, unsigned bucket)
{
	if (l->n_lacks == LACKS_MAX) {
		l->bucket[bucket].missing++;
		l->wrong++;
		say_bad(l, bucket, key, true);
		return 0;
	}
	if (l->n_lacks % 64 == 0) {
		struct ledger_lack *more = realloc(l->lack,
			(l->n_lacks + 64) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		l->lack = more;
	}
	struct ledger_lack *k = &l->lack[l->n_lacks++];
	snprintf(k->key, sizeof k->key, "%s", key);
	k->bucket = bucket;
	return 0;
}

static bool still_missing(struct ledger *l, const struct ledger_lack *k)
{
	char key[WORM_KEY_MAX + 1];
	uint64_t size;
	struct worm *w = l->bucket[k->bucket].worm;
	ledger_key(l, k->key, key);
	return w->ops->size(w, key, &size) != 0;
}

static void drop_found(struct ledger *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n_lacks; i++)
		if (still_missing(l, &l->lack[i]))
			l->lack[n++] = l->lack[i];
	l->n_lacks = n;
}

void ledger_lacks(struct ledger *l, uint64_t wait_ms)
{
	drop_found(l);
	for (uint64_t t = 0; t < wait_ms && l->n_lacks > 0; t += 100) {
		const struct timespec tick = {.tv_nsec = 100 * 1000 * 1000};
		nanosleep(&tick, NULL); /* for a daemon in another process */
		drop_found(l);
	}
	for (size_t i = 0; i < l->n_lacks; i++) {
		struct ledger_bucket *b = &l->bucket[l->lack[i].bucket];
		b->missing++;
		say_bad(l, l->lack[i].bucket, l->lack[i].key, true);
		ledger_find(l, LEDGER_WRONG, "%s: %s is missing", b->path,
			l->lack[i].key);
	}
	l->n_lacks = 0;
}

/* -- opening */

static int say_why(char **ret_why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int say_why(char **ret_why, int err, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(ret_why, fmt, ap) < 0)
		*ret_why = NULL;
	va_end(ap);
	return err;
}

static int open_worms(struct ledger *l, char *const *paths, char **ret_why)
{
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		b->share = -1;
		b->path = strdup(paths[i]);
		if (b->path == NULL)
			return -ENOMEM;
		int err = l->a->bucket_open(paths[i], false, true, &b->worm);
		if (err != 0)
			ledger_find(l, LEDGER_INCOMPLETE, "%s cannot be used: "
				"%s", b->path, strerror(-err));
	}
	return ledger_usable(l) > 0 ? 0
		: say_why(ret_why, -ENOENT, "no bucket can be used");
}

/* Block zero out of one bucket; the first good one counts for all. */
static int read_genesis(struct ledger *l, struct ledger_bucket *b)
{
	cleanup(buf) struct buf raw = {0};
	struct genesis g;
	char key[WORM_KEY_MAX + 1];
	ledger_key(l, OBJECT_KEY_GENESIS, key);
	int err = worm_get_all(b->worm, key, GENESIS_MAX, &raw);
	if (err != 0)
		return err;
	if (l->genesis_raw.n > 0)
		return bytes_equal(BUF_BYTES(&raw), BUF_BYTES(&l->genesis_raw))
			? 0 : -EBADMSG;
	if (genesis_decode(BUF_BYTES(&raw), &g) != 0 ||
	    !vault_genesis_ok(&g, &l->anchor))
		return -EBADMSG;
	l->genesis_raw = raw;
	raw = (struct buf){0}; /* the ledger has it */
	l->genesis = g;
	return 0;
}

static int find_genesis(struct ledger *l, char **ret_why)
{
	bool refused = false;
	/* a later bucket may be the first good one: look twice */
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < l->n_buckets; i++)
			if (l->bucket[i].worm != NULL)
				l->bucket[i].genesis = read_genesis(l,
					&l->bucket[i]);
	for (unsigned i = 0; i < l->n_buckets; i++)
		refused = refused || l->bucket[i].genesis == -EBADMSG;
	if (l->genesis_raw.n == 0)
		return say_why(ret_why, -EBADMSG, refused
			? "block zero in the buckets is damaged: it does not "
			  "hash to the anchor %s"
			: "the buckets hold no chain with the anchor %s: it is "
			  "the wrong anchor, or these are other buckets",
			l->prefix);
	int err = params_decode(l->genesis.params, &l->params);
	return err == 0 ? 0 : say_why(ret_why, err, "the chain's parameters "
		"are of a version that this program does not know");
}

/* Which share is where; buckets of a chain without blocks get free ones. */
static int place_buckets(struct ledger *l, char **ret_why)
{
	unsigned n = l->params.share_n;
	if (l->n_buckets > n)
		return say_why(ret_why, -EINVAL, "%u buckets are named, but "
			"this chain has %u", l->n_buckets, n);
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i], *other;
		unsigned share;
		if (b->worm == NULL ||
		    l->a->bucket_share(b->worm, l->prefix, &share) != 0 ||
		    share >= n) {
			b->foreign = b->genesis == -ENOENT;
			continue;
		}
		other = ledger_share(l, share);
		if (other != NULL)
			return say_why(ret_why, -EINVAL, "%s and %s hold the "
				"same share: name different buckets",
				other->path, b->path);
		b->share = (int)share;
	}
	for (unsigned i = 0; i < l->n_buckets; i++)
		for (unsigned s = 0; s < n && l->bucket[i].share < 0; s++)
			if (ledger_share(l, s) == NULL)
				l->bucket[i].share = (int)s;
	return 0;
}

/* A replica of the shares in mask (bit i: share i). */
int ledger_replica(struct ledger *l, uint32_t mask, struct replica **ret)
{
	struct worm *w[REPLICA_MAX] = {0};
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		if (b->worm == NULL || (mask >> b->share & 1) == 0)
			continue;
		/* its own handle: the replica takes it over */
		if (l->a->bucket_open(b->path, false, true,
				&w[b->share]) != 0)
			w[b->share] = NULL;
	}
	return l->a->replica_new(w, l->params.share_n, l->params.share_k,
		l->params.share_k, l->prefix, ret);
}

static int open_all(struct ledger *l, char *const *paths, char **ret_why)
{
	int err = open_worms(l, paths, ret_why);
	if (err == 0)
		err = find_genesis(l, ret_why);
	if (err == 0)
		err = place_buckets(l, ret_why);
	if (err == 0)
		err = ledger_replica(l, UINT32_MAX, &l->replica);
	if (err != 0)
		return err;
	succession_init(&l->succession, &l->params, &l->anchor);
	l->chain = chain_new(&l->anchor, true);
	l->tree = mlogtree_new();
	return l->chain != NULL && l->tree != NULL ? 0 : -ENOMEM;
}

int ledger_open(const struct assembly *a, const struct hash *anchor,
	char *const *paths, unsigned n, const struct ledger_events *events,
	struct ledger **ret, char **ret_why)
{
	*ret_why = NULL;
	if (n == 0 || n > REPLICA_MAX)
		return say_why(ret_why, -EINVAL, "between 1 and %d buckets "
			"can be named", REPLICA_MAX);
	struct ledger *l = calloc(1, sizeof *l);
	if (l == NULL)
		return -ENOMEM;
	l->a = a;
	l->events = *events;
	l->anchor = *anchor;
	l->n_buckets = n;
	hex_encode(HASH_BYTES(anchor), l->prefix);
	int err = open_all(l, paths, ret_why);
	if (err != 0)
		ledger_close(l);
	else
		*ret = l;
	return err;
}

void ledger_close(struct ledger *l)
{
	if (l == NULL)
		return;
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		if (b->worm != NULL)
			b->worm->ops->free(b->worm);
		free(b->path);
	}
	if (l->replica != NULL)
		l->replica->ops->free(l->replica);
	for (size_t i = 0; i < l->n_docs; i++)
		buf_free(&l->doc[i]);
	free(l->doc);
	free(l->block);
	free(l->lack);
	chain_free(l->chain);
	mlogtree_free(l->tree);
	succession_done(&l->succession);
	buf_free(&l->genesis_raw);
	free(l);
}
