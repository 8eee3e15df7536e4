#include "fs/offline.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"

#define READ_SIZE ((size_t)1 << 20)
#define ALIGN 64 /* of the lanes that hash chunks */

/* Non-blocking, so that a pipe with nobody at its other end does not hold us;
 * for regular files it means nothing. */
int offline_open(int dir, const char *path, int *ret_fd, uint64_t *ret_size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (S_ISDIR(st.st_mode))
		rc = -EISDIR;
	else if (!S_ISREG(st.st_mode))
		rc = -ENOTSUP;
	if (rc != 0) {
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}

/* As much as there is, up to n bytes. */
static ssize_t read_full(int fd, uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = read(fd, p + at, n - at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		at += (size_t)got;
	}
	return (ssize_t)at;
}

static int pump(int fd, uint8_t *p, struct chunktree *tree,
	struct hasher *sha256, uint64_t *done)
{
	ssize_t n;

	while ((n = read_full(fd, p, READ_SIZE)) > 0) {
		chunktree_add(tree, BYTES(p, (size_t)n));
		hasher_add(sha256, BYTES(p, (size_t)n));
		if (done != NULL)
			*done += (uint64_t)n;
	}
	return (int)n;
}

int offline_content(int fd, uint64_t *done, struct content *ret)
{
	cleanup(free) uint8_t *p = NULL;
	struct chunktree *tree;
	struct hasher *sha256;
	int rc = 0;

	p = aligned_alloc(ALIGN, READ_SIZE);
	tree = chunktree_new();
	sha256 = hasher_new(HASH_SHA256);
	if (p == NULL || tree == NULL || sha256 == NULL)
		rc = -ENOMEM;
	else
		rc = pump(fd, p, tree, sha256, done);
	if (rc == 0)
		*ret = (struct content){.size = chunktree_length(tree),
			.root = chunktree_root(tree),
			.sha256 = hasher_end(sha256)};
	chunktree_free(tree);
	hasher_free(sha256);
	return rc;
}

int offline_read(void *fd, uint64_t off, uint8_t *ret, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t got = pread(*(int *)fd, ret + at, n - at,
			(off_t)(off + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EAGAIN;
		at += (size_t)got;
	}
	return 0;
}

int offline_piece(int fd, uint64_t size, const struct range *range,
	uint64_t file_size, struct content *ret)
{
	struct range_source src = {offline_read, &fd};
	struct content c = {
		.size = size, .from = range->from, .to = range->to};
	int rc = 0;

	if (size == range->to - range->from)
		rc = range_root(range, file_size, &src, &c.root);
	if (rc == 0)
		*ret = c;
	return rc;
}

static bool decimal(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*ret = v;
	return true;
}

int offline_range(const char *text, uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t from, to;

	if (!decimal(&text, &from) || *text++ != '-' || !decimal(&text, &to) ||
		*text != '\0' || from >= to || to > INT64_MAX)
		return -EINVAL;
	*ret_from = from;
	*ret_to = to;
	return 0;
}

static int read_small(int dir, const char *path, size_t max, struct buf *ret)
{
	cleanup(close) int fd = -1;
	cleanup(buf) struct buf b = {0};
	uint64_t size;
	size_t room;
	ssize_t n;
	int rc = offline_open(dir, path, &fd, &size);

	if (rc != 0)
		return rc;
	/* its size is a hint: where it says too little, all is tried */
	for (room = size < max ? (size_t)size : max;; room = max) {
		rc = buf_reserve(&b, room + 1 - b.n);
		if (rc != 0)
			return rc;
		n = read_full(fd, b.p + b.n, room + 1 - b.n);
		if (n < 0)
			return (int)n;
		b.n += (size_t)n;
		if (b.n <= room)
			break;
		if (room == max)
			return -EFBIG;
	}
	*ret = b;
	b = (struct buf){0}; /* the caller has it */
	return 0;
}

int offline_certificate(int dir, const char *path, struct buf *ret)
{
	return read_small(dir, path, CERTIFICATE_MAX, ret);
}

int offline_anchor(const char *text, struct hash *ret)
{
	cleanup(buf) struct buf b = {0};
	char hex[HASH_HEX + 1];
	int rc;

	if (strlen(text) == HASH_HEX && hex_decode(text, ret->b, HASH_LEN) == 0)
		return 0;
	rc = read_small(AT_FDCWD, text, HASH_HEX + 2, &b);
	if (rc == -EFBIG)
		return -EINVAL;
	if (rc != 0)
		return rc;
	while (b.n > 0 && (b.p[b.n - 1] == '\n' || b.p[b.n - 1] == '\r'))
		b.n--;
	if (b.n != HASH_HEX)
		return -EINVAL;
	memcpy(hex, b.p, HASH_HEX);
	hex[HASH_HEX] = '\0';
	return hex_decode(hex, ret->b, HASH_LEN);
}
