/* StoreIt ([0064]-[0066]): contents and META -> buckets, at write quorum
 * before a number is asked for. */
#include <errno.h>

#include "core/cleanup.h"
#include "core/fault.h"
#include "core/hash.h"
#include "core/notary_impl.h"

/* The lowest stamped block that is not stored and that nobody works on:
 * 1 and it is ours, or 0.  Blocks that are numbered were stored before. */
static int claim(struct notary *n, uint64_t *ret_height)
{
	struct local *l = n->s.local;
	uint64_t numbered = 0, stamped = 0, h;
	int rc = l->ops->tip(l, LOCAL_SEQUENCED, &numbered);

	if (rc == 0)
		rc = l->ops->tip(l, LOCAL_STAMPED, &stamped);
	if (rc < 0)
		return rc;
	locked(&n->lock);
	for (h = numbered + 1; h <= stamped; h++) {
		struct flight *f = notary_flight(n, h);

		if (f->height < h) /* a commit that took effect and
					then failed */
			*f = (struct flight){.height = h};
		if (f->height != h || f->state != FLIGHT_IDLE)
			continue;
		f->state = FLIGHT_BUSY;
		*ret_height = h;
		return 1;
	}
	return 0;
}

static void release(struct notary *n, uint64_t generation, uint64_t height,
	bool stored)
{
	struct flight *f;

	locked(&n->lock);
	f = notary_flight(n, height);
	/* Of an older generation this height is another block. */
	if (n->generation == generation && f->height == height)
		f->state = stored ? FLIGHT_STORED : FLIGHT_IDLE;
}

int notary_put_pack(struct notary *n, uint64_t height)
{
	struct local *l = n->s.local;
	struct replica *r = n->s.replica;
	cleanup(local_block) struct local_block b = {0};
	cleanup(pack) struct pack *p = NULL;
	struct replica_report report = {0};
	struct source source;
	struct hash hmeta;
	char key[OBJECT_KEY_MAX];
	int rc = l->ops->block(l, height, &b);

	if (rc == 0)
		rc = pack_load(n, &b, &p);
	if (rc < 0)
		return rc;
	hmeta = hash_sha3(pack_meta(p));
	if (!hash_equal(&hmeta, &b.hmeta))
		return -EBADMSG; /* the same bytes as ever, or none */
	object_key_pack(&hmeta, key);
	source = pack_source(p);
	rc = r->ops->put_coded(r, key, pack_meta(p), pack_length(p), &source,
		&report);
	return notary_stored(n, key, height, rc, &report);
}

int storeit_step(struct notary *n)
{
	uint64_t generation = notary_generation(n), height = 0;
	int rc = claim(n, &height);

	if (rc <= 0)
		return rc;
	fault_point("store.begin");
	rc = notary_put_pack(n, height);
	fault_point("store.put");
	release(n, generation, height, rc >= 0);
	if (rc < 0)
		return notary_generation(n) != generation ? 1 : rc;
	notary_changed(n);
	return 1;
}
