#include "tests/lib/mutate.h"

#include <stdlib.h>
#include <string.h>

#include "core/certificate.h"
#include "tests/lib/prng.h"
#include "tests/tap/tap.h"

#define GROWTH_MAX 128 /* bytes that the mutations of one copy may add */
#define OPERATIONS_MAX 4

struct copy {
	struct prng *random;
	uint8_t *p;
	size_t n;
};

static size_t at(struct copy *c)
{
	return c->n == 0 ? 0 : (size_t)prng_below(c->random, c->n);
}

static void insert(struct copy *c, size_t pos, const uint8_t *p, size_t n)
{
	memmove(c->p + pos + n, c->p + pos, c->n - pos);
	memcpy(c->p + pos, p, n);
	c->n += n;
}

static void flip(struct copy *c)
{
	if (c->n > 0)
		c->p[at(c)] ^= (uint8_t)(1U << prng_below(c->random, 8));
}

/* Half of the time a byte that means something as the head of an item. */
static void set(struct copy *c)
{
	static const uint8_t heads[] = {0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b,
		0x20, 0x3b, 0x40, 0x58, 0x5b, 0x5f, 0x60, 0x7f, 0x80, 0x9b,
		0x9f, 0xa0, 0xbf, 0xc2, 0xd8, 0xf4, 0xf5, 0xf6, 0xf7, 0xf9,
		0xff};

	if (c->n > 0)
		c->p[at(c)] = prng_below(c->random, 2)
			? (uint8_t)prng_next(c->random)
			: heads[prng_below(c->random, sizeof(heads))];
}

static void add(struct copy *c)
{
	uint8_t some[8];

	prng_fill(c->random, some, sizeof(some));
	insert(c, (size_t)prng_below(c->random, c->n + 1), some,
		1 + (size_t)prng_below(c->random, sizeof(some)));
}

static void cut(struct copy *c)
{
	size_t pos = at(c), n = 1 + (size_t)prng_below(c->random, 8);

	if (n > c->n - pos)
		n = c->n - pos;
	memmove(c->p + pos, c->p + pos + n, c->n - pos - n);
	c->n -= n;
}

/* A run from one place over or into another. */
static void splice(struct copy *c)
{
	uint8_t run[32];
	size_t from = at(c), to = at(c);
	size_t n = 1 + (size_t)prng_below(c->random, sizeof(run));

	if (n > c->n - from)
		n = c->n - from;
	if (n > c->n - to)
		n = c->n - to;
	memcpy(run, c->p + from, n);
	if (prng_below(c->random, 2))
		memcpy(c->p + to, run, n);
	else
		insert(c, to, run, n);
}

/* Head of a run of bytes or of a container with far too many items. */
static void bomb(struct copy *c)
{
	uint8_t head[9] = {0};
	size_t w = (size_t)1 << prng_below(c->random, 4);

	head[0] = (uint8_t)((2 + prng_below(c->random, 4)) << 5 |
		(w == 1 ? 24 : w == 2 ? 25 : w == 4 ? 26 : 27));
	head[1 + prng_below(c->random, w)] = 0x7f;
	insert(c, (size_t)prng_below(c->random, c->n + 1), head, 1 + w);
}

static void operate(struct copy *c)
{
	static void (*const how[])(struct copy *) = {
		flip, set, set, add, cut, splice, bomb};
	uint64_t n = 1 + prng_below(c->random, OPERATIONS_MAX);

	for (; n > 0; n--)
		how[prng_below(c->random, sizeof(how) / sizeof(how[0]))](c);
}

static enum mutate_answer give(
	struct bytes in, mutate_feed *feed, void *ctx)
{
	uint8_t *exact = malloc(in.n == 0 ? 1 : in.n);
	enum mutate_answer answer;

	if (exact == NULL)
		bail("no memory");
	if (in.n > 0)
		memcpy(exact, in.p, in.n);
	/* an empty input must not be read at all: point behind the byte */
	answer = feed(ctx, BYTES(in.n == 0 ? exact + 1 : exact, in.n));
	free(exact);
	return answer;
}

static void show(const char *how, struct bytes in)
{
	char *hex = malloc(2 * in.n + 1);

	if (hex == NULL)
		bail("no memory");
	hex_encode(in, hex);
	diag("%s, seed %llu: %s", how, (unsigned long long)prng_seed(), hex);
	free(hex);
}

void mutate(const char *what, struct bytes valid, unsigned n,
	mutate_feed *feed, void *ctx)
{
	struct prng random = {prng_seed()};
	struct copy c = {&random, malloc(valid.n + GROWTH_MAX), 0};
	unsigned i, taken = 0;
	bool good = true;
	size_t cut_at;

	if (c.p == NULL)
		bail("no memory");
	if (give(valid, feed, ctx) != MUTATE_ACCEPTED) {
		show("valid input not accepted", valid);
		good = false;
	}
	for (cut_at = 0; cut_at < valid.n && good; cut_at++)
		if (give(BYTES(valid.p, cut_at), feed, ctx) != MUTATE_REFUSED) {
			show("truncation not refused", BYTES(valid.p, cut_at));
			good = false;
		}
	for (i = 0; i < n && good; i++) {
		memcpy(c.p, valid.p, valid.n);
		c.n = valid.n;
		operate(&c);
		switch (give(BYTES(c.p, c.n), feed, ctx)) {
		case MUTATE_BROKEN:
			show("wrong answer", BYTES(c.p, c.n));
			good = false;
			break;
		case MUTATE_ACCEPTED:
			taken++;
			break;
		default:
			break;
		}
	}
	free(c.p);
	ok(good, "%s: %zu truncations and %u mutations are refused, or taken "
		"and written again as they were (%u)", what, valid.n, n, taken);
}

enum mutate_answer mutate_answer(struct bytes in, int decode_rc, int encode_rc,
	struct buf *out)
{
	enum mutate_answer answer = MUTATE_BROKEN;

	if (decode_rc != 0)
		answer = MUTATE_REFUSED;
	else if (encode_rc == 0 && bytes_equal(in, BUF_BYTES(out)))
		answer = MUTATE_ACCEPTED;
	buf_free(out);
	return answer;
}

enum mutate_answer mutate_certificate(struct bytes in)
{
	struct certificate back;
	struct buf out = {0};
	int rc = certificate_decode(in, &back);

	if (rc == 0 && back.ignored)
		return MUTATE_ACCEPTED;
	return mutate_answer(in, rc, rc != 0 ? rc : make_certificate(&back, &out),
		&out);
}
