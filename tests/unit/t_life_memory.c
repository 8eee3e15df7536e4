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
#include "tests/lib/allocloop.h"
#include "tests/lib/life.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1700000000000) /* as life.c has it */
#define ROUNDS 100000 /* allocations of one operation */

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

/* A document for what n claims. */
static int attest(struct numbering *n, struct buf *ret)
{
	cleanup(buf) struct buf key = {0}, data = {0};
	uint8_t policy[NUMBERING_POLICY];
	size_t length;
	int rc = numbering_claim(n, &key, &data);

	if (rc == 0)
		rc = numbering_policy(n, policy, &length);
	if (rc != 0)
		return rc;
	return attestor_document(l.attestor, length > 0 ? policy : NULL, BUF_BYTES(&key), BUF_BYTES(&data),
		BYTES(NULL, 0), NOW, ret);
}

/* A new enclave is shown all of them and makes itself a key, which the
 * recovery key confirms. */
static int run_evidence(void)
{
	struct numbering *n = numbering_new(life_entropy());
	cleanup(buf) struct buf doc = {0}, payload = {0}, record = {0}, s = {0};
	int rc = n == NULL ? -ENOMEM : life_give(&l, n, 0);

	if (rc == 0)
		rc = numbering_settle(n, &l.log);
	if (rc == 0)
		rc = attest(n, &doc);
	if (rc == 0)
		rc = numbering_record(n, &payload);
	if (rc == 0)
		rc = attestor_root_sign(l.attestor, BUF_BYTES(&payload),
			&record);
	if (rc == 0)
		rc = numbering_recovered(n, BUF_BYTES(&doc), BUF_BYTES(&record),
			&s);
	numbering_free(n);
	return rc;
}

static int first(struct numbering *n, struct bytes doc)
{
	cleanup(buf) struct buf key = {0}, data = {0}, s = {0};
	struct seqworld w = {0};
	int rc = numbering_claim(n, &key, &data);

	if (rc != 0)
		return rc;
	allocfail_pause(true);
	seqworld_init(&w, BUF_BYTES(&key), doc, attestor_root(l.attestor),
		BUF_BYTES(&l.root_key), NULL);
	allocfail_pause(false);
	rc = numbering_first(n, BUF_BYTES(&w.b0), 0, BUF_BYTES(&w.t0),
		BUF_BYTES(&w.params), &s);
	seqworld_done(&w);
	return rc;
}

static int run_birth(void)
{
	struct numbering *n = numbering_new(life_entropy());
	cleanup(buf) struct buf doc = {0};
	int rc = n == NULL ? -ENOMEM : numbering_genesis(n);

	if (rc == 0)
		rc = attest(n, &doc);
	if (rc == 0)
		rc = numbering_attested(n, BUF_BYTES(&doc));
	if (rc == 0)
		rc = first(n, BUF_BYTES(&doc));
	numbering_free(n);
	return rc;
}

static struct buf handed; /* what a hand-over left for the next */

static int run_resume(void)
{
	struct numbering *n = numbering_new(life_entropy());
	cleanup(buf) struct buf doc = {0}, s = {0};
	int rc = n == NULL ? -ENOMEM : numbering_resume(n,
		BUF_BYTES(&l.world.b0), BUF_BYTES(&l.world.params),
		BUF_BYTES(&handed), &s);

	if (rc == 0)
		rc = attest(n, &doc);
	if (rc == 0)
		rc = numbering_abandon(n);
	numbering_free(n);
	return rc;
}

/* Each of these alone, behind what others do above. */
static int run_recover(void)
{
	struct numbering *n = numbering_new(life_entropy());
	int rc = n == NULL ? -ENOMEM : numbering_recover(n,
		BUF_BYTES(&l.world.b0), BUF_BYTES(&l.world.params));

	numbering_free(n);
	return rc;
}

static struct numbering *proved; /* it has seen all evidence */

static int run_record(void)
{
	cleanup(buf) struct buf payload = {0};
	uint8_t policy[NUMBERING_POLICY];
	size_t length;
	int rc = numbering_record(proved, &payload);

	return rc == 0 ? numbering_policy(proved, policy, &length) : rc;
}

static int run_attested(void)
{
	struct numbering *n;
	cleanup(buf) struct buf doc = {0};
	int rc;

	allocfail_pause(true);
	n = life_numbering();
	must(numbering_genesis(n), "genesis");
	must(attest(n, &doc), "document");
	allocfail_pause(false);
	rc = numbering_attested(n, BUF_BYTES(&doc));
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

/* Each failure leaves the sequencer where it was: the same block, asked for
 * again, gets the number that it would have got. */
static void test_sequence(void)
{
	unsigned long n;
	unsigned failures = 0, wrong = 0;
	bool failed = true;

	for (n = 1; failed && n < ROUNDS; n += alloc_trials > 0 ? 3 : 1) {
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

/* A copy of what is handed on stays. */
static void hand_over(void)
{
	bool first = life_epoch_is_new(&l);
	struct buf blob = {0}, s = {0};

	must(numbering_handover(l.n, &blob, &s), "handover");
	must(buf_copy(BUF_BYTES(&blob), &handed), "copy");
	numbering_left(l.n);
	life_handed_over(&l, &blob, &s, first);
}

/* A block, a hand-over, a block, two recoveries, a block. */
static void live(struct attestor *a)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th;
	size_t i;

	life_born(&l, a);
	hand_over();
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

static const struct alloc_operation operations[] = {
	{"succession_check and succession_go", run_succession, 0},
	{"numbering_evidence, settle, record and recovered", run_evidence, 0},
	{"numbering_genesis, claim, attested and first", run_birth, 0},
	{"numbering_resume and abandon", run_resume, 0},
	{"numbering_recover", run_recover, 0},
	{"numbering_record and policy", run_record, 0},
	{"numbering_attested", run_attested, 0},
	{"numbering_checkpoint", run_checkpoint, 0},
	{"a repeat", run_repeat, 0},
};

int main(int argc, char **argv)
{
	struct attestor *a = life_attestor();
	size_t i;

	alloc_trials = 60;
	if (argc > 1)
		alloc_trials = strtoul(argv[1], NULL, 10);
	plan(0);
	live(a);
	proved = life_numbering();
	must(life_give(&l, proved, 0), "evidence");
	must(numbering_settle(proved, &l.log), "settle");
	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		alloc_both(&operations[i]);
	test_sequence();
	test_handover();
	numbering_free(proved);
	life_dead(&l);
	attestor_free(a);
	buf_free(&handed);
	return done();
}
