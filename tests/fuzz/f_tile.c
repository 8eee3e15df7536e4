#include "tests/fuzz/fuzz.h"

#include <stdio.h>

#include "core/tile.h"

/* All of a bundle's entries lie in it, and what is left is behind them. */
static void bundle(struct bytes in)
{
	struct bytes rest = in, entry;

	while (tile_entry(&rest, &entry) == 0)
		if (entry.p < in.p || entry.p + entry.n != rest.p ||
			rest.p + rest.n != in.p + in.n)
			abort();
}

/* Eight bytes of size, then a path.  What a folder lists must be there. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[256], name[TILE_NAME], below[sizeof(path) + TILE_NAME + 1];
	struct tile_place p, q;
	uint64_t log, i;
	bool folder;

	bundle(BYTES(data, size));
	if (size < sizeof(log) || size - sizeof(log) >= sizeof(path))
		return 0;
	memcpy(&log, data, sizeof(log));
	memcpy(path, data + sizeof(log), size - sizeof(log));
	path[size - sizeof(log)] = '\0';
	if (tile_place(path, log, &p) != 0 || p.kind == TILE_FILE)
		return 0;
	for (i = 0; tile_name(&p, i, name, &folder) == 0; i++) {
		snprintf(below, sizeof(below), "%s/%s", path, name);
		if (tile_place(below, log, &q) != 0 ||
			folder != (q.kind != TILE_FILE))
			abort();
	}
	return 0;
}
