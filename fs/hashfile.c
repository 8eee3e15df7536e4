#include "fs/hashfile.h"

#include <errno.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "core/object.h"
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

/* Each extent has a tree of its own; their tops give the file's. */
static int extents(struct pass *p, struct buf *tops, struct hash *ret)
{
	uint64_t length = p->size - p->at, n;
	struct hash top;
	int rc;

	while (p->at < p->size) {
		n = p->size - p->at < EXTENT_SIZE ? p->size - p->at :
			EXTENT_SIZE;
		rc = one_top(p, n, &top);
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

/* Up to `from`, into the whole; and what the root is there. */
static int feed_before(struct pass *p, struct chunktree *whole, uint64_t from,
	struct hash *ret)
{
	struct chunktree *copy;
	int rc = feed(p, whole, from);

	copy = rc == 0 ? chunktree_copy(whole) : NULL;
	if (rc == 0 && copy == NULL)
		return -ENOMEM;
	if (rc == 0)
		*ret = chunktree_root(copy);
	chunktree_free(copy);
	return rc;
}

int hashfile_grown(int fd, uint64_t from, uint64_t size, struct hashing *h,
	struct hashed *ret, struct hash *ret_before, struct hash *ret_tail)
{
	struct pass p = {.fd = fd, .h = h, .size = size,
		.sha = hasher_new(HASH_SHA256)};
	struct chunktree *whole = chunktree_new();
	uint64_t n = size - from;
	struct buf tops = {0};
	struct hash top;
	int rc = p.sha == NULL || whole == NULL ? -ENOMEM :
		feed_before(&p, whole, from, ret_before);

	p.whole = whole;
	if (rc == 0)
		rc = n > PACK_FILE_MAX ? extents(&p, &tops, &top) :
			one_top(&p, n, &top);
	if (rc == 0)
		rc = still_so_long(&p);
	if (rc == 0) {
		*ret_tail = chunktree_root_of(n, &top);
		ret->root = chunktree_root(whole);
		ret->sha256 = hasher_end(p.sha);
		ret->tops = tops;
	} else {
		buf_free(&tops);
	}
	hasher_free(p.sha);
	chunktree_free(whole);
	return rc;
}
