/* tile: names and places agree, and say what the specification says. */
#include "core/tile.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/tap/tap.h"

static void place(const char *path, uint64_t size, int want, unsigned level,
	uint64_t n, unsigned width)
{
	struct tile_place p;
	int rc = tile_place(path, size, &p);

	char again[TILE_PATH];

	is_int(rc, want, "%s of %llu", path, (unsigned long long)size);
	if (rc == 0 && want == 0)
		ok(p.kind == TILE_FILE && p.tile.level == level &&
				p.tile.n == n && p.tile.width == width,
			"is tile %llu of level %u, %u wide",
			(unsigned long long)n, level, width);
	if (rc == 0 && level == 0) {
		tile_text(p.tile.entries ? "entries" : "0", n, width, again);
		is_str(again, path, "and is written so");
	}
}

/* 70000 is the example of the specification. */
static void places(void)
{
	place("tile/0/272", 70000, 0, 0, 272, 256);
	place("tile/0/273.p/112", 70000, 0, 0, 273, 112);
	place("tile/0/273.p/113", 70000, -ENOENT, 0, 0, 0);
	place("tile/0/273", 70000, -ENOENT, 0, 0, 0);
	place("tile/1/000", 70000, 0, 1, 0, 256);
	place("tile/1/001.p/17", 70000, 0, 1, 1, 17);
	place("tile/2/000.p/1", 70000, 0, 2, 0, 1);
	place("tile/3/000.p/1", 70000, -ENOENT, 0, 0, 0);
	place("tile/0/000", 256, 0, 0, 0, 256);
	place("tile/1/000.p/1", 256, 0, 1, 0, 1);
	place("tile/0/000.p/7", 256, 0, 0, 0, 7);
	place("tile/0/x001/x234/067", UINT64_C(1234068) << 8, 0, 0, 1234067,
		256);
	place("tile/entries/x001/x234/067", UINT64_C(1234068) << 8, 0, 0,
		1234067, 256);
	place("tile/0/x001/x234/068", UINT64_C(1234068) << 8, -ENOENT, 0, 0, 0);
	place("tile/7/000.p/255", UINT64_MAX, 0, 7, 0, 255);
}

static void no_places(void)
{
	static const char *const none[] = {"", "tile/", "tile/00/000",
		"tile/8/000", "tile/0/1", "tile/0/0000", "tile/0/x000/001",
		"tile/0/000/", "tile/0/000.p/", "tile/0/000.p/0",
		"tile/0/000.p/256", "tile/0/000.p/07", "tile/0/000.q/7",
		"tile/0/ 00", "tile/0/-01", "tile//000", "tiles/0/000",
		"tile/0/000/000", "tile/0/000.p/7/7", "tile/0/x001",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999"};
	struct tile_place p;
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(*none); i++)
		is_int(tile_place(none[i], 70000, &p), -ENOENT, "no: '%s'",
			none[i]);
	is_int(tile_place("tile/0", 0, &p), -ENOENT, "nothing of an empty log");
}

/* Every name that is listed is there: how many files, and their hashes. */
static void walk(const char *path, uint64_t size, bool entries, uint64_t *files,
	uint64_t *hashes, unsigned *wrong)
{
	char name[TILE_NAME], below[128];
	struct tile_place p, q;
	bool folder;
	uint64_t i;

	if (tile_place(path, size, &p) != 0) {
		++*wrong;
		return;
	}
	for (i = 0; tile_name(&p, i, name, &folder) == 0; i++) {
		snprintf(below, sizeof(below), "%s/%s", path, name);
		if (tile_place(below, size, &q) != 0 ||
			folder != (q.kind != TILE_FILE)) {
			++*wrong;
		} else if (folder) {
			walk(below, size, entries, files, hashes, wrong);
		} else if (q.tile.entries == entries) {
			++*files;
			*hashes += q.tile.width;
		}
	}
}

static void walks(void)
{
	static const uint64_t sizes[] = {1, 255, 256, 257, 65535, 65536, 70000,
		256000, 256001, 511999, 512000};
	uint64_t files, hashes, want, want_hashes, s;
	unsigned wrong = 0;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		want = want_hashes = files = hashes = 0;
		for (s = sizes[i]; s > 0; s /= 256) {
			want += (s + 255) / 256;
			want_hashes += s;
		}
		walk("tile", sizes[i], false, &files, &hashes, &wrong);
		is_int(files, want, "a log of %llu has that many tiles",
			(unsigned long long)sizes[i]);
		is_int(hashes, want_hashes, "with all its hashes");
		files = hashes = 0;
		walk("tile", sizes[i], true, &files, &hashes, &wrong);
		is_int(hashes, sizes[i], "and all its entries");
	}
	is_int(wrong, 0, "every name that is listed is there");
}

int main(void)
{
	places();
	no_places();
	walks();
	return done();
}
