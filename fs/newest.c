#include "fs/newest.h"

#include "core/local.h"
#include "core/timestamp.h"

uint64_t newest_time(struct local *l)
{
	uint64_t height, p = 0;
	struct local_block b = {0};
	struct hash y;
	struct bytes g;
	if (l->ops->tip(l, LOCAL_STAMPED, &height) != 0 ||
	    l->ops->block(l, height, &b) != 0)
		return 0;
	if (b.t_type != TIMESTAMP_LOCAL ||
	    timestamp_local_decode(BUF_BYTES(&b.t), &y, &p, &g) != 0)
		p = 0;
	local_block_done(&b);
	return p;
}

