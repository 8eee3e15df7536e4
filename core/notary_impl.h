/*
 * notary_impl: what the steps of the write path share.  Only for core/ files
 * of the write path.
 *
 * Locks: `shape` is held over a commit that makes, stamps, numbers or drops
 * blocks, so that a step that was away at a service can tell, by `generation`,
 * that its block was dropped meanwhile.  `lock` guards the fields below it and
 * is never held over a commit or a service.  Order: shape, lock.
 */
#ifndef CORE_NOTARY_IMPL_H
#define CORE_NOTARY_IMPL_H

#include <pthread.h>

#include "core/notary.h"
#include "core/object.h"

#define NOTARY_FLIGHT_MAX 64	/* blocks made and not final, at most */
#define NOTARY_BACKOFF_MS 100	/* first wait for a bucket or a lost race */
#define NOTARY_BACKOFF_MAX_MS 60000
#define NOTARY_RESUME 1024	/* blocks after which the chain starts anew,
				   so that its memory does not grow */

/* A block that is not final, as far as memory knows it. */
struct flight {
	uint64_t height;
	enum { FLIGHT_IDLE, FLIGHT_BUSY, FLIGHT_STORED } state;
	uint32_t n;
	uint64_t bytes;
};

struct backoff {
	uint64_t wait_ms;	/* 0: none */
	uint64_t until_ms;	/* mono_ms */
};

struct notary {
	struct notary_services s;
	struct notary_limits limits;
	struct params params;
	struct hash id;		/* H(b0) */

	pthread_mutex_t shape;

	pthread_mutex_t lock;
	uint64_t generation;	/* grows when blocks are dropped */
	struct flight flight[NOTARY_FLIGHT_MAX]; /* by height, modulo */
	uint64_t hurry_asked, hurry_done; /* differ: somebody waits */
	bool began;		/* a block was made since the start */
	uint64_t last_ms;	/* mono_ms of the newest block */
	uint64_t due_ms;	/* mono_ms; UINT64_MAX: see notary_delay() */
	struct backoff stale;	/* after a lost race */
	bool has_log;
	uint64_t log_size;
	struct hash log_root;
	uint32_t lagging;	/* buckets that may lack something */
	struct backoff bucket_wait[REPLICA_MAX];
	struct notary_health health[NOTARY_SERVICES];
	struct notary_health bucket[REPLICA_MAX];
	void (*wake)(void *ctx);
	void *wake_ctx;

	/* of sequenceit_step alone */
	struct chain *chain;
	uint64_t chain_k;	/* numbers up to this are in it */
	unsigned chain_blocks;	/* added since it was resumed */

	/* of extentit_step alone */
	uint64_t extent_skip;	/* records up to this id had their turn */
	uint64_t extent_id;	/* record in work, 0: none */
	size_t extent_next;
	bool extent_zeros;	/* its extent of zeros was put */

	/* of publishit_step alone */
	uint64_t published;	/* size of the newest checkpoint, 0: unknown */
	uint64_t publish_ms;	/* mono_ms; not again before */

	/* of lagit_step alone: keys up to this had their turn */
	char lag_skip[OBJECT_KEY_MAX];
};

/* A block's META, and its payload as a source over the content store. */
struct pack;
int pack_load(struct notary *n, const struct local_block *b,
	struct pack **ret);
void pack_free(struct pack *p);
struct bytes pack_meta(const struct pack *p);
uint64_t pack_length(const struct pack *p);
struct source pack_source(struct pack *p);

/* A slice of one sealed file. */
struct slice {
	struct content_store *content;
	struct content_name name;
	uint64_t off;
	int error;	/* what the content store said last, or 0 */
};
struct source slice_source(struct slice *s);

/* A record whose payload has extents of its own. */
struct large {
	uint64_t id, size, from; /* size of the payload, its place in the file */
	struct content_name name; /* its path is in text */
	struct buf text, tops;
};
/* For visits of local: copies what is wanted of the record. */
int notary_large(const struct local_record *r, struct large *ret);
static inline void cleanup_large(struct large *f)
{
	buf_free(&f->text);
	buf_free(&f->tops);
}

/* Where the payload of a record begins in its file. */
int notary_from(const struct local_record *r, uint64_t *ret);

/* Each of these puts one object and returns as notary_stored() does.
 *
 * Extent i of a large payload -> buckets.  *ret_content is what the content store
 * said, if that is why it failed. */
int notary_put_extent(struct notary *n, const struct large *f, size_t i,
	int *ret_content);
/* A block's pack -> buckets. */
int notary_put_pack(struct notary *n, uint64_t height);
/* The object of number k -> buckets. */
int notary_put_number(struct notary *n, uint64_t k);

static inline void cleanup_pack(struct pack **p)
{
	pack_free(*p);
}

uint64_t notary_mono(struct notary *n);
void notary_changed(struct notary *n);
uint64_t notary_generation(struct notary *n);
/* How a service answered: 0 or a negative errno. */
void notary_note(struct notary *n, enum notary_service which, int rc);
/* How a put went: health and back-off of each bucket, and the durable note of
 * who lacks the object.  rc is what the put returned.  0: all have it; 1: some
 * lack it and that is noted; or the error of the put or of the note. */
int notary_stored(struct notary *n, const char *key, uint64_t source, int rc,
	const struct replica_report *report);
/* Longer each time, from NOTARY_BACKOFF_MS on.  Under n->lock. */
void backoff_grow(struct backoff *b, uint64_t now_ms);

/* Under n->lock. */
struct flight *notary_flight(struct notary *n, uint64_t height);

/* chain_resume() from the newest final block in local. */
int notary_resume(struct notary *n);

#endif
