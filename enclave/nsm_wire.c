#include "enclave/nsm_wire.h"

#include <errno.h>
#include <openssl/crypto.h>

#include "enclave/wire.h"

/* The attestor lives as long as the enclave: no limit on the wait. */
#define FOR_EVER (-1)

static struct nsm_wire *self(struct nsm *n)
{
	return (struct nsm_wire *)(void *)n; /* its first member */
}

/* Asks, and copies the one item of the answer if ret is given. */
static int ask(struct nsm *n, const struct wire *w, struct buf *ret)
{
	struct nsm_wire *me = self(n);
	struct wire answer;
	int rc = wire_ask(me->fd, FOR_EVER, w, &me->keep, &answer);

	if (rc == 0 && answer.n_items != (ret != NULL ? 1u : 0u))
		rc = -EBADMSG;
	if (rc == 0 && ret != NULL)
		rc = buf_copy(answer.item[0], ret);
	if (me->keep.p != NULL)
		OPENSSL_cleanse(me->keep.p, me->keep.cap);
	return rc;
}

static int document(struct nsm *n, struct bytes policy, struct bytes key,
	struct bytes user_data, struct buf *ret)
{
	const struct wire w = {.op = WIRE_DOCUMENT, .n_items = 3,
		.item = {policy, key, user_data}};

	return ask(n, &w, ret);
}

static int keep(struct nsm *n, struct bytes blob)
{
	const struct wire w = {.op = WIRE_KEEP, .n_items = 1, .item = {blob}};

	return ask(n, &w, NULL);
}

static int take(struct nsm *n, struct buf *ret)
{
	const struct wire w = {.op = WIRE_TAKE};

	return ask(n, &w, ret);
}

static int drop(struct nsm *n)
{
	const struct wire w = {.op = WIRE_DROP};

	return ask(n, &w, NULL);
}

static int record(struct nsm *n, struct bytes payload, struct buf *ret)
{
	const struct wire w = {.op = WIRE_RECORD, .n_items = 1,
		.item = {payload}};

	return ask(n, &w, ret);
}

static const struct nsm_ops ops = {document, keep, take, drop, record};

void nsm_wire_init(struct nsm_wire *n, int fd)
{
	*n = (struct nsm_wire){.nsm = {&ops}, .fd = fd};
}

void nsm_wire_done(struct nsm_wire *n)
{
	buf_free(&n->keep);
}

int nsm_wire_hello(struct nsm_wire *n, unsigned isolation)
{
	const struct wire w = {.op = WIRE_HELLO, .n_numbers = 1,
		.number = {isolation}};

	return ask(&n->nsm, &w, NULL);
}
