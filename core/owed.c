#include "core/owed.h"

#include <errno.h>

#include "core/cleanup.h"

struct owed {
	const struct replica *r;
	uint64_t from, lowest;
};

/* Keys ascend, and numbers come first. */
static int look(void *ctx, const char *key, uint32_t buckets, uint64_t source)
{
	struct owed *o = ctx;

	if (key[0] != 'a' || source >= o->lowest)
		return 1;
	if (source < o->from || replica_holds(o->r, buckets))
		return 0;
	o->lowest = source;
	return 1;
}

/* Of a block that has its number and is not final no lag tells: it is what
 * sequenceit_step puts next. */
static int look_numbered(struct local *l, struct owed *o)
{
	cleanup(local_block) struct local_block block = {0};
	uint64_t final = 0;
	int rc = l->ops->tip(l, LOCAL_FINAL, &final);

	if (rc == 0)
		rc = l->ops->block(l, final + 1, &block);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (block.state == LOCAL_SEQUENCED && block.k >= o->from &&
		block.k < o->lowest)
		o->lowest = block.k;
	return 0;
}

int owed_lowest(struct local *l, const struct replica *r, uint64_t from,
	uint64_t to, uint64_t *ret)
{
	struct owed o = {.r = r, .from = from, .lowest = to};
	int rc = l->ops->lags(l, look, &o);

	if (rc >= 0)
		rc = look_numbered(l, &o);
	if (rc == 0)
		*ret = o.lowest;
	return rc;
}
