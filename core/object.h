/*
 * object: what lies in a bucket, apart from the shares' own framing.
 *
 * Keys (all below "<chain>/", chain = H(b0) in hex):
 *   genesis          ["notaryfs-genesis", 1, b0, [type, t0], s0, params, doc0]
 *   a/<k>            number object [s, H(META)|null, doc|null, R|null],
 *                    k as 16 lower-case hex digits; the same in every bucket;
 *                    doc stands with the first number of an epoch, R with a
 *                    recovery
 *   p/<H(META)>      share object of one block's pack: META in clear, the
 *                    payload coded
 *   c/<extent top>   share object of one extent of a large file
 *
 * Whatever is named here by a letter is the byte string of its own encoding.
 *
 * META = [b, [type, t], [+ d], {* transaction index: extents}]
 *   The payload is the contents of the put records of at most PACK_FILE_MAX
 *   bytes, one after another in order of index.  Larger ones are listed in the
 *   map: their extents' tops (chunktree.h), 32 bytes each, in order.
 * Extent META = ["notaryfs-extent", 1, top32, length]
 *
 * Shares are named by H(META) because META commits to b, t and every d, and d
 * to its content: hashing the contents a second time would cost as much again.
 */
#ifndef CORE_OBJECT_H
#define CORE_OBJECT_H

#include "core/bytes.h"
#include "core/merkle.h"

#define PACK_FILE_MAX (UINT64_C(16) << 20) /* bytes; larger go to extents */
#define PACK_BYTES_MAX (UINT64_C(16) << 20) /* payload bytes of a pack */
#define META_MAX ((size_t)32 << 20)	/* bytes of an encoded META */
#define META_RECORDS_MAX ((size_t)8 << 20) /* bytes of all d of a block */
#define NUMBER_MAX ((size_t)64 << 10)	/* bytes of a number object */
#define RECOVERY_MAX 1024		/* bytes of R */
#define GENESIS_MAX ((size_t)64 << 10)
#define OBJECT_KEY_MAX 96		/* characters of a key with its NUL */

struct meta_extents {
	uint32_t index;		/* of the transaction */
	struct bytes tops;	/* n * 32 bytes */
};

struct meta {
	struct bytes b;
	uint64_t t_type;
	struct bytes t;
	size_t n;		/* transactions */
	struct bytes *d;	/* n of them */
	size_t n_large;
	struct meta_extents *large; /* indexes ascending */
};

/* Points into `in`; owns the arrays: meta_done().  -EBADMSG, -ENOMEM. */
int meta_decode(struct bytes in, struct meta *ret);
void meta_done(struct meta *m);
int meta_encode(const struct meta *m, struct buf *ret); /* (object_write.c) */

struct extent_meta {
	struct hash top;
	uint64_t length;	/* 1..EXTENT_SIZE */
};
int extent_meta_decode(struct bytes in, struct extent_meta *ret);
int extent_meta_encode(const struct extent_meta *m, struct buf *ret);

struct number {
	struct bytes s;
	bool has_meta;
	struct hash meta;
	struct bytes doc, recovery;	/* n == 0: null */
};
int number_decode(struct bytes in, struct number *ret);
int number_encode(const struct number *n, struct buf *ret);

struct genesis {
	struct bytes b0;
	uint64_t t_type;
	struct bytes t, s, params, doc;
};
int genesis_decode(struct bytes in, struct genesis *ret);
int genesis_encode(const struct genesis *g, struct buf *ret);

/* Keys without the chain's prefix. */
void object_key_pack(const struct hash *hmeta, char ret[OBJECT_KEY_MAX]);
void object_key_extent(const struct hash *top, char ret[OBJECT_KEY_MAX]);
void object_key_number(uint64_t k, char ret[OBJECT_KEY_MAX]);
#define OBJECT_KEY_GENESIS "genesis"

#endif
