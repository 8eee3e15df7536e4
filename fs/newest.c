#include "fs/newest.h"

#include "core/local.h"
#include "core/timestamp.h"

uint64_t newest_time(struct local *l, const struct params *params)
{
	uint64_t height, p = 0;
	struct local_block b = {0};
	struct timestamp t;
	if (l->ops->tip(l, LOCAL_STAMPED, &height) != 0 ||
	    l->ops->block(l, height, &b) != 0)
		return 0;
	if (timestamp_validate(params, b.t_type, BUF_BYTES(&b.t),
		BUF_BYTES(&b.b), &t) == V_VALID)
		p = t.p_ms > t.after_ms ? t.p_ms : t.after_ms;
	local_block_done(&b);
	return p;
}

