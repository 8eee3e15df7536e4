/* file: what is written with holes reads as what was given. */
#include "fs/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define MIB ((size_t)1 << 20)

/* Writes data in two pieces, as extents come, and compares. */
static void check(const char *dir, struct bytes data, size_t first,
	bool sparse, const char *what)
{
	cleanup(buf) struct buf got = {0};
	const char *path = scratch_path(dir, "file");
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0)
		bail("cannot make %s", path);
	is_int(file_write_sparse(fd, BYTES(data.p, first)), 0, "%s", what);
	is_int(file_write_sparse(fd, BYTES(data.p + first, data.n - first)), 0,
		"%s: the second piece", what);
	ok(file_read(path, 8 * MIB, &got) == 0 &&
		bytes_equal(BUF_BYTES(&got), data), "%s: reads back", what);
	ok(fstat(fd, &st) == 0 && (!sparse ||
		(size_t)st.st_blocks * 512 < data.n / 2), "%s: room", what);
	close(fd);
}

int main(void)
{
	char *dir = scratch_new();
	uint8_t *p = calloc(1, 4 * MIB);

	if (p == NULL)
		bail("out of memory");
	plan(0);
	check(dir, BYTES(p, 4 * MIB), 2 * MIB, true, "nothing but zeros");
	check(dir, BYTES(p, 100), 50, false, "a few zeros");
	check(dir, BYTES(p, 0), 0, false, "nothing");
	p[3 * MIB + 17] = 1;
	check(dir, BYTES(p, 4 * MIB), 2 * MIB, true, "one byte among zeros");
	check(dir, BYTES(p, 3 * MIB + 18), 3 * MIB, true, "that at the end");
	memset(p, 7, 2 * MIB);
	check(dir, BYTES(p, 2 * MIB + 5), 70000, false, "zeros at the end");
	free(p);
	scratch_remove(dir);
	return done();
}
