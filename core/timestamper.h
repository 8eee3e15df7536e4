/*
 * timestamper: a trusted timestamp service T, as the write path sees it.
 */
#ifndef CORE_TIMESTAMPER_H
#define CORE_TIMESTAMPER_H

#include "core/bytes.h"

struct timestamper;
struct timestamper_ops {
	/* Stamps the block b, its bytes given whole: an authority may want
	 * its own hash of them.  May block.  0 and the type and bytes of t, or
	 * -EAGAIN (service away: try again), -EIO. */
	int (*stamp)(struct timestamper *t, struct bytes b, uint64_t *ret_type,
		struct buf *ret);
	/* Why the last one failed, in words, "" if it did not.  NULL: errno
	 * says it. */
	void (*why)(struct timestamper *t, char *ret, size_t size);
	void (*free)(struct timestamper *t);
};
struct timestamper {
	const struct timestamper_ops *ops;
	const char *name;	/* for status and messages */
};

#endif
