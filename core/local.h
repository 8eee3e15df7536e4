/*
 * local: the state that this machine keeps, with one durable commit an arrow.
 *
 * Everything in it can be rebuilt from buckets and files/, except records
 * queued and not yet replicated: those are owed.  Every call that changes
 * something is durable when it returns 0 and has changed nothing otherwise.
 *
 *   record   queued -> in a block -> final with its block.  Never deleted.
 *   block    BATCHED -> STAMPED -> SEQUENCED -> FINAL.  Deleted only by
 *            requeue(), which is for blocks that lost and are not numbered.
 *   number   one a k; never deleted
 *   lag      objects that some bucket still lacks; deleted once it has them
 *   value    named settings
 *
 * Any thread.  Reads do not wait for writers.  A visit function must not call
 * this local again, and what it is given is gone when it returns.
 */
#ifndef CORE_LOCAL_H
#define CORE_LOCAL_H

#include "core/bytes.h"
#include "core/record.h"

enum local_state {
	LOCAL_BATCHED = 0,	/* u, order and b fixed */
	LOCAL_STAMPED = 1,	/* t durable */
	LOCAL_SEQUENCED = 2,	/* s durable */
	LOCAL_FINAL = 3,	/* s at the write quorum of the buckets */
};

struct local_record {
	uint64_t id;		/* ascending from 1, order of queueing */
	enum record_kind kind;
	bool ready;		/* false: extents are still to be uploaded */
	uint64_t size;		/* bytes of payload (record.h) */
	struct bytes path, d;
	struct bytes extents;	/* tops of the extents of a large file */
	bool in_block;
	uint64_t height;	/* valid with in_block */
	uint32_t index;
	bool final;
};

struct local_block {
	uint64_t height;
	enum local_state state;
	struct buf b;
	uint64_t t_type;
	struct buf t;		/* empty while BATCHED */
	struct hash hmeta;	/* H(META), from STAMPED on */
	uint64_t k;		/* from SEQUENCED on */
	struct buf s;
	uint32_t n;		/* records */
	uint64_t bytes;		/* payload bytes */
};

struct local_counts {
	uint64_t queued_files, queued_bytes;	/* put records not final */
	uint64_t queued_records;		/* all records not final */
	uint64_t final_files, final_records;
	uint64_t blocks;	/* final, block zero not counted */
	uint64_t height;	/* of the newest final block */
};

typedef int local_visit(void *ctx, const struct local_record *r);

struct local;
struct local_ops {
	/* -- records.  d, path, kind, size, ready, extents are taken; ids are
	 * given in order, the first in *ret_id.  One commit for all n.
	 * -EINVAL when a path or d has a length that no record has. */
	int (*queue)(struct local *l, const struct local_record *r, size_t n,
		uint64_t *ret_id);
	/* Again is 0; -ENOENT. */
	int (*set_ready)(struct local *l, uint64_t id);
	/* Records in no block, id > after, ascending; ready ones or the others.
	 * Stops when visit returns non-zero and returns that. */
	int (*queued)(struct local *l, bool ready, uint64_t after,
		local_visit *visit, void *ctx);
	/* Records of a block by index. */
	int (*records)(struct local *l, uint64_t height, local_visit *visit,
		void *ctx);
	/* One record: visit called once, or -ENOENT. */
	int (*record)(struct local *l, uint64_t id, local_visit *visit,
		void *ctx);
	/* The newest record of a path, of those that do not only add to an
	 * older one: 0 and visit called once, or -ENOENT. */
	int (*find)(struct local *l, struct bytes path, local_visit *visit,
		void *ctx);
	/* The records that add to the path's (record_adds()), in the order in
	 * which they were queued.  Stops as queued() does. */
	int (*notes)(struct local *l, struct bytes path, local_visit *visit,
		void *ctx);
	/* The records that were the newest of the path and sealed something,
	 * until another came, oldest first.  Stops as queued() does. */
	int (*past)(struct local *l, struct bytes path, local_visit *visit,
		void *ctx);
	/* Every record of a large file, by id: those that have extents.  Reads
	 * all records.  Stops as queued() does. */
	int (*large)(struct local *l, local_visit *visit, void *ctx);
	/* Newest records of all paths that are `folder` or below it, in
	 * ascending order of path, each with those that add to it behind it;
	 * only_open: those not final. */
	int (*below)(struct local *l, struct bytes folder, bool only_open,
		local_visit *visit, void *ctx);
	int (*counts)(struct local *l, struct local_counts *ret);

	/* -- blocks.  height must be the tip's + 1, ids those of ready records
	 * in no block, in order of index.  Each state is reached from the one
	 * before it, lowest height first.  -EINVAL otherwise. */
	int (*put_block)(struct local *l, uint64_t height, struct bytes b,
		const uint64_t *ids, size_t n, uint64_t bytes);
	int (*put_stamp)(struct local *l, uint64_t height, uint64_t t_type,
		struct bytes t, const struct hash *hmeta);
	/* The block's number and its number object, in one commit; -EEXIST
	 * when k has another object. */
	int (*put_sequence)(struct local *l, uint64_t height, uint64_t k,
		struct bytes s, struct bytes object);
	int (*set_final)(struct local *l, uint64_t height);
	/* Drops this block and all above it, none of which may be numbered
	 * (-EBUSY), and queues their records again under their old ids. */
	int (*requeue)(struct local *l, uint64_t height);
	/* *ret is owned by the caller: local_block_done().  -ENOENT. */
	int (*block)(struct local *l, uint64_t height, struct local_block *ret);
	/* Height of the newest block in at least that state; -ENOENT. */
	int (*tip)(struct local *l, enum local_state state, uint64_t *ret);
	/* Block zero comes whole: b, t, s known, state FINAL, k 0.  -EEXIST. */
	int (*put_genesis)(struct local *l, const struct local_block *b0,
		struct bytes object);

	/* -- numbers that are no block's; the same object again is 0, another
	 * is -EEXIST.  number() gives any number's object, -ENOENT. */
	int (*put_number)(struct local *l, uint64_t k, struct bytes object);
	int (*number)(struct local *l, uint64_t k, struct buf *ret_object);
	int (*last_number)(struct local *l, uint64_t *ret); /* -ENOENT */

	/* -- lag: key lacks in these buckets (mask); 0 clears it.  source says
	 * from what the object is made again: height of a pack, id of the
	 * record of an extent, number.  Ascending by key. */
	int (*set_lag)(struct local *l, const char *key, uint32_t buckets,
		uint64_t source);
	int (*lags)(struct local *l,
		int (*visit)(void *ctx, const char *key, uint32_t buckets,
			uint64_t source),
		void *ctx);

	/* -- values, at most 64 KiB (-E2BIG); names are short C strings.
	 * -ENOENT. */
	int (*set_value)(struct local *l, const char *name, struct bytes v);
	int (*value)(struct local *l, const char *name, struct buf *ret);

	void (*free)(struct local *l);
};
struct local {
	const struct local_ops *ops;
};

static inline void local_block_done(struct local_block *b)
{
	buf_free(&b->b);
	buf_free(&b->t);
	buf_free(&b->s);
}

static inline void cleanup_local_block(struct local_block *b)
{
	local_block_done(b);
}

#endif
