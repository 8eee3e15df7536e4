/*
 * chunktree: the content root of a file.
 *
 *	leaf  = H(chunk || 0x10)       chunks of 4096 bytes, the last shorter
 *	inner = H(l || r || 0x11)      RFC 9162 shape, nothing duplicated
 *	root  = H(length as 8 bytes big endian || top || 0x12)
 *
 * An empty file has no chunks; its top is 32 zero bytes.  Tags stand last so
 * that data stay aligned.  Any aligned run of 2^k chunks, and the last short
 * run, is a node of the tree: an extent (object.h) is known by its own top,
 * and the file's top follows from the tops of its extents.
 */
#ifndef CORE_CHUNKTREE_H
#define CORE_CHUNKTREE_H

#include "core/bytes.h"

#define CHUNK_SIZE 4096			/* bytes */
#define EXTENT_SIZE (UINT64_C(64) << 20) /* bytes of a full extent: 2^14 chunks */

struct chunktree;

/* A running tree; O(log n) memory.  NULL: no memory. */
struct chunktree *chunktree_new(void);
/* Bytes in order, in pieces of any size.  Whole chunks are hashed in place,
 * many at once where a piece holds many and begins at a chunk's border; what
 * lies across the borders of pieces is gathered. */
void chunktree_add(struct chunktree *t, struct bytes data);
/* n zero bytes, as if they had been added, at a cost that grows with the
 * logarithm of n: a run of 2^k zero chunks is a node that is known. */
void chunktree_add_zeros(struct chunktree *t, uint64_t n);
/* A full extent, by its top, where one may begin: length is a multiple of
 * EXTENT_SIZE. */
void chunktree_add_extent(struct chunktree *t, const struct hash *top);
/* Top and root; the tree may not be added to afterwards. */
struct hash chunktree_top(struct chunktree *t);
struct hash chunktree_root(struct chunktree *t);
/* Another one that stands where this does.  NULL: no memory. */
struct chunktree *chunktree_copy(const struct chunktree *t);
uint64_t chunktree_length(const struct chunktree *t);
void chunktree_free(struct chunktree *t);

/* root of a known top and length */
struct hash chunktree_root_of(uint64_t length, const struct hash *top);
/* The top of a file of `length` bytes from the tops of its extents, n of them
 * in order.  -EINVAL if n is not the number of extents of that length. */
int chunktree_join(const struct hash *tops, size_t n, uint64_t length,
	struct hash *ret_top);
/* The top of that many zero bytes. */
struct hash chunktree_zeros(uint64_t length);
/* Number of extents of a file of that length. */
uint64_t chunktree_extents(uint64_t length);
/* One piece of memory at once; ends the process when there is no memory for
 * the tree, as hash.h does. */
struct hash chunktree_root_bytes(struct bytes data);
/* The roots of n contents at once: chunks and nodes of small ones share the
 * lanes of a wide kernel.  (chunktree_many.c) */
void chunktree_roots(const struct bytes *data, size_t n, struct hash *ret);

#endif
