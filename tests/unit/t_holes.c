/* holes, and hashing files that have some: against reading every byte. */
#include "fs/holes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "fs/hashfile.h"
#include "fs/offline.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define MIB ((uint64_t)1 << 20)

static int new_file(void)
{
	char name[] = "t_holes.XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0)
		bail("mkstemp: %s", strerror(errno));
	unlink(name);
	return fd;
}

/* Runs cover the file in order, and holes are zeros. */
static bool covers(int fd, uint64_t size, uint64_t *ret_hole)
{
	static uint8_t zero[1 << 16], got[1 << 16];
	uint64_t at = 0, i, n;
	struct run r;

	*ret_hole = 0;
	while (at < size) {
		r = holes_run(fd, at, size);
		if (r.n == 0 || r.n > size - at)
			return false;
		for (i = 0; r.hole && i < r.n; i += n) {
			n = r.n - i < sizeof(zero) ? r.n - i : sizeof(zero);
			if (pread(fd, got, (size_t)n, (off_t)(at + i)) !=
					(ssize_t)n ||
				memcmp(got, zero, (size_t)n) != 0)
				return false;
		}
		*ret_hole += r.hole ? r.n : 0;
		at += r.n;
	}
	return at == size;
}

static bool same(int fd, uint64_t size)
{
	cleanup(free) uint8_t *all = malloc((size_t)size + 1);
	cleanup(free) uint8_t *buffer = malloc(HASHFILE_BUFFER);
	struct hash root, sha256, top, only;
	struct content c = {0};
	struct hashed h;
	bool good;

	if (pread(fd, all, (size_t)size, 0) != (ssize_t)size)
		return false;
	root = chunktree_root_bytes(BYTES(all, (size_t)size));
	sha256 = hash_sha256(BYTES(all, (size_t)size));
	if (hashfile(fd, size, &(struct hashing){.buffer = buffer}, &h) != 0 ||
		hashfile_root(fd, size, buffer, &only) != 0 ||
		lseek(fd, 0, SEEK_SET) != 0 ||
		offline_content(fd, NULL, &c) != 0)
		return false;
	good = hash_equal(&h.root, &root) && hash_equal(&h.sha256, &sha256) &&
		hash_equal(&only, &root) && hash_equal(&c.root, &root) &&
		hash_equal(&c.sha256, &sha256) && c.size == size;
	if (size > PACK_FILE_MAX)
		good = good && h.tops.n == chunktree_extents(size) * HASH_LEN &&
			chunktree_join((const struct hash *)(const void *)
				h.tops.p, h.tops.n / HASH_LEN, size, &top) == 0;
	buf_free(&h.tops);
	return good;
}

static void some(struct prng *r, int fd, uint64_t size)
{
	static uint8_t data[300000];
	uint64_t at, n;
	unsigned i;

	prng_fill(r, data, sizeof(data));
	for (i = 0; i < 6; i++) {
		at = prng_below(r, size);
		n = 1 + prng_below(r, sizeof(data));
		if (n > size - at)
			n = size - at;
		if (pwrite(fd, data, (size_t)n, (off_t)at) != (ssize_t)n)
			bail("pwrite: %s", strerror(errno));
	}
	if (ftruncate(fd, (off_t)size) != 0)
		bail("ftruncate: %s", strerror(errno));
}

static void mixed(void)
{
	struct prng r = {prng_seed()};
	uint64_t hole, holes = 0, size;
	bool covered = true, equal = true;
	unsigned i;
	int fd;

	for (i = 0; i < 12 && covered && equal; i++) {
		fd = new_file();
		size = 1 + prng_below(&r, (i % 3 == 0 ? 140 : 20) * MIB);
		some(&r, fd, size);
		covered = covers(fd, size, &hole);
		holes += hole;
		equal = same(fd, size);
		close(fd);
	}
	ok(covered, "runs cover a file in order, and holes are zeros");
	ok(equal, "both ways of hashing give the digests of all bytes");
	if (holes == 0)
		skip(1, "this file system has no holes to speak of");
	else
		ok(holes > MIB, "and %llu MiB of it were not read",
			(unsigned long long)(holes / MIB));
}

/* 1 TiB: by its content root alone, it need not take a second. */
static void huge(void)
{
	cleanup(free) uint8_t *buffer = malloc(HASHFILE_BUFFER);
	uint64_t size = UINT64_C(1) << 40, hole;
	struct hash got, want, zeros = chunktree_zeros(size);
	int fd = new_file();

	want = chunktree_root_of(size, &zeros);
	if (ftruncate(fd, (off_t)size) != 0 ||
		!holes_run(fd, 0, size).hole) {
		skip(4, "no sparse file of 1 TiB here");
		close(fd);
		return;
	}
	hole = holes_run(fd, 0, size).n;
	ok(hole == size, "a file without any data is one hole");
	is_int(hashfile_root(fd, size, buffer, &got), 0, "1 TiB of it");
	ok(hash_equal(&got, &want), "has the root of zeros");
	is_int(hashfile_root(fd, size + 1, buffer, &got), -EAGAIN,
		"a file that is shorter than it was is not filled up");
	close(fd);
}

int main(void)
{
	plan(0);
	mixed();
	huge();
	return done();
}
