#include "enclave/gate.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "core/cleanup.h"

void gate_init(struct gate *g, struct numbering *n, struct nsm *nsm)
{
	*g = (struct gate){.numbering = n, .nsm = nsm};
}

static void clear(struct gate *g)
{
	size_t i;

	for (i = 0; i < WIRE_ITEMS; i++)
		buf_free(&g->out[i]);
}

void gate_done(struct gate *g)
{
	clear(g);
	numbering_free(g->numbering);
	*g = (struct gate){0};
}

/* Key and document for what the machine claims, in out[i] and out[i + 1]. */
static int attest(struct gate *g, struct buf *ret_key, struct buf *ret_doc)
{
	cleanup(buf) struct buf data = {0};
	uint8_t policy[48];
	size_t n;
	int rc = numbering_claim(g->numbering, ret_key, &data);

	if (rc == 0)
		rc = numbering_policy(g->numbering, policy, &n);
	if (rc != 0)
		return rc;
	return g->nsm->ops->document(g->nsm, BYTES(policy, n),
		BUF_BYTES(ret_key), BUF_BYTES(&data), ret_doc);
}

static int genesis(struct gate *g, const struct wire *ask)
{
	int rc = numbering_genesis(g->numbering);

	(void)ask;
	if (rc == 0)
		rc = attest(g, &g->out[0], &g->out[1]);
	if (rc == 0)
		rc = numbering_attested(g->numbering, BUF_BYTES(&g->out[1]));
	return rc;
}

static int first(struct gate *g, const struct wire *ask)
{
	return numbering_first(g->numbering, ask->item[0], ask->number[0],
		ask->item[1], ask->item[2], &g->out[0]);
}

static int sequence(struct gate *g, const struct wire *ask)
{
	return numbering_sequence(g->numbering, ask->item[0], ask->number[0],
		ask->item[1], &g->out[0], &g->tail);
}

static int checkpoint(struct gate *g, const struct wire *ask)
{
	uint8_t signature[RECEIPT_SIGNATURE];
	int rc = numbering_checkpoint(
		g->numbering, ask->number[0], &g->out[0], signature);

	return rc != 0 ? rc : buf_copy(BYTES(signature, sizeof(signature)),
				&g->out[1]);
}

/* The statement leaves only when its successor's copy is durable and the own
 * key is gone.  If the copy could not be kept, the key is erased all the
 * same: whether it was kept is then unknown. */
static int handover(struct gate *g, const struct wire *ask)
{
	struct buf blob = {0};
	int rc = numbering_handover(g->numbering, &blob, &g->out[0]);

	(void)ask;
	if (rc == 0)
		rc = g->nsm->ops->keep(g->nsm, BUF_BYTES(&blob));
	if (blob.p != NULL)
		OPENSSL_cleanse(blob.p, blob.cap);
	buf_free(&blob);
	if (numbering_state(g->numbering) == NUMBERING_LEAVING)
		numbering_left(g->numbering);
	return rc;
}

static int resume(struct gate *g, const struct wire *ask)
{
	struct buf blob = {0};
	int rc = g->nsm->ops->take(g->nsm, &blob);

	if (rc == 0)
		rc = numbering_resume(g->numbering, ask->item[0], ask->item[1],
			BUF_BYTES(&blob), &g->out[0]);
	if (blob.p != NULL)
		OPENSSL_cleanse(blob.p, blob.cap);
	buf_free(&blob);
	return rc;
}

static int arrive(struct gate *g, const struct wire *ask)
{
	int rc = -EPROTO;

	(void)ask;
	if (numbering_state(g->numbering) == NUMBERING_ARRIVING)
		rc = g->nsm->ops->drop(g->nsm);
	if (rc == 0)
		rc = attest(g, &g->out[0], &g->out[1]);
	if (rc == 0)
		rc = numbering_attested(g->numbering, BUF_BYTES(&g->out[1]));
	return rc;
}

/* Also for a blob that resume refused: the machine is EMPTY then, and what
 * nobody can use should not lie about. */
static int abandon(struct gate *g, const struct wire *ask)
{
	(void)ask;
	if (numbering_state(g->numbering) == NUMBERING_ARRIVING)
		numbering_abandon(g->numbering);
	if (numbering_state(g->numbering) != NUMBERING_EMPTY)
		return -EPROTO;
	return g->nsm->ops->drop(g->nsm);
}

static int recover(struct gate *g, const struct wire *ask)
{
	return numbering_recover(g->numbering, ask->item[0], ask->item[1]);
}

static int evidence(struct gate *g, const struct wire *ask)
{
	return numbering_evidence(g->numbering, ask->item[0], ask->item[1],
		ask->item[2]);
}

static int main_log(const struct wire *ask, struct mlog *ret)
{
	*ret = (struct mlog){.size = ask->number[0]};
	if (ask->item[0].n != mlog_edges(ret) * HASH_LEN)
		return -EBADMSG;
	if (ask->item[0].n > 0)
		memcpy(ret->edge, ask->item[0].p, ask->item[0].n);
	return 0;
}

static int settle(struct gate *g, const struct wire *ask)
{
	cleanup(buf) struct buf key = {0};
	cleanup(buf) struct buf payload = {0};
	struct mlog log;
	int rc = main_log(ask, &log);

	if (rc == 0)
		rc = numbering_settle(g->numbering, &log);
	if (rc == 0)
		rc = attest(g, &key, &g->out[1]);
	if (rc == 0)
		rc = numbering_record(g->numbering, &payload);
	if (rc == 0)
		rc = g->nsm->ops->record(
			g->nsm, BUF_BYTES(&payload), &g->out[2]);
	if (rc == 0)
		rc = numbering_recovered(g->numbering, BUF_BYTES(&g->out[1]),
			BUF_BYTES(&g->out[2]), &g->out[0]);
	return rc;
}

static const struct {
	int (*answer)(struct gate *g, const struct wire *ask);
	size_t items; /* of the answer */
} handlers[WIRE_OPS] = {
	[WIRE_GENESIS] = {genesis, 2},
	[WIRE_FIRST] = {first, 1},
	[WIRE_SEQUENCE] = {sequence, 1},
	[WIRE_CHECKPOINT] = {checkpoint, 2},
	[WIRE_HANDOVER] = {handover, 1},
	[WIRE_RESUME] = {resume, 1},
	[WIRE_ARRIVE] = {arrive, 2},
	[WIRE_ABANDON] = {abandon, 0},
	[WIRE_RECOVER] = {recover, 0},
	[WIRE_EVIDENCE] = {evidence, 0},
	[WIRE_SETTLE] = {settle, 3},
};

static void refuse(struct gate *g, int rc, struct wire *ret)
{
	const char *why = numbering_why(g->numbering);

	*ret = (struct wire){.op = WIRE_NO, .n_numbers = 1, .n_items = 2};
	ret->number[0] = (uint64_t)-rc;
	ret->item[0] = BYTES(why, strlen(why));
	if (rc == -ESTALE)
		ret->item[1] = HASH_BYTES(&g->tail);
}

void gate_answer(struct gate *g, const struct wire *ask, struct wire *ret)
{
	size_t i;
	int rc = -EOPNOTSUPP;

	clear(g);
	if (handlers[ask->op].answer != NULL)
		rc = handlers[ask->op].answer(g, ask);
	if (rc != 0) {
		clear(g); /* nothing signed leaves with a refusal */
		refuse(g, rc, ret);
		return;
	}
	*ret = (struct wire){.op = WIRE_OK,
		.n_items = handlers[ask->op].items};
	for (i = 0; i < ret->n_items; i++)
		ret->item[i] = BUF_BYTES(&g->out[i]);
}
