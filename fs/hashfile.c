#include "fs/hashfile.h"

#include <errno.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "core/object.h"
#include "fs/growth.h"
#include "fs/holes.h"

#define HOLES_FROM ((uint64_t)1 << 20) /* bytes of a file that may have any
					  worth looking for */

/* What goes on over the whole file. */
struct pass {
	int fd;
	struct hashing *h;
	uint64_t at, size;
	struct run run;		/* what is left of it, from `at` on */
	struct hasher *sha;	/* NULL: not wanted */
	struct chunktree *whole; /* one over all that follows, or NULL */
};

static void take(struct pass *p, uint64_t n)
{
	p->at += n;
	p->run.n -= n;
	atomic_fetch_add(&p->h->done, n);
}

static int feed_data(struct pass *p, struct chunktree *tree, uint64_t n)
{
	ssize_t got;

	if (n > HASHFILE_BUFFER)
		n = HASHFILE_BUFFER;
	do
		got = pread(p->fd, p->h->buffer, (size_t)n, (off_t)p->at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got < 0 ? -errno : -EAGAIN;
	chunktree_add(tree, BYTES(p->h->buffer, (size_t)got));
	if (p->whole != NULL)
		chunktree_add(p->whole, BYTES(p->h->buffer, (size_t)got));
	if (p->sha != NULL)
		hasher_add(p->sha, BYTES(p->h->buffer, (size_t)got));
	take(p, (uint64_t)got);
	return 0;
}

static void feed_hole(struct pass *p, struct chunktree *tree, uint64_t n)
{
	if (p->sha != NULL && n > HASHFILE_STEP)
		n = HASHFILE_STEP; /* else it costs nothing */
	chunktree_add_zeros(tree, n);
	if (p->whole != NULL)
		chunktree_add_zeros(p->whole, n);
	if (p->sha != NULL)
		hasher_add_zeros(p->sha, n);
	take(p, n);
}

/* The next n bytes into tree (and the plain digest, and the whole). */
static int feed(struct pass *p, struct chunktree *tree, uint64_t n)
{
	uint64_t end = p->at + n, some;
	int rc = 0;

	while (rc == 0 && p->at < end) {
		if (p->run.n == 0)
			p->run = p->size < HOLES_FROM ?
				(struct run){p->size, false} :
				holes_run(p->fd, p->at, p->size);
		some = p->run.n < end - p->at ? p->run.n : end - p->at;
		if (p->h->go_on != NULL && (rc = p->h->go_on(p->h->ctx)) != 0)
			break;
		if (p->run.hole)
			feed_hole(p, tree, some);
		else
			rc = feed_data(p, tree, some);
	}
	return rc;
}

static int one_top(struct pass *p, uint64_t n, struct hash *ret)
{
	struct chunktree *tree = chunktree_new();
	int rc;

	if (tree == NULL)
		return -ENOMEM;
	rc = feed(p, tree, n);
	if (rc == 0)
		*ret = chunktree_top(tree);
	chunktree_free(tree);
	return rc;
}

/* A full one that begins where one of the whole does is a node of that, too. */
static int one_extent(struct pass *p, uint64_t n, struct hash *ret)
{
	struct chunktree *whole = p->whole;
	int rc;

	if (whole == NULL || n < EXTENT_SIZE ||
		chunktree_length(whole) % EXTENT_SIZE != 0)
		return one_top(p, n, ret);
	p->whole = NULL;
	rc = one_top(p, n, ret);
	p->whole = whole;
	if (rc == 0)
		chunktree_add_extent(whole, ret);
	return rc;
}

/* Each extent has a tree of its own; their tops give the file's. */
static int extents(struct pass *p, struct buf *tops, struct hash *ret)
{
	uint64_t length = p->size - p->at, n;
	struct hash top;
	int rc;

	while (p->at < p->size) {
		n = p->size - p->at < EXTENT_SIZE ? p->size - p->at :
			EXTENT_SIZE;
		rc = one_extent(p, n, &top);
		if (rc == 0)
			rc = buf_add(tops, top.b, HASH_LEN);
		if (rc != 0)
			return rc;
	}
	return chunktree_join((const struct hash *)(const void *)tops->p,
		tops->n / HASH_LEN, length, ret);
}

/* Did what looks like a hole at the end belong to it? */
static int still_so_long(const struct pass *p)
{
	off_t end;

	if (p->size < HOLES_FROM)
		return 0;
	end = lseek(p->fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	return (uint64_t)end < p->size ? -EAGAIN : 0;
}

int hashfile(int fd, uint64_t size, struct hashing *h, struct hashed *ret)
{
	struct pass p = {.fd = fd, .h = h, .size = size,
		.sha = hasher_new(HASH_SHA256)};
	struct buf tops = {0};
	struct hash top;
	int rc;

	if (p.sha == NULL)
		return -ENOMEM;
	rc = size > PACK_FILE_MAX ? extents(&p, &tops, &top) :
		one_top(&p, size, &top);
	if (rc == 0)
		rc = still_so_long(&p);
	if (rc == 0) {
		ret->root = chunktree_root_of(size, &top);
		ret->sha256 = hasher_end(p.sha);
		ret->tops = tops;
	} else {
		buf_free(&tops);
	}
	hasher_free(p.sha);
	return rc;
}

int hashfile_root(int fd, uint64_t size, uint8_t *buffer, struct hash *ret)
{
	struct hashing h = {.buffer = buffer};
	struct pass p = {.fd = fd, .h = &h, .size = size};
	struct hash top;
	int rc = one_top(&p, size, &top);

	if (rc == 0)
		rc = still_so_long(&p);
	if (rc == 0)
		*ret = chunktree_root_of(size, &top);
	return rc;
}

/* Root of what it stands behind. */
static int root_so_far(const struct chunktree *whole, struct hash *ret)
{
	struct chunktree *copy = chunktree_copy(whole);

	if (copy == NULL)
		return -ENOMEM;
	*ret = chunktree_root(copy);
	chunktree_free(copy);
	return 0;
}

static int sha_so_far(const struct hasher *sha, struct hash *ret)
{
	struct hasher *copy = hasher_copy(sha);

	if (copy == NULL)
		return -ENOMEM;
	*ret = hasher_end(copy);
	hasher_free(copy);
	return 0;
}

/* The standing behind `from`, and the root there. */
static int stand(struct pass *p, uint64_t from, struct standing *at,
	struct hash *ret_before)
{
	int rc = 0;

	if (at->tree == NULL) {
		*at = (struct standing){chunktree_new(),
			hasher_new(HASH_SHA256)};
		p->sha = at->sha;
		rc = at->tree == NULL || at->sha == NULL ? -ENOMEM :
			feed(p, at->tree, from);
	}
	p->sha = at->sha;
	p->at = from;
	return rc == 0 ? root_so_far(at->tree, ret_before) : rc;
}

int hashfile_grown(int fd, uint64_t from, uint64_t size, struct hashing *h,
	struct standing *at, struct hashed *ret, struct hash *ret_before,
	struct hash *ret_tail)
{
	struct pass p = {.fd = fd, .h = h, .size = size};
	uint64_t n = size - from;
	struct hashed r = {0};
	struct hash top;
	int rc = stand(&p, from, at, ret_before);

	p.whole = at->tree;
	if (rc == 0)
		rc = n > PACK_FILE_MAX ? extents(&p, &r.tops, &top) :
			one_top(&p, n, &top);
	if (rc == 0)
		rc = still_so_long(&p);
	if (rc == 0)
		rc = root_so_far(at->tree, &r.root);
	if (rc == 0)
		rc = sha_so_far(at->sha, &r.sha256);
	if (rc != 0) {
		buf_free(&r.tops);
		return rc;
	}
	*ret_tail = chunktree_root_of(n, &top);
	*ret = r;
	return 0;
}
