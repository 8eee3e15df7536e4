/*
 * tile: the names of tlog-tiles (C2SP), as places in a tree of folders.
 *
 *	tile/L/N		256 hashes of level L, or entries (L "entries")
 *	tile/L/N.p/W		the first W of them, 1 <= W <= 255
 *
 * N is written in groups of three digits, all but the last with an "x" before
 * it: 1234067 is x001/x234/067.  So a folder holds at most a thousand tiles
 * and a thousand folders, and no name is both.
 */
#ifndef CORE_TILE_H
#define CORE_TILE_H

#include "core/bytes.h"

#define TILE_NAME 24 /* bytes of a name in a folder, the NUL included */

struct tile {
	bool entries;	/* then level is 0 */
	unsigned level;
	uint64_t n;
	unsigned width;	/* 256, or that of a partial one */
};

struct tile_place {
	enum {
		TILE_TOP,	/* "tile": levels */
		TILE_LEVEL,	/* tiles and folders of tiles */
		TILE_PARTS,	/* N.p: widths */
		TILE_FILE,
	} kind;
	struct tile tile;	/* as far as the path says */
	uint64_t size;		/* of the log */
	bool deep;		/* below an "x" group; tile.n has it */
};

/* What a path from "tile" on names in a log of that size: 0, or -ENOENT for
 * what is no name of it or has no hash in it.  A partial tile is there in any
 * width that the log has reached. */
int tile_place(const char *path, uint64_t size, struct tile_place *ret);
/* The path of a tile in that level's folder, "0" or "entries": the reverse of
 * tile_place(). */
#define TILE_PATH 64 /* bytes, the NUL included */
void tile_text(const char *level, uint64_t n, unsigned width,
	char ret[TILE_PATH]);
/* The next entry of a bundle, which is cut off it: each has its length before
 * it, in two bytes.  -EBADMSG behind the last, and for what is no entry. */
int tile_entry(struct bytes *bundle, struct bytes *ret);
/* Name i of a folder; -ENOENT behind the last.  Of partial tiles only the one
 * that ends at the log's size is listed. */
int tile_name(const struct tile_place *p, uint64_t i, char ret[TILE_NAME],
	bool *ret_folder);

#endif
