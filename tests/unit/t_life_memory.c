/* Allocations fail while the sequencer's rules and those who judge its numbers
 * are at work on genuine input.  The answer then is that there was no memory:
 * nothing is refused, and what is asked again goes on as if nothing had been.
 *	t_life_memory [TRIALS]	of each operation, spread over its
 *				allocations; default 60, 0 tries every one */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/object.h"
#include "fs/succession.h"
#include "tests/lib/allocfail.h"
#include "tests/lib/life.h"
#include "tests/tap/tap.h"

#define ROUNDS 100000 /* allocations of one operation */

static unsigned long trials = 60;
static struct life l;

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %d", what, rc);
}

/* -- operations; each can be done again and again */

/* All numbers of the life, judged as a verifier of buckets judges them. */
static int run_succession(void)
{
	struct succession s;
	struct params p;
	struct succession_step step;
	struct number n;
	const char *why = "";
	size_t k;
	int rc = params_decode(BUF_BYTES(&l.world.params), &p);

	succession_init(&s, &p, &l.world.chain);
	for (k = 0; rc == 0 && k < l.numbers; k++) {
		rc = number_decode(BUF_BYTES(&l.object[k]), &n);
		if (rc == 0)
			rc = succession_check(&s, &n, &step, &why);
		if (rc == 0)
			rc = succession_go(&s, &step);
	}
	succession_done(&s);
	return rc;
}

/* A new enclave is shown all of them and makes itself a key. */
static int run_evidence(void)
{
	struct numbering *n = numbering_new(life_entropy());
	int rc = n == NULL ? -ENOMEM : life_give(&l, n, 0);

	if (rc == 0)
		rc = numbering_settle(n, &l.log);
	numbering_free(n);
	return rc;
}

static int run_genesis(void)
{
	struct numbering *n = numbering_new(life_entropy());
	struct buf key = {0}, data = {0};
	int rc = n == NULL ? -ENOMEM : numbering_genesis(n);

	if (rc == 0)
		rc = numbering_claim(n, &key, &data);
	buf_free(&key);
	buf_free(&data);
	numbering_free(n);
	return rc;
}

static int run_checkpoint(void)
{
	uint8_t signature[RECEIPT_SIGNATURE];
	cleanup(buf) struct buf note = {0};

	return numbering_checkpoint(l.n, l.blocks, &note, signature);
}

static int run_repeat(void)
{
	cleanup(buf) struct buf s = {0};
	int rc = life_ask(&l, &l.b[l.blocks - 1], &l.t[l.blocks - 1], &s);

	return rc != 0 || bytes_equal(BUF_BYTES(&s),
				   BUF_BYTES(&l.s[l.blocks - 1])) ? rc
								  : -EILSEQ;
}

/* What may be said besides -ENOMEM: a signature that could not be made. */
static bool tells(int (*run)(void), int also, bool all)
{
	unsigned long n, step = 1;
	int rc;

	must(run(), "with all memory");
	allocfail_arm(ROUNDS, false);
	rc = run();
	if (trials > 0)
		step += allocfail_asked() / trials;
	allocfail_disarm();
	for (n = 1; n < ROUNDS; n += step) {
		allocfail_arm(n, all);
		rc = run();
		if (!allocfail_disarm())
			break;
		if (rc != 0 && rc != -ENOMEM && rc != also) {
			diag("%s at allocation %lu", strerrorname_np(-rc), n);
			return false;
		}
	}
	return n < ROUNDS && rc == 0;
}

static void both(const char *name, int (*run)(void), int also)
{
	ok(tells(run, also, false), "%s: one allocation fails", name);
	ok(tells(run, also, true), "%s: and all behind it", name);
}

/* Each failure leaves the sequencer where it was: the same block, asked for
 * again, gets the number that it would have got. */
static void test_sequence(void)
{
	unsigned long n;
	unsigned failures = 0, wrong = 0;
	bool failed = true;

	for (n = 1; failed && n < ROUNDS; n += trials > 0 ? 3 : 1) {
		struct buf b = {0}, t = {0}, s = {0};
		struct hash th = life_tail(&l);
		size_t before = l.blocks;
		int rc;

		if (l.blocks == LIFE_BLOCKS)
			bail("too many blocks");
		seqworld_block(&l.world, &th, &l.document, &b, &t);
		allocfail_arm(n, false);
		rc = life_ask(&l, &b, &t, &s);
		failed = allocfail_disarm();
		failures += rc != 0;
		wrong += rc != 0 && rc != -ENOMEM;
		if (rc != 0)
			rc = life_ask(&l, &b, &t, &s);
		must(rc, "asked again");
		life_accepted(&l, &b, &t, &s, life_epoch_is_new(&l));
		wrong += l.blocks != before + 1;
	}
	ok(!failed && failures > 10 && wrong == 0,
		"numbering_sequence: %u failures, and each block has its "
		"number when asked for again", failures);
	is_int(chain_length(l.chain), l.blocks, "all of them make one chain");
}

/* A block, a hand-over, a block, two recoveries, a block. */
static void live(struct attestor *a)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th;
	size_t i;

	life_born(&l, a);
	life_handover(&l);
	life_recover(&l);
	life_recover(&l);
	for (i = 0; i < 2; i++) {
		th = life_tail(&l);
		seqworld_block(&l.world, &th, &l.document, &b, &t);
		must(life_ask(&l, &b, &t, &s), "a block");
		life_accepted(&l, &b, &t, &s, life_epoch_is_new(&l));
	}
}

/* A hand-over that finds no memory has not begun: asked for again, it is done,
 * and the successor goes on. */
static void test_handover(void)
{
	unsigned long n;
	unsigned failures = 0, wrong = 0;
	bool failed = true;

	for (n = 1; failed && n < ROUNDS; n++) {
		struct buf blob = {0}, s = {0};
		bool first = life_epoch_is_new(&l);
		int rc;

		allocfail_arm(n, false);
		rc = numbering_handover(l.n, &blob, &s);
		failed = allocfail_disarm();
		if (rc != 0) {
			failures++;
			wrong += rc != -ENOMEM ||
				 numbering_state(l.n) != NUMBERING_ACTIVE;
			continue;
		}
		numbering_left(l.n);
		life_handed_over(&l, &blob, &s, first);
	}
	ok(!failed && failures > 10 && wrong == 0,
		"numbering_handover: %u failures, %u of which began one",
		failures, wrong);
}

int main(int argc, char **argv)
{
	struct attestor *a = life_attestor();

	if (argc > 1)
		trials = strtoul(argv[1], NULL, 10);
	plan(13);
	live(a);
	both("succession_check and succession_go", run_succession, 0);
	both("numbering_evidence and numbering_settle", run_evidence, 0);
	both("numbering_genesis and numbering_claim", run_genesis, 0);
	both("numbering_checkpoint", run_checkpoint, -EIO);
	both("a repeat", run_repeat, 0);
	test_sequence();
	test_handover();
	life_dead(&l);
	attestor_free(a);
	return done();
}
