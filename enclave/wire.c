#include "enclave/wire.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"

static const struct {
	uint8_t numbers, items;
} counts[WIRE_OPS] = {
	[WIRE_NO] = {1, 2},
	[WIRE_GENESIS] = {0, 0},
	[WIRE_FIRST] = {1, 3},
	[WIRE_SEQUENCE] = {1, 2},
	[WIRE_CHECKPOINT] = {1, 0},
	[WIRE_HANDOVER] = {0, 0},
	[WIRE_RESUME] = {0, 2},
	[WIRE_ARRIVE] = {0, 0},
	[WIRE_ABANDON] = {0, 0},
	[WIRE_RECOVER] = {0, 2},
	[WIRE_EVIDENCE] = {0, 3},
	[WIRE_SETTLE] = {1, 1},
	[WIRE_HELLO] = {1, 0},
	[WIRE_DOCUMENT] = {0, 3},
	[WIRE_KEEP] = {0, 1},
	[WIRE_TAKE] = {0, 0},
	[WIRE_DROP] = {0, 0},
	[WIRE_RECORD] = {0, 1},
	[WIRE_START] = {1, 1},
};

static bool counts_fit(uint64_t op, uint64_t numbers, uint64_t items)
{
	if (op == WIRE_OK) /* the asker knows how many it wants */
		return numbers <= WIRE_NUMBERS && items <= WIRE_ITEMS;
	return op < WIRE_OPS && numbers == counts[op].numbers &&
	       items == counts[op].items;
}

int wire_encode(const struct wire *w, struct buf *ret)
{
	struct cborput p = {0};
	size_t i, n = 3 + (1 + WIRE_NUMBERS + WIRE_ITEMS) * CBOR_HEAD_MAX;

	if (!counts_fit(w->op, w->n_numbers, w->n_items))
		return -EINVAL;
	for (i = 0; i < w->n_items; i++) {
		if (w->item[i].n > WIRE_MAX)
			return -EMSGSIZE;
		n += w->item[i].n;
	}
	if (n > WIRE_MAX)
		return -EMSGSIZE;
	/* no growing: a growing buffer would leave copies of secrets behind */
	p.err = buf_reserve(&p.out, n);
	cborput_array(&p, 3);
	cborput_uint(&p, w->op);
	cborput_array(&p, w->n_numbers);
	for (i = 0; i < w->n_numbers; i++)
		cborput_uint(&p, w->number[i]);
	cborput_array(&p, w->n_items);
	for (i = 0; i < w->n_items; i++)
		cborput_bytes(&p, w->item[i]);
	return cborput_end(&p, ret);
}

int wire_decode(struct bytes in, struct wire *ret)
{
	struct wire w = {0};
	uint64_t op = 0, three, n = 0;
	struct cborr r;
	size_t i;

	if (in.n > WIRE_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 3, 3, &three);
	cborr_uint_max(&r, WIRE_OPS - 1, &op);
	cborr_array(&r, 0, WIRE_NUMBERS, &n);
	w.n_numbers = (size_t)n;
	for (i = 0; i < w.n_numbers; i++)
		cborr_uint(&r, &w.number[i]);
	n = 0;
	cborr_array(&r, 0, WIRE_ITEMS, &n);
	w.n_items = (size_t)n;
	for (i = 0; i < w.n_items; i++)
		cborr_bytes(&r, WIRE_MAX, &w.item[i]);
	if (cborr_end(&r) != 0 || !counts_fit(op, w.n_numbers, w.n_items))
		return -EBADMSG;
	w.op = (enum wire_op)op;
	*ret = w;
	return 0;
}

/* Frames may hold the one-shot key. */
static void wipe(struct buf *b)
{
	if (b->p != NULL)
		OPENSSL_cleanse(b->p, b->cap);
	buf_free(b);
}

int wire_send(int fd, const struct wire *w)
{
	struct buf out = {0};
	ssize_t n;
	int rc = wire_encode(w, &out);

	if (rc != 0)
		return rc;
	do
		n = send(fd, out.p, out.n, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		rc = errno == ECONNRESET ? -EPIPE : -errno; /* not sent */
	wipe(&out);
	return rc;
}

/* Of a call; that the kernel has no memory is not told as that we have none,
 * for of the latter nothing has been received (wire.h). */
static int failed(void)
{
	return errno == ECONNRESET ? -EPIPE : errno == ENOMEM ? -EIO : -errno;
}

static int wait_for(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do /* a signal begins the wait anew: none is expected here */
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	return n < 0 ? failed() : n == 0 ? -ETIMEDOUT : 0;
}

int wire_recv(int fd, int timeout_ms, struct buf *keep, struct wire *ret)
{
	ssize_t n;
	int rc;

	if (keep->p != NULL)
		OPENSSL_cleanse(keep->p, keep->cap);
	keep->n = 0;
	rc = buf_reserve(keep, WIRE_MAX);
	if (rc == 0)
		rc = wait_for(fd, timeout_ms);
	if (rc != 0)
		return rc;
	do
		n = recv(fd, keep->p, WIRE_MAX, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return failed();
	if (n == 0)
		return -EPIPE;
	if (n > WIRE_MAX)
		return -EBADMSG;
	keep->n = (size_t)n;
	return wire_decode(BUF_BYTES(keep), ret);
}

int wire_ask(int fd, int timeout_ms, const struct wire *w, struct buf *keep,
	struct wire *ret)
{
	int rc = buf_reserve(keep, WIRE_MAX);

	if (rc == 0)
		rc = wire_send(fd, w);
	if (rc == 0)
		rc = wire_recv(fd, timeout_ms, keep, ret);
	if (rc != 0)
		return rc;
	if (ret->op == WIRE_OK)
		return 0;
	if (ret->op == WIRE_NO && ret->number[0] > 0 &&
		ret->number[0] < 4096)
		return -(int)ret->number[0];
	return -EBADMSG;
}
