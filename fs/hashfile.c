#include "fs/hashfile.h"

#include <errno.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "core/object.h"

/* What goes on over the whole file. */
struct pass {
	int fd;
	uint8_t *buffer;
	uint64_t at;
	struct hasher *sha;
};

/* The next n bytes into tree (and the plain digest). */
static int feed(struct pass *p, struct chunktree *tree, uint64_t n)
{
	size_t want;
	ssize_t got;

	while (n > 0) {
		want = n < HASHFILE_BUFFER ? (size_t)n : HASHFILE_BUFFER;
		got = pread(p->fd, p->buffer, want, (off_t)p->at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		chunktree_add(tree, BYTES(p->buffer, (size_t)got));
		hasher_add(p->sha, BYTES(p->buffer, (size_t)got));
		p->at += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
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
static int extents(struct pass *p, uint64_t size, struct buf *tops,
	struct hash *ret)
{
	struct hash top;
	uint64_t n;
	int rc;

	while (p->at < size) {
		n = size - p->at < EXTENT_SIZE ? size - p->at : EXTENT_SIZE;
		rc = one_top(p, n, &top);
		if (rc == 0)
			rc = buf_add(tops, top.b, HASH_LEN);
		if (rc != 0)
			return rc;
	}
	return chunktree_join((const struct hash *)(const void *)tops->p,
		tops->n / HASH_LEN, size, ret);
}

int hashfile(int fd, uint64_t size, uint8_t *buffer, struct hashed *ret)
{
	struct pass p = {.fd = fd, .buffer = buffer,
		.sha = hasher_new(HASH_SHA256)};
	struct buf tops = {0};
	struct hash top;
	int rc;

	if (p.sha == NULL)
		return -ENOMEM;
	rc = size > PACK_FILE_MAX ? extents(&p, size, &tops, &top) :
		one_top(&p, size, &top);
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
