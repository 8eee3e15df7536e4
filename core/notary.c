#include "core/notary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/notary_impl.h"
#include "core/sequence.h"
#include "core/timestamp.h"

uint64_t notary_mono(struct notary *n)
{
	return n->s.clock->ops->mono_ms(n->s.clock);
}

static uint64_t now(struct notary *n)
{
	return n->s.clock->ops->now_ms(n->s.clock);
}

uint64_t notary_generation(struct notary *n)
{
	locked(&n->lock);
	return n->generation;
}

struct flight *notary_flight(struct notary *n, uint64_t height)
{
	return &n->flight[height % NOTARY_FLIGHT_MAX];
}

void backoff_grow(struct backoff *b, uint64_t now_ms)
{
	if (b->wait_ms == 0)
		b->wait_ms = NOTARY_BACKOFF_MS;
	else if (b->wait_ms < NOTARY_BACKOFF_MAX_MS / 2)
		b->wait_ms *= 2;
	else
		b->wait_ms = NOTARY_BACKOFF_MAX_MS;
	b->until_ms = now_ms + b->wait_ms;
}

void notary_changed(struct notary *n)
{
	void (*wake)(void *ctx);
	void *ctx;

	{
		locked(&n->lock);
		wake = n->wake;
		ctx = n->wake_ctx;
	}
	if (wake != NULL)
		wake(ctx);
}

static void note(struct notary_health *h, uint64_t at_ms, int rc)
{
	if (rc == 0) {
		h->ok_ms = at_ms;
		return;
	}
	h->error_ms = at_ms;
	h->error = rc;
}

void notary_note(struct notary *n, enum notary_service which, int rc)
{
	uint64_t at = now(n);

	locked(&n->lock);
	note(&n->health[which], at, rc);
}

/* A bucket that took an object is worth asking for what it lacks from before;
 * one that did not is asked less often.  One that said nothing (the content
 * could not be read) is not to blame. */
static void note_buckets(struct notary *n, const struct replica_report *r)
{
	uint64_t at = now(n), mono = notary_mono(n);
	unsigned i;

	locked(&n->lock);
	for (i = 0; i < n->s.replica->n; i++) {
		if ((r->stored >> i & 1) != 0) {
			note(&n->bucket[i], at, 0);
			n->bucket_wait[i] = (struct backoff){0};
		} else if (r->error[i] < 0) {
			note(&n->bucket[i], at, r->error[i]);
			backoff_grow(&n->bucket_wait[i], mono);
		}
	}
}

int notary_stored(struct notary *n, const char *key, uint64_t source, int rc,
	const struct replica_report *report)
{
	struct local *l = n->s.local;
	uint32_t lacking = (UINT32_C(1) << n->s.replica->n) - 1;

	notary_note(n, NOTARY_REPLICA, rc);
	note_buckets(n, report);
	lacking &= ~report->stored;
	if (rc < 0 || lacking == 0)
		return rc;
	fault_point("lag.found");
	rc = l->ops->set_lag(l, key, lacking, source);
	fault_point("lag.noted");
	if (rc < 0)
		return rc;
	locked(&n->lock);
	n->lagging |= lacking;
	return 1;
}

/* Does block zero commit to these parameters? */
static int check_genesis(struct notary *n, struct bytes params_raw)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block b0 = {0};
	struct hash dh = hash_sha3(params_raw), mh;
	struct block block;
	int rc = l->ops->block(l, 0, &b0);

	if (rc == 0)
		rc = params_decode(params_raw, &n->params);
	if (rc == 0)
		rc = block_decode(BUF_BYTES(&b0.b), &block);
	if (rc == 0)
		rc = merkle_fold(&dh, 0, 1, NULL, 0, &mh);
	if (rc == 0 && !hash_equal(&mh, &block.mh))
		rc = -EBADMSG;
	if (rc == 0)
		n->id = block_hash(BUF_BYTES(&b0.b));
	return rc;
}

int notary_resume(struct notary *n)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block b = {0};
	struct chain *c;
	struct hash ht;
	uint64_t final = 0;
	int rc = l->ops->tip(l, LOCAL_FINAL, &final);

	if (rc == 0)
		rc = l->ops->block(l, final, &b);
	if (rc < 0)
		return rc;
	ht = timestamp_hash(BUF_BYTES(&b.t));
	c = chain_resume(final, b.k, &ht);
	if (c == NULL)
		return -ENOMEM;
	chain_free(n->chain);
	n->chain = c;
	n->chain_k = b.k;
	n->chain_blocks = 0;
	return 0;
}

/* The log as the newest numbered block left it. */
static int resume_log(struct notary *n)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block b = {0};
	struct sequence s;
	uint64_t tip = 0;
	int rc = l->ops->tip(l, LOCAL_SEQUENCED, &tip);

	if (rc == 0)
		rc = l->ops->block(l, tip, &b);
	if (rc == 0)
		rc = sequence_peek(BUF_BYTES(&b.s), &s);
	if (rc < 0)
		return rc;
	n->has_log = true;
	n->log_size = s.log_size;
	n->log_root = s.log_root;
	return 0;
}

/* What is in flight: nothing of it is known to be stored, so it is put again,
 * byte for byte the same. */
static int resume_flight(struct notary *n)
{
	struct local *l = n->s.local;
	uint64_t h, final = 0, tip = 0;
	int rc = l->ops->tip(l, LOCAL_FINAL, &final);

	if (rc == 0)
		rc = l->ops->tip(l, LOCAL_BATCHED, &tip);
	if (rc == 0 && tip - final > NOTARY_FLIGHT_MAX)
		rc = -EBADMSG; /* we never make so many */
	for (h = final + 1; rc == 0 && h <= tip; h++) {
		cleanup(local_block) struct local_block b = {0};

		rc = l->ops->block(l, h, &b);
		*notary_flight(n, h) = (struct flight){
			.height = h, .n = b.n, .bytes = b.bytes};
	}
	return rc;
}

static bool limits_ok(const struct notary_limits *l)
{
	return l->transactions > 0 && l->transactions <= MERKLE_LEAVES_MAX &&
		l->bytes > 0 && l->bytes <= PACK_BYTES_MAX &&
		l->in_flight > 0 && l->in_flight <= NOTARY_FLIGHT_MAX;
}

int notary_open(const struct notary_services *s, struct bytes params_raw,
	struct notary_limits limits, struct notary **ret)
{
	struct notary *n;
	int rc;

	if (!limits_ok(&limits) || s->replica->n > REPLICA_MAX)
		return -EINVAL;
	n = calloc(1, sizeof(*n));
	if (n == NULL)
		return -ENOMEM;
	n->s = *s;
	n->limits = limits;
	n->due_ms = UINT64_MAX;
	n->lagging = UINT32_MAX; /* not looked yet */
	pthread_mutex_init(&n->shape, NULL);
	pthread_mutex_init(&n->lock, NULL);
	rc = check_genesis(n, params_raw);
	if (rc == 0)
		rc = notary_resume(n);
	if (rc == 0)
		rc = resume_log(n);
	if (rc == 0)
		rc = resume_flight(n);
	if (rc < 0) {
		notary_free(n);
		return rc;
	}
	*ret = n;
	return 0;
}

void notary_free(struct notary *n)
{
	if (n == NULL)
		return;
	chain_free(n->chain);
	pthread_mutex_destroy(&n->shape);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

void notary_hurry(struct notary *n)
{
	locked(&n->lock);
	n->hurry_asked++;
}

uint64_t notary_delay(struct notary *n)
{
	uint64_t at = notary_mono(n);

	locked(&n->lock);
	if (n->due_ms == UINT64_MAX)
		return UINT64_MAX;
	return n->due_ms > at ? n->due_ms - at : 0;
}

void notary_health(struct notary *n, enum notary_service which,
	struct notary_health *ret)
{
	locked(&n->lock);
	*ret = n->health[which];
}

void notary_bucket_health(struct notary *n, unsigned bucket,
	struct notary_health *ret)
{
	locked(&n->lock);
	*ret = n->bucket[bucket];
}

void notary_on_change(struct notary *n, void (*wake)(void *ctx), void *ctx)
{
	locked(&n->lock);
	n->wake = wake;
	n->wake_ctx = ctx;
}
