#include "fs/chainclock.h"

#include <errno.h>

#include "core/cleanup.h"
#include "core/memory.h"
#include "core/timestamp.h"

void chainclock_init(struct chainclock *c, struct local *local,
	const struct params *params)
{
	*c = (struct chainclock){.local = local, .params = params};
	pthread_mutex_init(&c->lock, NULL);
}

void chainclock_done(struct chainclock *c)
{
	if (c->local != NULL)
		pthread_mutex_destroy(&c->lock);
	c->local = NULL;
}

static int look(struct chainclock *c, uint64_t height, uint64_t *ret_ms)
{
	struct local_block b = {0};
	struct timestamp t;
	unsigned before = memory_failures();
	int rc = c->local->ops->block(c->local, height, &b);

	if (rc == 0 && timestamp_validate(c->params, b.t_type,
			BUF_BYTES(&b.t), BUF_BYTES(&b.b), &t) != V_VALID)
		rc = memory_error(-EBADMSG, before);
	local_block_done(&b);
	if (rc == 0)
		*ret_ms = t.p_ms;
	return rc;
}

int chainclock_now(struct chainclock *c, uint64_t *ret_ms)
{
	uint64_t height;
	int rc = c->local->ops->tip(c->local, LOCAL_FINAL, &height);

	if (rc != 0)
		return rc;
	locked(&c->lock);
	if (!c->known || c->height != height) {
		rc = look(c, height, &c->ms);
		c->known = rc == 0;
		c->height = height;
	}
	if (rc == 0)
		*ret_ms = c->ms;
	return rc;
}
