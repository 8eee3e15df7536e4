/*
 * ledger: a chain as it is read from buckets and from nothing else.
 *
 * One bucket is enough to verify all of it: block zero against the anchor, every
 * number (succession.h), every block with its timestamp, its tree and its
 * place on the main chain (chain.h), and the main log at every height.  What is
 * missing or damaged in a bucket is a finding; reading goes on with the others.
 *
 * One thread.
 */
#ifndef FS_LEDGER_H
#define FS_LEDGER_H

#include <stdarg.h>

#include "core/mlog.h"
#include "core/object.h"
#include "core/params.h"
#include "core/replica.h"
#include "core/worm.h"
#include "fs/succession.h"

struct assembly;
struct mlogtree;

enum ledger_finding {
	LEDGER_WRONG,		/* proved to be wrong: damaged, forged */
	LEDGER_INCOMPLETE,	/* something is not there to be checked */
};

struct ledger_bucket {
	char *path;
	struct worm *worm;	/* NULL: cannot be opened */
	int share;		/* index, -1 while unknown */
	int genesis;		/* how it holds block zero: 0, -ENOENT, ... */
	bool foreign;		/* neither that nor any share of the chain */
	uint64_t missing, damaged, mended; /* objects */
};

/* An object that some buckets lack or hold otherwise, with the right bytes. */
struct ledger_object {
	const char *key;		/* without the chain's prefix */
	uint32_t missing, damaged;	/* bit i: bucket i of the ledger */
	bool known;			/* the right bytes are here: */
	struct bytes whole;		/* the same in every bucket; or n == 0 */
	struct bytes meta, payload;	/* and it is coded */
};

/* A block of the main chain. */
struct ledger_block {
	uint64_t k;
	uint32_t epoch;
	struct hash hmeta;	/* H(META); zero for block zero */
	struct hash hs;		/* H(s) */
	uint64_t p_ms;		/* its timestamp's time */
	uint64_t log_size;	/* of the main log that it names, or 0 */
};

/* An object that a bucket lacked when it was looked for. */
struct ledger_lack {
	char key[OBJECT_KEY_MAX];
	unsigned bucket;
};

struct ledger_events {
	void (*finding)(void *ctx, enum ledger_finding f, const char *text);
	/* How far: done of total, of what.  May be NULL. */
	void (*progress)(void *ctx, const char *what, uint64_t done,
		uint64_t total);
	/* Puts an object right where it is not; the buckets in which it is
	 * then.  NULL: nothing is put right. */
	uint32_t (*mend)(void *ctx, const struct ledger_object *o);
	/* What remained missing or damaged.  May be NULL. */
	void (*bad)(void *ctx, unsigned bucket, const char *key, bool missing);
	/* So many bytes were read: it may wait, to leave the disks to others.
	 * May be NULL. */
	void (*read)(void *ctx, uint64_t bytes);
	void *ctx;
};

struct ledger {
	const struct assembly *a;
	struct ledger_events events;
	struct hash anchor;
	char prefix[HASH_HEX + 1];
	unsigned n_buckets;
	struct ledger_bucket bucket[REPLICA_MAX];
	struct buf genesis_raw;
	struct genesis genesis;
	struct params params;
	struct replica *replica;	/* over the buckets, by share */
	struct succession succession;
	struct mlog log;
	struct mlogtree *tree;		/* the same, for proofs */
	struct chain *chain;
	struct ledger_block *block;	/* by height */
	size_t n_blocks;
	bool broken;		/* a block could not be judged: later ones are
				   not placed */
	struct buf *doc;		/* documents by epoch */
	size_t n_docs;
	struct ledger_lack *lack;
	size_t n_lacks;
	uint64_t numbers, last_number;	/* read; the highest listed + 1 */
	uint64_t wrong, incomplete;	/* findings */
};

/* Opens the buckets, finds block zero and which share each bucket holds.  0,
 * or a negative errno with a sentence in *ret_why. */
int ledger_open(const struct assembly *a, const struct hash *anchor,
	char *const *paths, unsigned n, const struct ledger_events *events,
	struct ledger **ret, char **ret_why);
void ledger_close(struct ledger *l);

/* Called for each block of the main chain in order, height 1 and up, while
 * its META is at hand.  Non-zero ends the reading and is returned. */
struct block;
typedef int ledger_visit(void *ctx, uint64_t height, const struct meta *m);
/* Reads and verifies everything but the contents.  0, also with findings;
 * negative: memory, or what visit returned. */
int ledger_read(struct ledger *l, ledger_visit *visit, void *ctx);
/* After that: was everything verified that any bucket lists? */
bool ledger_whole(const struct ledger *l);
/* Are there enough buckets for contents? */
bool ledger_enough(const struct ledger *l);
/* How many can be opened and hold something of the chain. */
unsigned ledger_usable(const struct ledger *l);

/* META of a main-chain block, checked already by ledger_read(): decoded;
 * raw owns the bytes. */
int ledger_meta(struct ledger *l, uint64_t height, struct buf *ret_raw,
	struct meta *ret);
/* s of a main-chain block, height 0 too. */
int ledger_sequence(struct ledger *l, uint64_t height, struct buf *ret);

/* Records a finding: a sentence without a full stop. */
void ledger_find(struct ledger *l, enum ledger_finding f, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* An object is not everywhere as it should be: mended, or counted and found;
 * why may be "". */
int ledger_object(struct ledger *l, const struct ledger_object *o,
	const char *why);
/* Key is missing in bucket i: reported by ledger_lacks(), which looks again
 * for those, as a mounted vault may have been writing.  Waits up to wait_ms
 * for them. */
int ledger_lacks_add(struct ledger *l, const char *key, unsigned bucket);
void ledger_lacks(struct ledger *l, uint64_t wait_ms);
/* The bucket that holds a share; NULL: none of those given. */
struct ledger_bucket *ledger_share(struct ledger *l, unsigned share);

#endif
