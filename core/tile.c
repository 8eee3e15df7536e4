#include "core/tile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WIDTH 256
#define LEVELS 8	/* a size of 64 bits has no more */
#define GROUP 1000	/* tiles of a folder */

/* How many whole tiles the level has, and how many hashes beyond them. */
static uint64_t whole(const struct tile_place *p)
{
	unsigned shift = 8 * (p->tile.level + 1);

	return shift < 64 ? p->size >> shift : 0;
}

static unsigned rest(const struct tile_place *p)
{
	return (unsigned)(p->size >> (8 * p->tile.level)) % WIDTH;
}

static uint64_t tiles(const struct tile_place *p)
{
	return whole(p) + (rest(p) > 0);
}

/* Is there a tile n * 1000 or above it? */
static bool has_group(const struct tile_place *p, uint64_t n)
{
	return tiles(p) > 0 && n <= (tiles(p) - 1) / GROUP;
}

/* One component of a path: its length; *rest behind it and its "/". */
static size_t component(const char *p, const char **ret_rest)
{
	size_t n = strcspn(p, "/");

	*ret_rest = p + n + (p[n] == '/');
	return n;
}

static bool digits(const char *s, size_t n, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = 10 * v + (uint64_t)(s[i] - '0');
	}
	*ret = v;
	return n > 0;
}

static int level(const char *s, size_t n, struct tile_place *ret)
{
	uint64_t v;

	if (n == 7 && memcmp(s, "entries", n) == 0) {
		ret->tile.entries = true;
	} else if (n == 1 && digits(s, n, &v) && v < LEVELS) {
		ret->tile.level = (unsigned)v; /* 8 and more are never there */
	} else {
		return -ENOENT;
	}
	ret->kind = TILE_LEVEL;
	return tiles(ret) > 0 ? 0 : -ENOENT;
}

/* In the folder of a level, or below groups of it. */
static int group(const char *s, size_t n, struct tile_place *ret)
{
	struct tile *t = &ret->tile;
	uint64_t v, base = t->n * GROUP;
	bool x = n == 4 && s[0] == 'x', part = n == 5;

	if (part && memcmp(s + 3, ".p", 2) != 0)
		return -ENOENT;
	if ((!x && !part && n != 3) || !digits(s + x, 3, &v))
		return -ENOENT;
	t->n = base + v;
	if (x) {
		ret->deep = true;
		return t->n > 0 && has_group(ret, t->n) ? 0 : -ENOENT;
	}
	if (part) {
		ret->kind = TILE_PARTS;
		return t->n < tiles(ret) ? 0 : -ENOENT;
	}
	ret->kind = TILE_FILE;
	t->width = WIDTH;
	return t->n < whole(ret) ? 0 : -ENOENT;
}

static int width(const char *s, size_t n, struct tile_place *ret)
{
	uint64_t v, most = ret->tile.n < whole(ret) ? WIDTH - 1 : rest(ret);

	if (n > 3 || !digits(s, n, &v) || s[0] == '0' || v > most)
		return -ENOENT;
	ret->kind = TILE_FILE;
	ret->tile.width = (unsigned)v;
	return 0;
}

int tile_place(const char *path, uint64_t size, struct tile_place *ret)
{
	struct tile_place p = {.kind = TILE_TOP, .size = size};
	const char *rest_of;
	size_t n = component(path, &rest_of);
	int rc = n == 4 && memcmp(path, "tile", n) == 0 ? 0 : -ENOENT;

	while (rc == 0 && path[n] == '/') {
		path = rest_of;
		n = component(path, &rest_of);
		rc = p.kind == TILE_TOP	    ? level(path, n, &p)
		     : p.kind == TILE_LEVEL ? group(path, n, &p)
		     : p.kind == TILE_PARTS ? width(path, n, &p)
					    : -ENOENT;
	}
	if (rc == 0)
		*ret = p;
	return rc;
}

void tile_text(
	const char *level, uint64_t n, unsigned width, char ret[TILE_PATH])
{
	uint64_t unit = 1;
	int at = snprintf(ret, TILE_PATH, "tile/%.8s/", level);

	while (n / unit >= GROUP)
		unit *= GROUP;
	for (; unit > 1; unit /= GROUP)
		at += snprintf(ret + at, TILE_PATH - (size_t)at, "x%03u/",
			(unsigned)(n / unit % GROUP));
	at += snprintf(ret + at, TILE_PATH - (size_t)at, "%03u",
		(unsigned)(n % GROUP));
	if (width < WIDTH)
		snprintf(ret + at, TILE_PATH - (size_t)at, ".p/%u", width);
}

int tile_entry(struct bytes *bundle, struct bytes *ret)
{
	size_t n;

	if (bundle->n < 2)
		return -EBADMSG;
	n = (size_t)bundle->p[0] << 8 | bundle->p[1];
	if (n > bundle->n - 2)
		return -EBADMSG;
	*ret = BYTES(bundle->p + 2, n);
	*bundle = BYTES(bundle->p + 2 + n, bundle->n - 2 - n);
	return 0;
}

/* -- names of folders */

static int top_name(const struct tile_place *p, uint64_t i,
	char ret[TILE_NAME])
{
	if (p->size == 0)
		return -ENOENT;
	if (i == 0) {
		strcpy(ret, "entries");
		return 0;
	}
	i--;
	if (i >= LEVELS || p->size >> (8 * i) == 0)
		return -ENOENT;
	snprintf(ret, TILE_NAME, "%" PRIu64, i);
	return 0;
}

/* Whole tiles, then the partial one, then folders. */
static int level_name(const struct tile_place *p, uint64_t i,
	char ret[TILE_NAME], bool *ret_folder)
{
	uint64_t first = p->tile.n * GROUP, all = whole(p), files, group_n;

	files = all <= first ? 0 : all - first < GROUP ? all - first : GROUP;
	*ret_folder = i >= files;
	if (i < files) {
		snprintf(ret, TILE_NAME, "%03u", (unsigned)i);
		return 0;
	}
	i -= files;
	if (rest(p) > 0 && all >= first && all - first < GROUP) {
		if (i == 0) {
			snprintf(ret, TILE_NAME, "%03u.p",
				(unsigned)(all - first));
			return 0;
		}
		i--;
	}
	group_n = i + !p->deep; /* there is no x000 at the beginning */
	if (group_n >= GROUP || !has_group(p, first + group_n))
		return -ENOENT;
	snprintf(ret, TILE_NAME, "x%03u", (unsigned)group_n);
	return 0;
}

int tile_name(const struct tile_place *p, uint64_t i, char ret[TILE_NAME],
	bool *ret_folder)
{
	switch (p->kind) {
	case TILE_TOP:
		*ret_folder = true;
		return top_name(p, i, ret);
	case TILE_LEVEL:
		return level_name(p, i, ret, ret_folder);
	case TILE_PARTS:
		*ret_folder = false;
		if (i > 0 || p->tile.n != whole(p))
			return -ENOENT;
		snprintf(ret, TILE_NAME, "%u", rest(p));
		return 0;
	default:
		return -ENOTDIR;
	}
}
