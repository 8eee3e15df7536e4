#include "fs/chronicle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

#define STEP 4096		/* entries by which it grows */

struct chronicle {
	struct chronicle_entry *e;
	size_t n;
};

struct chronicle *chronicle_new(void)
{
	return calloc(1, sizeof(struct chronicle));
}

void chronicle_free(struct chronicle *c)
{
	if (c == NULL)
		return;
	free(c->e);
	free(c);
}

/* Of what a link has from its file. */
static uint32_t tag_of(const struct record *d)
{
	const uint64_t n[] = {d->size, d->mode, (uint64_t)d->mtime_ns, d->uid,
		d->gid};
	uint8_t text[sizeof n + HASH_LEN];
	struct hash h;
	uint32_t tag;
	memcpy(text, n, sizeof n);
	memcpy(text + sizeof n, d->root.b, HASH_LEN);
	h = hash_sha3(BYTES(text, sizeof text));
	memcpy(&tag, h.b, sizeof tag);
	return tag;
}

int chronicle_add(struct chronicle *c, const struct record *d, uint64_t height,
	uint32_t index)
{
	if (c->n % STEP == 0) {
		struct chronicle_entry *more = realloc(c->e,
			(c->n + STEP) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		c->e = more;
	}
	c->e[c->n++] = (struct chronicle_entry){.path = hash_sha3(d->path),
		.height = height, .index = index, .kind = d->kind,
		.tag = tag_of(d)};
	return 0;
}

/* By path, and the newest of a path first. */
static int in_order(const void *a, const void *b)
{
	const struct chronicle_entry *x = a, *y = b;
	int c = memcmp(x->path.b, y->path.b, HASH_LEN);
	if (c != 0)
		return c;
	if (x->height != y->height)
		return x->height > y->height ? -1 : 1;
	return x->index > y->index ? -1 : x->index < y->index;
}

static bool same_path(const struct chronicle *c, size_t i, size_t k)
{
	return k < c->n && hash_equal(&c->e[i].path, &c->e[k].path);
}

/* What became of one, by the one that came after it. */
static void settle_fate(struct chronicle *c, size_t i)
{
	struct chronicle_entry *e = &c->e[i];
	if (i == 0 || !same_path(c, i, i - 1))
		return; /* the newest */
	const struct chronicle_entry *after = &c->e[i - 1];
	e->grown = after->kind == RECORD_APPEND;
	e->fate = e->grown ? after->fate : after->kind == RECORD_DELETION
		? CHRONICLE_DELETED : CHRONICLE_PAST;
	e->last = e->grown ? after->last : after->kind == RECORD_TOMBSTONE &&
		after->fate == CHRONICLE_NEWEST;
}

void chronicle_settle(struct chronicle *c)
{
	if (c->n > 0)
		qsort(c->e, c->n, sizeof *c->e, in_order);
	for (size_t i = 0; i < c->n; i++)
		settle_fate(c, i);
	for (size_t i = c->n; i-- > 0;)
		c->e[i].number = (same_path(c, i, i + 1) ? c->e[i + 1].number
			: 0) + record_seals(c->e[i].kind);
}

/* The first entry in order that is not before that place of the path; c->n: there
 * is none. */
static size_t find(const struct chronicle *c, const struct hash *path,
	uint64_t height, uint32_t index)
{
	const struct chronicle_entry key = {.path = *path,
		.height = height, .index = index};
	size_t low = 0, high = c->n;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (in_order(&c->e[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct chronicle_entry *chronicle_at(const struct chronicle *c,
	struct bytes path, uint64_t height, uint32_t index)
{
	const struct hash h = hash_sha3(path);
	size_t i = find(c, &h, height, index);
	return i < c->n && hash_equal(&c->e[i].path, &h) ? &c->e[i] : NULL;
}

const struct chronicle_entry *chronicle_file(const struct chronicle *c,
	const struct record *d, uint64_t height, uint32_t index)
{
	const struct hash h = hash_sha3(d->target);
	const uint32_t tag = tag_of(d);
	size_t i = find(c, &h, height, index);
	if (i == c->n || !hash_equal(&c->e[i].path, &h))
		i--; /* the oldest, if there is one */
	for (; i < c->n && hash_equal(&c->e[i].path, &h); i--)
		if (c->e[i].tag == tag && record_seals(c->e[i].kind) &&
		    c->e[i].kind != RECORD_LINK)
			return &c->e[i];
	return NULL;
}

bool chronicle_covered(const struct chronicle *c, struct bytes path,
	uint64_t height, uint32_t index)
{
	for (size_t n = 0; n < path.n; n++) {
		const struct chronicle_entry *e = path.p[n] != '/' ? NULL
			: chronicle_at(c, BYTES(path.p, n), UINT64_MAX,
				UINT32_MAX);
		if (e != NULL && record_seals(e->kind) && (e->height > height ||
			(e->height == height && e->index > index)))
			return true;
	}
	return false;
}

bool chronicle_gone(const struct chronicle *c, struct bytes path)
{
	const struct chronicle_entry *e = chronicle_at(c, path, UINT64_MAX,
		UINT32_MAX);
	return e != NULL && e->kind == RECORD_TOMBSTONE &&
		same_path(c, (size_t)(e - c->e), (size_t)(e - c->e) + 1) &&
		record_seals(e[1].kind);
}
