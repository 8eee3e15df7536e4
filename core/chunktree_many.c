#include <string.h>

#include "core/chunktree.h"
#include "core/hash.h"

enum { TAG_LEAF = 0x10, TAG_INNER = 0x11, TAG_ROOT = 0x12 };

#define NODES 512	/* chunks hashed together; on the stack */
#define FILES 64
#define ROOT_LEN (8 + HASH_LEN)

/* Some contents whose trees grow side by side, level by level. */
struct forest {
	size_t files, nodes;
	size_t n[FILES];		/* nodes of each at this level */
	struct hash node[NODES];	/* of all, one after another */
};

static size_t chunks(size_t n)
{
	return n / CHUNK_SIZE + (n % CHUNK_SIZE != 0);
}

/* How many of n contents fit together. */
static size_t take(const struct bytes *data, size_t n)
{
	size_t i, nodes = 0;

	for (i = 0; i < n && i < FILES; i++) {
		if (data[i].n > NODES * CHUNK_SIZE ||
			nodes + chunks(data[i].n) > NODES)
			break;
		nodes += chunks(data[i].n);
	}
	return i;
}

static void leaves(struct forest *f, const struct bytes *data, size_t n)
{
	struct bytes piece[NODES];
	size_t i, at, len;

	f->files = n;
	for (i = f->nodes = 0; i < n; i++) {
		f->n[i] = chunks(data[i].n);
		for (at = 0; at < data[i].n; at += len) {
			len = data[i].n - at < CHUNK_SIZE ? data[i].n - at
							  : CHUNK_SIZE;
			piece[f->nodes++] = BYTES(data[i].p + at, len);
		}
	}
	hash_tagged(piece, f->nodes, TAG_LEAF, f->node);
}

/* One level up in all trees; false when each has one node at most. */
static bool grow(struct forest *f)
{
	struct bytes pair[NODES / 2];
	struct hash up[NODES / 2], next[NODES];
	size_t i, j, pairs = 0, from = 0, to = 0, used = 0;

	for (i = 0; i < f->files; from += f->n[i++])
		for (j = 0; j + 1 < f->n[i]; j += 2)
			pair[pairs++] = BYTES(f->node[from + j].b, 2 * HASH_LEN);
	if (pairs == 0)
		return false;
	hash_tagged(pair, pairs, TAG_INNER, up);
	for (i = from = 0; i < f->files; i++) {
		size_t n = f->n[i];

		memcpy(next + to, up + used, n / 2 * sizeof(*up));
		to += n / 2;
		used += n / 2;
		if (n & 1) /* an odd last one moves up alone */
			next[to++] = f->node[from + n - 1];
		from += n;
		f->n[i] = n / 2 + (n & 1);
	}
	memcpy(f->node, next, to * sizeof(*next));
	return true;
}

static void roots(struct forest *f, const struct bytes *data, struct hash *ret)
{
	uint8_t text[FILES * ROOT_LEN] = {0}, *p = text;
	size_t i, from = 0;
	unsigned b;

	for (i = 0; i < f->files; from += f->n[i++], p += ROOT_LEN) {
		for (b = 0; b < 8; b++)
			p[b] = (uint8_t)((uint64_t)data[i].n >> (56 - 8 * b));
		if (f->n[i] > 0)
			memcpy(p + 8, f->node[from].b, HASH_LEN);
	}
	hash_stride(text, ROOT_LEN, ROOT_LEN, f->files, TAG_ROOT, ret);
}

void chunktree_roots(const struct bytes *data, size_t n, struct hash *ret)
{
	struct forest f;
	size_t some;

	for (; n > 0; data += some, ret += some, n -= some) {
		some = take(data, n);
		if (some == 0) {
			*ret = chunktree_root_bytes(*data);
			some = 1;
			continue;
		}
		leaves(&f, data, some);
		while (grow(&f))
			;
		roots(&f, data, ret);
	}
}
