/* The main log as it is final, signed for those who read it with other
 * programs.  Never ahead of what is final: a number that is lost before it is
 * stored is replaced by another, and a checkpoint over it would contradict the
 * log. */
#include <errno.h>

#include "core/fault.h"
#include "core/notary_impl.h"
#include "core/published.h"
#include "core/tiles.h"

#define PUBLISH_MS 1000 /* between two checkpoints */

/* The size published last, from this process or an earlier one. */
static int published_size(struct notary *n, uint64_t *ret)
{
	struct local *l = n->s.local;
	struct published p = {.size = 0};
	struct buf keep = {0};
	int rc = 0;

	if (n->published == 0)
		rc = published_load(l, &keep, &p);
	if (p.size > 0)
		n->published = p.size;
	buf_free(&keep);
	*ret = n->published;
	/* one that cannot be read is made anew */
	return rc == -ENOENT || rc == -EBADMSG ? 0 : rc;
}

static int publish(struct notary *n, uint64_t size)
{
	struct sequencer *q = n->s.sequencer;
	struct sequenced_log log = {.epoch = 0};
	struct published p = {.size = size};
	int rc = q->ops->checkpoint(q, size, &log);

	if (rc == -ENOENT) {
		n->published = size; /* the next one will be held */
		return 0;
	}
	if (rc != 0)
		return rc;
	p.epoch = log.epoch;
	p.note = BUF_BYTES(&log.note);
	p.signature = BYTES(log.signature, sizeof(log.signature));
	rc = published_store(n->s.local, &p);
	buf_free(&log.note);
	if (rc != 0)
		return rc;
	n->published = size;
	n->publish_ms = notary_mono(n) + PUBLISH_MS;
	return 1;
}

void publishit_soon(struct notary *n)
{
	n->publish_ms = 0;
}

int publishit_step(struct notary *n)
{
	struct local *l = n->s.local;
	uint64_t height, size;
	int rc;

	if (n->s.sequencer->ops->checkpoint == NULL ||
		notary_mono(n) < n->publish_ms)
		return 0;
	rc = l->ops->tip(l, LOCAL_FINAL, &height);
	if (rc != 0)
		return rc == -ENOENT ? 0 : rc;
	rc = published_size(n, &size);
	if (rc != 0)
		return rc;
	rc = tiles_grow(l, size);
	return rc == 0 && height + 1 > size ? publish(n, height + 1) : rc;
}
