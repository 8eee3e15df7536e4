#include "fs/newest.h"

#include <errno.h>

#include "core/local.h"
#include "core/timestamp.h"

int newest_time(struct local *l, const struct params *params, uint64_t *ret_ms)
{
	uint64_t height, p = 0;
	struct local_block b = {0};
	struct timestamp t;
	enum verdict v;
	int err = l->ops->tip(l, LOCAL_STAMPED, &height);
	if (err == 0)
		err = l->ops->block(l, height, &b);
	if (err == -ENOMEM)
		return err;
	if (err == 0) {
		v = timestamp_validate(params, b.t_type, BUF_BYTES(&b.t),
			BUF_BYTES(&b.b), &t);
		local_block_done(&b);
		if (v == V_NO_MEMORY)
			return -ENOMEM;
		if (v == V_VALID)
			p = t.p_ms > t.after_ms ? t.p_ms : t.after_ms;
	}
	*ret_ms = p;
	return 0;
}
