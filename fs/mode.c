#include "fs/mode.h"

#include "core/governance.h"
#include "core/record.h"

struct reading {
	const struct params *params;
	const struct hash *chain;
	bool complies;
};

static int look(void *ctx, const struct local_record *l)
{
	struct reading *r = ctx;
	struct record d;

	if (l->kind != RECORD_COMPLIANCE || record_decode(l->d, &d) != 0)
		return 0;
	r->complies = r->complies ||
		governance_check(r->params, r->chain, &d) == 0;
	return 0;
}

int mode_read(struct local *l, const struct params *p, const struct hash *chain,
	enum retention_mode *ret)
{
	struct reading r = {p, chain, false};
	int rc = p->retention_mode != RETENTION_GOVERNANCE ? 0 :
		l->ops->notes(l, BYTES("", 0), look, &r);

	if (rc == 0)
		*ret = r.complies ? RETENTION_COMPLIANCE : p->retention_mode;
	return rc;
}
