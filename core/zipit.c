/* ZipIt ([0063]): block -> timestamp, durable before it is used. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/notary_impl.h"
#include "core/timestamp.h"

/* Stamps b and checks the answer: a stamp that does not hold would make the
 * block, and all that link to it, worthless. */
static int stamp(struct notary *n, struct local_block *b)
{
	struct timestamper *ts = n->s.timestamper;
	enum verdict v;
	struct timestamp t;
	int rc = ts->ops->stamp(
		ts, BUF_BYTES(&b->b), &b->t_type, &b->t);

	if (rc == 0) {
		v = timestamp_validate(&n->params, b->t_type, BUF_BYTES(&b->t),
			BUF_BYTES(&b->b), &t);
		if (v != V_VALID)
			rc = v == V_NO_MEMORY ? -ENOMEM : -EBADMSG;
	}
	notary_note(n, NOTARY_TIMESTAMPER, rc);
	return rc;
}

static int hash_meta(struct notary *n, struct local_block *b)
{
	cleanup(pack) struct pack *p = NULL;
	int rc = pack_load(n, b, &p);

	if (rc == 0)
		b->hmeta = hash_sha3(pack_meta(p));
	return rc;
}

static int commit(struct notary *n, uint64_t generation,
	const struct local_block *b)
{
	struct local *l = n->s.local;
	int rc;

	locked(&n->shape);
	if (notary_generation(n) != generation)
		return 1; /* this block was dropped */
	fault_point("stamp.got");
	rc = l->ops->put_stamp(l, b->height, b->t_type, BUF_BYTES(&b->t),
		&b->hmeta);
	fault_point("stamp.kept");
	return rc < 0 ? rc : 1;
}

int zipit_step(struct notary *n)
{
	struct local *l = n->s.local;
	cleanup(local_block) struct local_block b = {0};
	uint64_t generation = notary_generation(n), tip = 0;
	int rc = l->ops->tip(l, LOCAL_STAMPED, &tip);

	if (rc == 0)
		rc = l->ops->block(l, tip + 1, &b);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (b.state != LOCAL_BATCHED)
		return 1; /* it moved between the two reads */
	rc = stamp(n, &b);
	if (rc == 0)
		rc = hash_meta(n, &b);
	if (rc == 0)
		rc = commit(n, generation, &b);
	if (rc == 1)
		notary_changed(n);
	return rc;
}
