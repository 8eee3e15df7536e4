#include "fs/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"

#define PIECE ((size_t)1 << 20)	/* bytes; a multiple of a chunk */

static int read_all(int fd, struct chunktree *tree, struct hasher *sha)
{
	cleanup(free) uint8_t *p = malloc(PIECE);
	if (p == NULL)
		return -ENOMEM;
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	for (;;) {
		ssize_t n = read(fd, p, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? 0 : -errno;
		chunktree_add(tree, BYTES(p, (size_t)n));
		hasher_add(sha, BYTES(p, (size_t)n));
	}
}

int digest_file(int fd, struct content *ret)
{
	struct chunktree *tree = chunktree_new();
	struct hasher *sha = hasher_new(HASH_SHA256);
	int err = tree == NULL || sha == NULL ? -ENOMEM
		: read_all(fd, tree, sha);
	if (err == 0) {
		ret->size = chunktree_length(tree);
		ret->root = chunktree_root(tree);
		ret->sha256 = hasher_end(sha);
	}
	chunktree_free(tree);
	hasher_free(sha);
	return err;
}
