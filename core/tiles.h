/*
 * tiles: the hashes and entries of the main log, out of the blocks in local.
 *
 * Hash i of level L is the root over the entries i * 256^L .. (i + 1) * 256^L
 * - 1, as tlog-tiles (C2SP) has it; level 0 are the leaves.  A block gives its
 * own leaf, so nothing has to be kept to answer; but the hashes of level 1,
 * 32 bytes for 256 blocks, are kept as values of local, 256 to a value.
 * With these a hash of any level, a root or a path costs at most 512 blocks and
 * one value for each 65536 blocks of the log.  They are derived data: what is
 * missing is computed.
 *
 * Any thread, tiles_grow() one at a time.  Entries asked for must be final
 * (-EBADMSG).
 */
#ifndef CORE_TILES_H
#define CORE_TILES_H

#include "core/local.h"
#include "core/mlog.h"

#define TILES_WIDTH 256	/* hashes of a tile */
#define TILES_LEVELS 8	/* 256^8 entries are more than a number counts */

/* Hashes first .. first + n - 1 of that level. */
int tiles_hashes(struct local *l, unsigned level, uint64_t first, size_t n,
	struct hash *ret);
/* Entries first .. first + n - 1, each with its length in two bytes before
 * it: a bundle, if there are 256 of them. */
int tiles_entries(struct local *l, uint64_t first, size_t n, struct buf *ret);
/* The root of the log at that size, and the path of an entry in it. */
int tiles_root(struct local *l, uint64_t size, struct hash *ret);
int tiles_inclusion(struct local *l, uint64_t size, uint64_t index,
	struct hash ret[MLOG_DEPTH], size_t *ret_n);
/* Keeps one more hash of level 1 if a log of that size has one that is not
 * kept: 1, or 0 when all are. */
int tiles_grow(struct local *l, uint64_t size);

#endif
