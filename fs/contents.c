#include "fs/contents.h"

#include <errno.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"

bool contents_in_pack(const struct record *d, uint64_t *ret_size,
	struct hash *ret_root)
{
	*ret_size = record_payload(d, ret_root);
	return record_stores(d->kind) && *ret_size <= PACK_FILE_MAX;
}

static bool in_pack(struct bytes raw, uint64_t *ret_size,
	struct hash *ret_root)
{
	struct record d;
	return record_decode(raw, &d) == 0 &&
		contents_in_pack(&d, ret_size, ret_root);
}

uint64_t contents_pack_size(const struct meta *m)
{
	uint64_t sum = 0, size;
	struct hash root;
	for (size_t i = 0; i < m->n; i++)
		if (in_pack(m->d[i], &size, &root))
			sum += size;
	return sum;
}

bool contents_is_pack(void *ctx, struct bytes payload)
{
	const struct meta *m = ctx;
	size_t at = 0;
	uint64_t size;
	struct hash want;
	for (size_t i = 0; i < m->n; i++) {
		if (!in_pack(m->d[i], &size, &want))
			continue;
		if (size > payload.n - at)
			return false;
		struct hash root = chunktree_root_bytes(
			BYTES(payload.p + at, (size_t)size));
		if (!hash_equal(&root, &want))
			return false;
		at += (size_t)size;
	}
	return at == payload.n;
}

bool contents_is_extent(void *ctx, struct bytes payload)
{
	const struct extent_meta *want = ctx;
	if (payload.n != want->length)
		return false;
	struct chunktree *t = chunktree_new();
	if (t == NULL)
		return false;
	chunktree_add(t, payload);
	struct hash top = chunktree_top(t);
	chunktree_free(t);
	return hash_equal(&top, &want->top);
}

/* The top of extent i, out of bytes that need not be aligned. */
static struct hash top_at(struct bytes tops, uint64_t i)
{
	struct hash h;
	memcpy(h.b, tops.p + i * HASH_LEN, HASH_LEN);
	return h;
}

int contents_extents(const struct meta *m, uint32_t index,
	const struct record *d, struct bytes *ret_tops)
{
	struct hash want = {{0}};
	uint64_t size = record_payload(d, &want);
	if (size <= PACK_FILE_MAX)
		return -ENOENT;
	for (size_t i = 0; i < m->n_large; i++) {
		if (m->large[i].index != index)
			continue;
		struct bytes tops = m->large[i].tops;
		struct hash top, root;
		/* struct hash is bytes only: any alignment will do */
		if (chunktree_join((const struct hash *)(const void *)tops.p,
				tops.n / HASH_LEN, size, &top) != 0)
			return -EBADMSG;
		root = chunktree_root_of(size, &top);
		if (!hash_equal(&root, &want))
			return -EBADMSG;
		*ret_tops = tops;
		return 0;
	}
	return -EBADMSG;
}

bool contents_zeros(const struct extent_meta *e)
{
	struct hash zeros = chunktree_zeros(e->length);
	return hash_equal(&e->top, &zeros);
}

int contents_extent(struct bytes tops, uint64_t size, uint64_t i,
	struct extent_meta *ret, struct hash *ret_hmeta,
	char ret_key[OBJECT_KEY_MAX])
{
	cleanup(buf) struct buf raw = {0};
	uint64_t off = i * EXTENT_SIZE;
	struct extent_meta e = {
		.top = top_at(tops, i),
		.length = size - off < EXTENT_SIZE ? size - off : EXTENT_SIZE,
	};
	int err = extent_meta_encode(&e, &raw);
	if (err != 0)
		return err;
	*ret = e;
	*ret_hmeta = hash_sha3(BUF_BYTES(&raw));
	object_key_extent(&e.top, ret_key);
	return 0;
}
