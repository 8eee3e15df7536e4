/*
 * Frames between host, enclave and attestor: what one side writes the other
 * reads back, and nothing else is read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "enclave/wire.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

static const struct wire sample = {.op = WIRE_FIRST, .n_numbers = 1,
	.n_items = 3, .number = {7},
	.item = {{(const uint8_t *)"abc", 3}, {(const uint8_t *)"", 0},
		{(const uint8_t *)"0123456789", 10}}};

static bool same(const struct wire *a, const struct wire *b)
{
	size_t i;

	if (a->op != b->op || a->n_numbers != b->n_numbers ||
		a->n_items != b->n_items)
		return false;
	for (i = 0; i < a->n_numbers; i++)
		if (a->number[i] != b->number[i])
			return false;
	for (i = 0; i < a->n_items; i++)
		if (!bytes_equal(a->item[i], b->item[i]))
			return false;
	return true;
}

static void round_trip(void)
{
	struct buf b = {0};
	struct wire w;
	size_t n;

	is_int(wire_encode(&sample, &b), 0, "a frame is written");
	is_int(wire_decode(BUF_BYTES(&b), &w), 0, "and read");
	ok(same(&w, &sample), "as it was");
	for (n = 0; n < b.n; n++)
		if (wire_decode(BYTES(b.p, n), &w) != -EBADMSG)
			break;
	is_int(n, b.n, "no piece of it is a frame");
	if (buf_add(&b, "", 1) != 0)
		bail("no memory");
	is_int(wire_decode(BUF_BYTES(&b), &w), -EBADMSG,
		"nor is it with something behind");
	buf_free(&b);
}

/* Whatever is read is written again as the same bytes. */
static void mutations(void)
{
	struct prng r = {prng_seed()};
	struct buf b = {0};
	size_t i, read = 0, odd = 0;

	if (wire_encode(&sample, &b) != 0)
		bail("wire_encode");
	for (i = 0; i < 200000; i++) {
		uint8_t copy[64];
		struct buf again = {0};
		struct wire w;
		unsigned n = 1 + (unsigned)prng_below(&r, 3);

		memcpy(copy, b.p, b.n);
		while (n-- > 0)
			copy[prng_below(&r, b.n)] = (uint8_t)prng_next(&r);
		if (wire_decode(BYTES(copy, b.n), &w) != 0)
			continue;
		read++;
		if (wire_encode(&w, &again) != 0 ||
			!bytes_equal(BUF_BYTES(&again), BYTES(copy, b.n)))
			odd++;
		buf_free(&again);
	}
	ok(read > 0, "some of 200000 altered frames are read");
	is_int(odd, 0, "each is one that we could have written");
	buf_free(&b);
}

static void limits(void)
{
	struct buf out = {0};
	uint8_t *big = calloc(1, WIRE_MAX);
	struct wire w = {.op = WIRE_KEEP, .n_items = 1};

	w.item[0] = BYTES(big, WIRE_MAX);
	is_int(wire_encode(&w, &out), -EMSGSIZE,
		"a frame longer than WIRE_MAX is not written");
	w.n_items = 2;
	is_int(wire_encode(&w, &out), -EINVAL,
		"nor one with more items than its op has");
	w = (struct wire){.op = WIRE_OPS};
	is_int(wire_encode(&w, &out), -EINVAL, "nor one of no op");
	free(big);
}

static void sockets(void)
{
	static uint8_t big[WIRE_MAX + 1];
	struct buf keep = {0};
	struct wire w;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) != 0)
		bail("socketpair");
	is_int(wire_recv(fd[0], 0, &keep, &w), -ETIMEDOUT,
		"with nothing sent there is nothing");
	is_int(wire_send(fd[1], &sample), 0, "a frame is sent");
	is_int(wire_recv(fd[0], 1000, &keep, &w), 0, "and received");
	ok(same(&w, &sample), "as it was");
	if (send(fd[1], big, sizeof(big), 0) != (ssize_t)sizeof(big))
		bail("send");
	is_int(wire_recv(fd[0], 1000, &keep, &w), -EBADMSG,
		"a longer message is refused, not cut");
	close(fd[1]);
	is_int(wire_recv(fd[0], 1000, &keep, &w), -EPIPE, "the end is seen");
	is_int(wire_send(fd[0], &sample), -EPIPE, "by the sender too");
	close(fd[0]);
	buf_free(&keep);
}

int main(void)
{
	plan(0);
	round_trip();
	mutations();
	limits();
	sockets();
	return done();
}
