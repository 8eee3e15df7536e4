/*
 * contents: the payloads of a block, judged by the content roots in its
 * records.  What a payload is, object.h says.
 */
#ifndef FS_CONTENTS_H
#define FS_CONTENTS_H

#include "core/object.h"
#include "core/record.h"

/* For replica get_coded(): is this the pack of the block?  ctx: struct meta,
 * whose records were decoded before. */
bool contents_is_pack(void *ctx, struct bytes payload);
/* ctx: struct extent_meta. */
bool contents_is_extent(void *ctx, struct bytes payload);

/* Does the record's payload (record.h) lie in the pack of its block? */
bool contents_in_pack(const struct record *d, uint64_t *ret_size,
	struct hash *ret_root);
/* The extents of the payload of the record at that index, checked:
 * n tops; -ENOENT if it lies in the pack, -EBADMSG. */
int contents_extents(const struct meta *m, uint32_t index,
	const struct record *d, struct bytes *ret_tops);
/* Is it nothing but zeros?  Then its bytes are known without any bucket. */
bool contents_zeros(const struct extent_meta *e);
/* The i-th extent of a payload of that size, and the object's names. */
int contents_extent(struct bytes tops, uint64_t size, uint64_t i,
	struct extent_meta *ret, struct hash *ret_hmeta,
	char ret_key[OBJECT_KEY_MAX]);
/* Has the block a pack with anything in it? */
uint64_t contents_pack_size(const struct meta *m);

#endif
