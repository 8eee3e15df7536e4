#include <errno.h>
#include <string.h>

#include "backends/tsa_quorum.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/timestamp.h"
#include "tests/lib/mutate.h"
#include "tests/tap/tap.h"

#define AT UINT64_C(1790000000000)
#define CLOCKS 4

static const struct bytes block = BYTES("block", 5);
static uint8_t public[CLOCKS][32];
static struct params params;

static void seed_of(size_t i, uint8_t ret[32])
{
	memset(ret, (int)i + 1, 32);
}

static void stamp_by(size_t i, uint64_t p_ms, struct buf *ret)
{
	struct hash y = block_hash(block);
	uint8_t seed[32];

	seed_of(i, seed);
	if (timestamp_local_make(seed, &y, p_ms, ret) != 0)
		bail("cannot stamp");
}

/* A set of the stamps by authorities 0 .. n-1 at these times. */
static void make(size_t n, const uint64_t *p_ms, struct buf *ret)
{
	struct timestamp_one one[CLOCKS];
	struct buf t[CLOCKS] = {{0}};
	size_t i;

	for (i = 0; i < n; i++) {
		stamp_by(i, p_ms[i], &t[i]);
		one[i] = (struct timestamp_one){i, 0, BUF_BYTES(&t[i])};
	}
	buf_free(ret);
	if (timestamp_set_encode(one, n, ret) != 0)
		bail("cannot make a set");
	for (i = 0; i < n; i++)
		buf_free(&t[i]);
}

static void found(uint64_t quorum)
{
	size_t i;

	params = (struct params){.n_authorities = CLOCKS, .quorum = quorum};
	for (i = 0; i < CLOCKS; i++) {
		uint8_t seed[32];

		seed_of(i, seed);
		if (timestamp_local_public(seed, public[i]) != 0)
			bail("no key");
		params.authority[i].key = BYTES(public[i], 32);
	}
}

static enum verdict judge(const struct buf *t, struct timestamp *ret)
{
	return timestamp_validate(
		&params, TIMESTAMP_SET, BUF_BYTES(t), block, ret);
}

/* The q-th smallest and the q-th largest of the times. */
static void times(void)
{
	static const uint64_t p[] = {AT + 30, AT + 10, AT + 40, AT + 20};
	cleanup(buf) struct buf t = {0}, alone = {0};
	struct timestamp got = {0};
	uint64_t q;

	make(4, p, &t);
	for (q = 1; q <= 4; q++) {
		found(q);
		is_int(judge(&t, &got), V_VALID, "quorum %d of 4 stamps", (int)q);
		ok(got.p_ms == AT + 10 * q && got.after_ms == AT + 50 - 10 * q,
			"%d of them say so, of either time", (int)q);
		is_int(got.signers, 15, "and all gave their word");
	}
	make(3, p, &t);
	is_int(judge(&t, &got), V_TIMESTAMP_QUORUM, "3 stamps of 4 wanted");
	stamp_by(0, AT, &alone);
	is_int(timestamp_validate(&params, TIMESTAMP_LOCAL, BUF_BYTES(&alone),
		       block, &got),
		V_TIMESTAMP_QUORUM, "one stamp of 4 wanted");
	found(1);
	is_int(timestamp_validate(&params, TIMESTAMP_LOCAL, BUF_BYTES(&alone),
		       block, &got),
		V_VALID, "one of 1 wanted");
	ok(got.p_ms == AT && got.after_ms == AT && got.signers == 1,
		"has one time");
}

static void wrong_ones(void)
{
	static const uint64_t p[] = {AT, AT, AT};
	cleanup(buf) struct buf t = {0};
	struct timestamp got;

	found(2);
	make(3, p, &t);
	is_int(timestamp_validate(&params, TIMESTAMP_SET, BUF_BYTES(&t),
		       BYTES("other", 5), &got),
		V_TIMESTAMP_BLOCK, "over another block");
	is_int(timestamp_validate(&params, TIMESTAMP_SET, BUF_BYTES(&t),
		       BYTES(NULL, 0), &got),
		V_VALID, "the block not at hand");
	params.authority[2].key = BYTES(public[3], 32);
	is_int(judge(&t, &got), V_TIMESTAMP_SIGNATURE,
		"one bad stamp more than are needed is one too many");
	params.authority[2].key = params.authority[1].key;
	is_int(judge(&t, &got), V_TIMESTAMP_TWICE, "one key under two numbers");
	found(2);
	params.n_authorities = 2;
	is_int(judge(&t, &got), V_TIMESTAMP_TYPE, "an authority not named");
	found(2);
	params.authority[1].type = TIMESTAMP_JWT;
	is_int(judge(&t, &got), V_TIMESTAMP_TYPE, "one of another type");
	found(2);
	/* [0, 0, bytes]: the second authority becomes the first */
	t.p[1 + t.n / 3 + 1] = 0;
	is_int(judge(&t, &got), V_TIMESTAMP_TWICE, "the same authority twice");
	t.p[2] = 2;
	is_int(judge(&t, &got), V_TIMESTAMP_MALFORMED, "authorities descending");
}

static void limits(void)
{
	struct timestamp_one one[9] = {{0}};
	struct buf out = {0};
	size_t i;

	for (i = 0; i < 9; i++)
		one[i] = (struct timestamp_one){i, 0, BYTES("t", 1)};
	is_int(timestamp_set_encode(one, 1, &out), -EINVAL, "one is no set");
	is_int(timestamp_set_encode(one, 9, &out), -EINVAL, "nor are nine");
	one[0].t = BYTES(NULL, 0);
	is_int(timestamp_set_encode(one, 2, &out), -EINVAL, "nor an empty one");
	is_int(timestamp_set_encode(one + 1, 8, &out), -EINVAL,
		"nor with an authority 8");
	one[1].type = TIMESTAMP_SET;
	is_int(timestamp_set_encode(one + 1, 2, &out), -EINVAL,
		"nor a set of sets");
}

static enum mutate_answer feed(void *ctx, struct bytes in)
{
	struct timestamp_one one[PARAMS_AUTHORITIES_MAX];
	struct timestamp got;
	struct buf out = {0};
	size_t n = 0;
	int rc = timestamp_set_decode(in, one, &n);

	if (timestamp_validate(&params, TIMESTAMP_SET, in, block, &got) ==
			V_VALID && !bytes_equal(in, *(struct bytes *)ctx))
		return MUTATE_BROKEN;
	return mutate_answer(in, rc,
		rc != 0 ? rc : timestamp_set_encode(one, n, &out), &out);
}

static void mutations(void)
{
	static const uint64_t p[] = {AT, AT + 1, AT + 2};
	cleanup(buf) struct buf t = {0};
	struct bytes valid;

	found(3);
	make(3, p, &t);
	valid = BUF_BYTES(&t);
	mutate("set of stamps", valid, MUTATIONS, feed, &valid);
}

/* -- the services that give them */

struct clockwork {
	struct timestamper base;
	size_t i;
	int rc;
	bool *freed;
};

static int work(struct timestamper *base, struct bytes b, uint64_t *ret_type,
	struct buf *ret)
{
	struct clockwork *c = (struct clockwork *)base;
	(void)b;

	if (c->rc == 0) {
		*ret_type = TIMESTAMP_LOCAL;
		stamp_by(c->i, AT + c->i, ret);
	}
	return c->rc;
}

static void work_free(struct timestamper *base)
{
	*((struct clockwork *)base)->freed = true;
}

static void services(void)
{
	static const struct timestamper_ops ops = {
		.stamp = work, .free = work_free};
	struct clockwork c[3];
	struct timestamper *member[3], *all = NULL;
	bool freed[3] = {false};
	struct timestamp got = {0};
	struct buf t = {0};
	uint64_t type = 9;
	size_t i;

	for (i = 0; i < 3; i++) {
		c[i] = (struct clockwork){{&ops, "clock"}, i, 0, &freed[i]};
		member[i] = &c[i].base;
	}
	is_int(tsa_quorum_open(member, 3, 4, &all), -EINVAL, "no 4 of 3");
	is_int(tsa_quorum_open(member, 3, 0, &all), -EINVAL, "nor none");
	is_int(tsa_quorum_open(member, 3, 2, &all), 0, "2 of 3");
	found(2);
	is_int(all->ops->stamp(all, block, &type, &t), 0, "all three answer");
	is_int(type, TIMESTAMP_SET, "it is a set");
	is_int(judge(&t, &got), V_VALID, "that holds");
	is_int(got.signers, 7, "by all three");
	buf_free(&t);
	c[0].rc = -EAGAIN;
	is_int(all->ops->stamp(all, block, &type, &t), 0, "one is away");
	is_int(judge(&t, &got), V_VALID, "the others do");
	is_int(got.signers, 6, "and stand for themselves");
	buf_free(&t);
	c[2].rc = -EIO;
	is_int(all->ops->stamp(all, block, &type, &t), -EAGAIN,
		"two are away: the block waits");
	all->ops->free(all);
	ok(freed[0] && freed[1] && freed[2], "they go with it");
	is_int(tsa_quorum_open(member, 3, 1, &all), 0, "1 of 3");
	is_int(all->ops->stamp(all, block, &type, &t), 0, "one answers");
	is_int(type, TIMESTAMP_LOCAL, "and its stamp stands alone");
	buf_free(&t);
	all->ops->free(all);
}

int main(void)
{
	plan(0);
	found(1);
	times();
	wrong_ones();
	limits();
	mutations();
	services();
	return done();
}
