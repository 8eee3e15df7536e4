#include "fs/finalby.h"

#include <errno.h>
#include <stdlib.h>

#include "core/block.h"
#include "core/mlogtree.h"
#include "core/sequence.h"
#include "core/timestamp.h"

struct finalby {
	struct local *local;
	struct mlogtree *log;
};

struct finalby *finalby_new(struct local *l)
{
	struct finalby *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->local = l;
	f->log = mlogtree_new();
	if (f->log == NULL) {
		free(f);
		return NULL;
	}
	return f;
}

void finalby_free(struct finalby *f)
{
	if (f == NULL)
		return;
	mlogtree_free(f->log);
	free(f);
}

static int add_entry(struct finalby *f, uint64_t height)
{
	struct local_block b = {0};
	struct sequence s;
	struct hash hb, ht, leaf;
	int rc = f->local->ops->block(f->local, height, &b);

	if (rc != 0)
		return rc;
	rc = sequence_peek(BUF_BYTES(&b.s), &s);
	if (rc == 0) {
		hb = block_hash(BUF_BYTES(&b.b));
		ht = timestamp_hash(BUF_BYTES(&b.t));
		leaf = sequence_log_leaf(height, s.k, &hb, &ht, s.r);
		rc = mlogtree_add(f->log, &leaf);
	}
	local_block_done(&b);
	return rc;
}

/* The log up to that size; final blocks never change. */
static int read_log(struct finalby *f, uint64_t size)
{
	int rc = 0;

	while (rc == 0 && mlogtree_size(f->log) < size)
		rc = add_entry(f, mlogtree_size(f->log));
	return rc;
}

/* Is the block there that far, final, and does it name a log that reaches
 * `height`?  1: yes, *ret is filled. */
static int names(struct finalby *f, uint64_t at, uint64_t height,
	struct local_block *ret, uint64_t *ret_size)
{
	struct local_block found = {0};
	struct block b;
	int rc = f->local->ops->block(f->local, at, &found);

	if (rc != 0)
		return rc;
	if (found.state != LOCAL_FINAL)
		rc = -ENOENT;
	else if (block_decode(BUF_BYTES(&found.b), &b) != 0)
		rc = -EBADMSG;
	else
		rc = b.has_log && b.log_size > height && b.log_size <= at;
	if (rc == 1) {
		*ret = found;
		*ret_size = b.log_size;
	} else {
		local_block_done(&found);
	}
	return rc;
}

int finalby_find(
	struct finalby *f, uint64_t height, struct finalby_proof *ret)
{
	struct local_block later = {0};
	uint64_t at = height, size = 0;
	int rc = 0;

	while (rc == 0 && at < height + FINALBY_LOOK)
		rc = names(f, ++at, height, &later, &size);
	if (rc <= 0)
		return rc == 0 ? -ENOENT : rc;
	rc = read_log(f, size);
	if (rc != 0) {
		local_block_done(&later);
		return rc;
	}
	ret->later = later; /* the caller has it */
	ret->path_len = mlogtree_path(f->log, height, size, ret->path);
	return 0;
}
