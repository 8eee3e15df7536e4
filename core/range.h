/*
 * range: that some bytes are bytes from .. to-1 of a recorded file, shown
 * without the rest of it (certificate key 17).
 *
 * A content root commits to chunks of 4096 bytes, so the certificate carries
 * what the first and the last chunk hold beside the range, and of the tree the
 * hash of each largest node that has no byte of the range: O(log size).  A
 * range that begins and ends at chunk borders (or at the file's end) shows
 * nothing but itself; any other shows at most 4095 bytes at either side.
 *
 * Form: [from, to, left bytes, right bytes, [* hash]], 0 <= from < to <= size;
 * left holds from mod 4096 bytes, right what is missing of the last chunk; the
 * hashes stand in the order of the file.  All lengths follow from (from, to,
 * size), and nothing else is accepted.
 */
#ifndef CORE_RANGE_H
#define CORE_RANGE_H

#include "core/bytes.h"
#include "core/chunktree.h"

#define RANGE_EDGE_MAX (CHUNK_SIZE - 1)	/* bytes beside the range */
/* A path to either end of a tree over 2^52 chunks. */
#define RANGE_HASHES_MAX 104

struct range {
	uint64_t from, to;	/* bytes [from, to); to == 0: no range */
	struct bytes left, right;
	size_t n;
	struct hash hash[RANGE_HASHES_MAX];
};

/* Where bytes come from: exactly n bytes at `off` or a negative errno. */
struct range_source {
	int (*read)(void *ctx, uint64_t off, uint8_t *ret, size_t n);
	void *ctx;
};

/* Does it have the form that (from, to, size) demands? */
bool range_fits(const struct range *r, uint64_t size);
/* The content root that the piece leads to; offsets of src begin at the
 * range's first byte.  r must fit.  The source's error, -ENOMEM. */
int range_root(const struct range *r, uint64_t size,
	const struct range_source *src, struct hash *ret);
/* Makes the range of a file at hand; offsets of src are the file's.  edge has
 * room for 2 * RANGE_EDGE_MAX bytes, which ret points into.  -EINVAL if it is
 * empty or ends beyond size. */
int range_make(uint64_t from, uint64_t to, uint64_t size,
	const struct range_source *src, uint8_t *edge, struct range *ret);

#endif
