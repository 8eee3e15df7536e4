/* What a verifier reads: contents by one thread or two, times, ranges. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "fs/offline.h"
#include "tests/lib/prng.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define LARGEST ((size_t)9 << 20)

static uint8_t *data;
static char *dir;

/* A file of the first n bytes of data, open for reading. */
static int file_of(size_t n)
{
	const char *path = scratch_path(dir, "f");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, data, n) != (ssize_t)n ||
		lseek(fd, 0, SEEK_SET) != 0)
		bail("cannot write %s", path);
	return fd;
}

static bool same_digests(const struct content *a, const struct content *b)
{
	size_t i;

	for (i = 0; i < a->n_other; i++)
		if (!bytes_equal(BYTES(a->other[i].value, a->other[i].n),
			    BYTES(b->other[i].value, b->other[i].n)))
			return false;
	return a->n_other == b->n_other && i == 2;
}

static void contents(void)
{
	static const size_t sizes[] = {0, 1, 524288, 4194303, 4194304, 4194305,
		8 * 524288 + 77, LARGEST};
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct bytes all = BYTES(data, sizes[i]);
		struct hash root = chunktree_root_bytes(all);
		struct hash sha = hash_sha256(all);
		_Atomic uint64_t done = 5;
		struct content c = {.n_other = 2, .other = {
			{.name = BYTES("sha-512", 7)},
			{.name = BYTES("sha3-384", 8)}}}, m = c;
		int fd = file_of(sizes[i]);

		ok(offline_content(fd, &done, &c) == 0 &&
				c.size == sizes[i] && c.to == 0 &&
				hash_equal(&c.root, &root) &&
				hash_equal(&c.sha256, &sha) &&
				done == 5 + sizes[i],
			"%zu bytes have both digests", sizes[i]);
		ok(offline_digests(all, &m) == 0 && same_digests(&c, &m),
			"and those that were asked for besides");
		close(fd);
	}
}

static void whole(void)
{
	uint8_t *p = malloc(101);
	cleanup(close) int fd = file_of(100);

	is_int(offline_all(fd, p, 100), 100, "a file as long as it says");
	lseek(fd, 0, SEEK_SET);
	is_int(offline_all(fd, p, 60), 61, "a byte more shows that it grew");
	lseek(fd, 50, SEEK_SET);
	is_int(offline_all(fd, p, 100), 50, "and fewer that it shrank");
	free(p);
}

static void times(void)
{
	static const struct {
		const char *text;
		uint64_t ms;
	} good[] = {
		{"1970-01-01", 0},
		{"2026-11-24", UINT64_C(1795478400000)},
		{"2026-11-24T10:00:00Z", UINT64_C(1795514400000)},
		{"2024-02-29T23:59:59.999Z", UINT64_C(1709251199999)},
		{"@12", 12000},
	};
	static const char *const bad[] = {"", "@", "@1.5", "2026-13-01",
		"2023-02-29", "2026-11-24Z", "2026-11-24T10:00:00",
		"2026-11-24T10:00:00+01:00", "2026-11-24T10:00:00.Z",
		"2026-11-24T24:00:00Z", "1969-12-31", " 2026-11-24", "2026-1-24",
		"2026-11- 4", "2026-11-24T1:00:00Z", "now"};
	uint64_t ms;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(offline_time(good[i].text, &ms) == 0 && ms == good[i].ms,
			"%s is a time", good[i].text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(offline_time(bad[i], &ms), -EINVAL, "'%s' is none",
			bad[i]);
}

static void ranges(void)
{
	static const char *const bad[] = {"", "-", "1", "1-", "-1", "1-1",
		"2-1", "1-2x", "1--2", " 1-2", "1-9223372036854775808"};
	uint64_t from, to;
	size_t i;

	ok(offline_range("0-9223372036854775807", &from, &to) == 0 &&
			from == 0 && to == INT64_MAX,
		"the largest range");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(offline_range(bad[i], &from, &to), -EINVAL,
			"'%s' is no range", bad[i]);
}

int main(void)
{
	struct prng r = {3};

	plan(0);
	data = malloc(LARGEST);
	prng_fill(&r, data, LARGEST);
	dir = scratch_new();
	contents();
	whole();
	times();
	ranges();
	scratch_remove(dir);
	free(data);
	return done();
}
