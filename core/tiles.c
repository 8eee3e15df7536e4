#include "core/tiles.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/sequence.h"
#include "core/timestamp.h"

/* The entry that a block of the main chain added. */
static int entry(struct local *l, uint64_t height,
	uint8_t ret[SEQUENCE_LOG_ENTRY_MAX], size_t *ret_n)
{
	struct local_block b = {.height = 0};
	struct hash hb, ht;
	struct sequence s;
	int rc = l->ops->block(l, height, &b);

	if (rc == 0 && (b.state != LOCAL_FINAL ||
			sequence_peek(BUF_BYTES(&b.s), &s) != 0))
		rc = -EBADMSG;
	if (rc == 0) {
		hb = block_hash(BUF_BYTES(&b.b));
		ht = timestamp_hash(BUF_BYTES(&b.t));
		*ret_n = sequence_log_entry(height, s.k, &hb, &ht, s.r, ret);
	}
	local_block_done(&b);
	return rc == -ENOENT ? -EBADMSG : rc;
}

static int leaf(struct local *l, uint64_t height, struct hash *ret)
{
	uint8_t bytes[SEQUENCE_LOG_ENTRY_MAX];
	size_t n;
	int rc = entry(l, height, bytes, &n);

	if (rc == 0)
		*ret = mlog_leaf(BYTES(bytes, n));
	return rc;
}

int tiles_entries(struct local *l, uint64_t first, size_t n, struct buf *ret)
{
	cleanup(buf) struct buf all = {0};
	uint8_t bytes[2 + SEQUENCE_LOG_ENTRY_MAX];
	size_t i, len;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		rc = entry(l, first + i, bytes + 2, &len);
		if (rc != 0)
			break;
		bytes[0] = (uint8_t)(len >> 8);
		bytes[1] = (uint8_t)len;
		rc = buf_add(&all, bytes, 2 + len);
	}
	if (rc != 0)
		return rc;
	*ret = all;
	all = (struct buf){0}; /* the caller has it */
	return 0;
}

/* -- level 1, as it is kept */

static void value_name(uint64_t i, char ret[40])
{
	snprintf(ret, 40, "tiles.1.%" PRIu64, i / TILES_WIDTH);
}

/* Those kept of the tile that holds hash i: the first `*ret_n` of it. */
static int kept(struct local *l, uint64_t i, struct hash ret[TILES_WIDTH],
	size_t *ret_n)
{
	cleanup(buf) struct buf value = {0};
	char name[40];
	int rc;

	value_name(i, name);
	rc = l->ops->value(l, name, &value);
	if (rc != 0 && rc != -ENOENT)
		return rc;
	if (value.n % HASH_LEN != 0 || value.n > TILES_WIDTH * HASH_LEN)
		value.n = 0; /* not ours: computed */
	if (value.n > 0)
		memcpy(ret, value.p, value.n);
	*ret_n = value.n / HASH_LEN;
	return 0;
}

static int root_of(struct local *l, unsigned level, uint64_t first,
	struct hash *ret)
{
	struct hash h[TILES_WIDTH];
	struct mlog log = {.size = 0};
	size_t i;
	int rc = tiles_hashes(l, level, first, TILES_WIDTH, h);

	for (i = 0; rc == 0 && i < TILES_WIDTH; i++)
		mlog_add(&log, &h[i]);
	if (rc == 0)
		*ret = mlog_root(&log);
	return rc;
}

static int level_one(
	struct local *l, uint64_t first, size_t n, struct hash *ret)
{
	struct hash h[TILES_WIDTH];
	size_t i, have = 0;
	uint64_t at;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		at = first + i;
		if (i == 0 || at % TILES_WIDTH == 0)
			rc = kept(l, at, h, &have);
		if (rc == 0 && at % TILES_WIDTH < have)
			ret[i] = h[at % TILES_WIDTH];
		else if (rc == 0)
			rc = root_of(l, 0, at * TILES_WIDTH, &ret[i]);
	}
	return rc;
}

int tiles_hashes(struct local *l, unsigned level, uint64_t first, size_t n,
	struct hash *ret)
{
	size_t i;
	int rc = 0;

	assert(level < TILES_LEVELS);
	if (level == 1)
		return level_one(l, first, n, ret);
	for (i = 0; rc == 0 && i < n; i++)
		rc = level == 0 ? leaf(l, first + i, &ret[i]) :
			root_of(l, level - 1, (first + i) * TILES_WIDTH,
				&ret[i]);
	return rc;
}

int tiles_grow(struct local *l, uint64_t size)
{
	struct hash h[TILES_WIDTH];
	uint64_t full = size / TILES_WIDTH, tile = full / TILES_WIDTH;
	char name[40];
	size_t n;
	int rc;

	/* from the newest tile back to one that is whole */
	for (;; tile--) {
		rc = kept(l, tile * TILES_WIDTH, h, &n);
		if (rc != 0)
			return rc;
		if (n > 0 || tile == 0)
			break;
	}
	if (n == TILES_WIDTH) {
		tile++;
		n = 0;
	}
	if (tile * TILES_WIDTH + n >= full)
		return 0;
	rc = root_of(l, 0, (tile * TILES_WIDTH + n) * TILES_WIDTH, &h[n]);
	if (rc != 0)
		return rc;
	value_name(tile * TILES_WIDTH, name);
	rc = l->ops->set_value(l, name, BYTES(h, (n + 1) * HASH_LEN));
	return rc != 0 ? rc : 1;
}

/* -- trees */

/* The root over entries first .. end - 1; first is a multiple of 256, or the
 * range lies within 256 of them: so it is with all subtrees of RFC 9162. */
static int subtree(struct local *l, uint64_t first, uint64_t end,
	struct hash *ret)
{
	struct hash h[TILES_WIDTH];
	struct mlog log = {.size = 0};
	uint64_t at = first;
	size_t i, n;
	int rc = 0;

	if (end - first >= TILES_WIDTH)
		for (at /= TILES_WIDTH; rc == 0 && at < end / TILES_WIDTH;
			at += n) {
			n = TILES_WIDTH - at % TILES_WIDTH;
			if (n > end / TILES_WIDTH - at)
				n = (size_t)(end / TILES_WIDTH - at);
			rc = tiles_hashes(l, 1, at, n, h);
			for (i = 0; rc == 0 && i < n; i++)
				mlog_add(&log, &h[i]);
		}
	if (log.size > 0) {
		/* as many entries: the same subtrees are its edges */
		log.size *= TILES_WIDTH;
		at = end - end % TILES_WIDTH;
	}
	n = (size_t)(end - at);
	if (rc == 0)
		rc = tiles_hashes(l, 0, at, n, h);
	for (i = 0; rc == 0 && i < n; i++)
		mlog_add(&log, &h[i]);
	if (rc == 0)
		*ret = mlog_root(&log);
	return rc;
}

int tiles_root(struct local *l, uint64_t size, struct hash *ret)
{
	return subtree(l, 0, size, ret);
}

int tiles_inclusion(struct local *l, uint64_t size, uint64_t index,
	struct hash ret[MLOG_DEPTH], size_t *ret_n)
{
	struct hash down[MLOG_DEPTH];
	uint64_t first = 0, end = size, middle;
	size_t n = 0, i;
	int rc = 0;

	if (index >= size)
		return -EINVAL;
	while (rc == 0 && end - first > 1) {
		middle = first + mlog_split(end - first);
		if (index < middle) {
			rc = subtree(l, middle, end, &down[n++]);
			end = middle;
		} else {
			rc = subtree(l, first, middle, &down[n++]);
			first = middle;
		}
	}
	for (i = 0; rc == 0 && i < n; i++)
		ret[i] = down[n - 1 - i];
	if (rc == 0)
		*ret_n = n;
	return rc;
}
