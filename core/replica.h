/*
 * replica: replicate() and fetch() over n buckets, any k of which restore.
 *
 * A replica belongs to one chain: keys are those of object.h and the chain's
 * prefix is added inside.  Whole objects are the same in every bucket; coded
 * objects are one share per bucket (META in clear, payload coded).  Share
 * bytes are a function of their input, so a retry writes the same bytes.
 *
 * Any thread; calls block.
 */
#ifndef CORE_REPLICA_H
#define CORE_REPLICA_H

#include "core/bytes.h"

#define REPLICA_MAX 16	/* buckets */
#define REPLICA_PAYLOAD_MAX (UINT64_C(64) << 20) /* bytes: a full extent */

/* Where a payload comes from: n bytes at off, or a negative errno. */
struct source {
	int (*read)(void *ctx, uint64_t off, void *ret, size_t n);
	void *ctx;
};

/* How a put or get went, bucket by bucket. */
struct replica_report {
	uint32_t stored;	/* bit i: bucket i holds it durably */
	uint32_t bad;		/* bit i: present but damaged or lying */
	int error[REPLICA_MAX];	/* last error of bucket i, 0 if none */
};

struct replica;
struct replica_ops {
	/* Both puts: 0 when at least the write quorum holds the object (the
	 * report says who lacks it), -EAGAIN when fewer do: nothing is lost,
	 * put again.  A payload that cannot be read is that error, and nothing
	 * is stored.  -EFBIG beyond the limits.  report may be NULL. */
	int (*put_whole)(struct replica *r, const char *key, struct bytes data,
		struct replica_report *report);
	int (*put_coded)(struct replica *r, const char *key, struct bytes meta,
		uint64_t length, const struct source *payload,
		struct replica_report *report);
	/* The first bucket's object that accept() takes.  -ENOENT if none has
	 * one, or if so many have none that it cannot be stored at quorum;
	 * -EAGAIN if those that could not be reached may have it; -EBADMSG if
	 * all that have one were refused.  With a report all buckets are read,
	 * and those that hold other bytes are bad. */
	int (*get_whole)(struct replica *r, const char *key, size_t max,
		bool (*accept)(void *ctx, struct bytes data), void *ctx,
		struct buf *ret, struct replica_report *report);
	/* META of a coded object whose hash is hmeta, from any one bucket. */
	int (*get_meta)(struct replica *r, const char *key,
		const struct hash *hmeta, struct buf *ret,
		struct replica_report *report);
	/* The payload: shares are combined until accept() takes the result.
	 * -ENODATA when fewer than k usable shares are there, -EBADMSG when no
	 * k of them are accepted.  Without a report no more shares are read
	 * than it takes.  With one every share's META and cells are held
	 * against what was accepted, so bad names whatever is damaged or lies,
	 * needed or not. */
	int (*get_coded)(struct replica *r, const char *key,
		const struct hash *hmeta,
		bool (*accept)(void *ctx, struct bytes payload), void *ctx,
		struct buf *ret, struct replica_report *report);
	/* Every key with that prefix in any bucket, ascending, each once, and
	 * the mask of buckets that list it, until visit returns non-zero, which
	 * is then returned.  -EAGAIN at the end when so few buckets could be
	 * listed that an object stored at quorum may be missing.  visit may use
	 * the replica. */
	int (*list)(struct replica *r, const char *prefix,
		int (*visit)(void *ctx, const char *key, uint32_t buckets),
		void *ctx);
	void (*free)(struct replica *r);
};
struct replica {
	const struct replica_ops *ops;
	unsigned n, k, quorum;	/* buckets; needed to read; to count as written */
};

/* Does the write quorum hold what these buckets lack? */
static inline bool replica_holds(const struct replica *r, uint32_t lacking)
{
	uint32_t all = (UINT32_C(1) << r->n) - 1;

	return (unsigned)__builtin_popcount(all & ~lacking) >= r->quorum;
}

#endif
