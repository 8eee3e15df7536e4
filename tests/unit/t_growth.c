#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "fs/growth.h"
#include "fs/hashfile.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define MIB ((uint64_t)1 << 20)

static uint8_t *buffer;

/* Some bytes here and there, holes between them. */
static int sparse(uint64_t size)
{
	char name[] = "t_growth.XXXXXX";
	int fd = mkstemp(name);
	struct prng r = {prng_seed()};
	uint8_t some[40000];
	uint64_t at;

	unlink(name);
	if (fd < 0 || ftruncate(fd, (off_t)size) != 0)
		return -1;
	for (at = 0; at + sizeof some < size; at += 5 * MIB + 4099) {
		prng_fill(&r, some, sizeof some);
		if (pwrite(fd, some, sizeof some, (off_t)at) < 0)
			return -1;
	}
	return fd;
}

static bool same(const struct hashed *a, const struct hashed *b)
{
	return hash_equal(&a->root, &b->root) &&
		hash_equal(&a->sha256, &b->sha256);
}

/* From length to length, as it is hashed at once. */
static void grows(void)
{
	static const uint64_t length[] = {1, 4096, 5000, 3 * MIB, 20 * MIB + 1,
		64 * MIB, 64 * MIB + 1, 128 * MIB, 300 * MIB, 305 * MIB + 77};
	struct growth *g = growth_new();
	struct hash before = {{0}}, then, tail, tail_want;
	struct hashing h = {.buffer = buffer};
	uint64_t from = 0, read = 0;
	int fd = sparse(310 * MIB);
	size_t i;

	ok(fd >= 0, "a file of 310 MiB");
	for (i = 0; i < sizeof length / sizeof *length; i++) {
		struct hashed whole = {.tops = {0}}, got = {.tops = {0}};
		cleanup(standing) struct standing at = {0};
		uint64_t n = length[i];

		is_int(growth_find(g, &before, &at), i == 0 ? -ENOENT : 0,
			"what stands at %llu", (unsigned long long)from);
		atomic_store(&h.done, 0);
		is_int(hashfile_grown(fd, from, n, &h, &at, &got, &then,
			&tail), 0, "grows to %llu", (unsigned long long)n);
		read += atomic_load(&h.done);
		ok(i == 0 || hash_equal(&then, &before),
			"it was what it was");
		is_int(hashfile(fd, n, &h, &whole), 0, "hashed at once");
		ok(same(&got, &whole), "it is the same");
		if (from == 0)
			ok(hash_equal(&tail, &whole.root),
				"and is all that is new");
		if (n - from > PACK_FILE_MAX &&
			chunktree_join((const struct hash *)(const void *)
				got.tops.p, got.tops.n / HASH_LEN, n - from,
				&tail_want) == 0) {
			tail_want = chunktree_root_of(n - from, &tail_want);
			ok(hash_equal(&tail, &tail_want),
				"the extents are of what is new");
		}
		before = got.root;
		growth_keep(g, &before, &at);
		from = n;
		buf_free(&whole.tops);
		buf_free(&got.tops);
	}
	is_int((int64_t)read, (int64_t)from, "no byte was hashed twice");
	close(fd);
	growth_free(g);
}

static struct hash number(unsigned n)
{
	return hash_sha3(BYTES((const uint8_t *)&n, sizeof n));
}

static void keep(struct growth *g, unsigned n)
{
	struct standing at = {chunktree_new(), hasher_new(HASH_SHA256)};
	struct hash root = number(n);

	chunktree_add(at.tree, BYTES((const uint8_t *)&n, sizeof n));
	hasher_add(at.sha, BYTES((const uint8_t *)&n, sizeof n));
	growth_keep(g, &root, &at);
	ok(at.tree == NULL && at.sha == NULL, "%u is handed over", n);
}

/* Is it there, and what was kept? */
static bool there(struct growth *g, unsigned n)
{
	cleanup(standing) struct standing at = {0};
	struct hash root = number(n), sha;

	if (growth_find(g, &root, &at) != 0)
		return false;
	sha = hasher_end(at.sha);
	root = hash_sha256(BYTES((const uint8_t *)&n, sizeof n));
	return hash_equal(&sha, &root) && chunktree_length(at.tree) == sizeof n;
}

static void has_a_limit(void)
{
	struct growth *g = growth_new();
	struct hash root = number(1);
	unsigned i;

	keep(g, 0);
	keep(g, 1);
	for (i = 2; i < GROWTH_MAX; i++)
		keep(g, i);
	ok(there(g, 0) && there(g, 0), "what is found stays");
	keep(g, GROWTH_MAX);
	ok(there(g, 0), "what was used stays longer");
	ok(!there(g, 1), "than what was not");
	ok(there(g, 2) && there(g, GROWTH_MAX), "and no more goes");
	keep(g, 2);
	ok(there(g, 3) && there(g, 2), "the same again takes no other's place");
	root = number(2);
	growth_drop(g, &root);
	growth_drop(g, &root);
	ok(!there(g, 2), "dropped it is gone");
	growth_free(g);
	growth_free(NULL);
}

int main(void)
{
	plan(0);
	buffer = aligned_alloc(64, HASHFILE_BUFFER);
	grows();
	has_a_limit();
	free(buffer);
	return done();
}
