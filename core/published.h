/*
 * published: the newest checkpoint of the main log, as local keeps it.
 *
 * It is one value of local, written by publishit_step() when a block has
 * become final, and read by whoever shows the log:
 *
 *	[1, size, epoch, note, signature]
 *
 * When another epoch publishes, that of the epoch before stays as value
 * "checkpoint.EPOCH": a certificate can have a checkpoint of the epoch of its
 * block only.  Neither is in the buckets: a restored folder has none.
 *
 * note is the checkpoint (note.h) of that size by the log key of that epoch,
 * whose document local has as "doc.EPOCH"; signature is the epoch's sequencer
 * key's over the same root, of which receipts are made (receipt.h).
 */
#ifndef CORE_PUBLISHED_H
#define CORE_PUBLISHED_H

#include "core/local.h"
#include "core/note.h"

struct published {
	uint64_t size;
	uint32_t epoch;
	struct bytes note, signature;
};

int published_encode(const struct published *p, struct buf *ret);
int published_decode(struct bytes in, struct published *ret); /* -EBADMSG */
/* ret points into *keep.  -ENOENT: nothing has been published yet. */
int published_load(struct local *l, struct buf *keep, struct published *ret);
/* The last of that epoch. */
int published_of_epoch(struct local *l, uint32_t epoch, struct buf *keep,
	struct published *ret);
int published_store(struct local *l, const struct published *p);
/* The document of the epoch that signed it.  -ENOENT. */
int published_document(struct local *l, const struct published *p,
	struct buf *ret);

#endif
