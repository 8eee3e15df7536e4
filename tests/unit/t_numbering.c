/*
 * The sequencer's rules N1..N4, without processes: random lives of a chain
 * whose numbers are held against core/chain.h, and every forged input refused
 * for its own reason.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/block.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/note.h"
#include "core/timestamp.h"
#include "tests/lib/life.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1700000000000)

static struct prng prng;
static struct attestor *attestor, *other_attestor;

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %d", what, rc);
}

/* -- steps of a random life; each says whether it went as it must */

static bool step_fork(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th, told, now = life_tail(l);
	bool good;

	if (l->blocks < 2)
		return true;
	th = timestamp_hash(
		BUF_BYTES(&l->t[prng_below(&prng, l->blocks - 1)]));
	seqworld_block(&l->world, &th, &l->document, &b, &t);
	life_note_block(l, BUF_BYTES(&b), BUF_BYTES(&t));
	good = numbering_sequence(l->n, BUF_BYTES(&b), 0, BUF_BYTES(&t), &s,
		       &told) == -ESTALE &&
	       hash_equal(&told, &now);
	buf_free(&b);
	buf_free(&t);
	return good;
}

static bool signs_root(struct bytes spki, const struct hash *root,
	const uint8_t signature[RECEIPT_SIGNATURE])
{
	const struct cose_sign1 c = {.alg = COSE_ES256,
		.protected_header = BYTES("\xa2\x01\x26\x19\x01\x8b\x01", 7),
		.payload = HASH_BYTES(root),
		.signature = BYTES(signature, RECEIPT_SIGNATURE)};
	EVP_PKEY *key = cose_key(spki);
	bool good = cose_check(&c, key) == 0;

	EVP_PKEY_free(key);
	return good;
}

/* Is the note a checkpoint of that size by the key that the document names,
 * and the signature one of the sequencer's over the same root? */
static bool good_checkpoint(struct life *l, uint64_t size, struct bytes raw,
	const uint8_t signature[RECEIPT_SIGNATURE])
{
	char origin[CHECKPOINT_ORIGIN_MAX];
	struct attestation_data d;
	struct checkpoint c = {.size = 0};
	struct attestation a;
	struct note_key k;
	struct bytes payload;
	struct sequence s;
	struct note n;
	uint64_t time;

	must(attestation_decode(BUF_BYTES(&l->doc), &a, &payload), "document");
	must(attestation_data_decode(a.user_data, &d), "data");
	checkpoint_origin(&l->world.chain, origin);
	must(note_key_make(origin, NOTE_ED25519, d.log_key, &k), "key");
	must(sequence_peek(BUF_BYTES(&l->s[size - 1]), &s), "statement");
	return note_decode(raw, &n) == 0 && note_check(&n, &k, &time) == 0 &&
	       checkpoint_decode(n.text, &c) == 0 && c.size == size &&
	       bytes_equal(c.origin, BYTES(origin, strlen(origin))) &&
	       hash_equal(&c.root, &s.log_root) &&
	       signs_root(a.public_key, &c.root, signature);
}

/* The newest state, and some older one that a repeat could get again. */
static bool step_checkpoint(struct life *l)
{
	uint64_t size = l->blocks - prng_below(&prng, l->blocks) % 3;
	uint8_t signature[RECEIPT_SIGNATURE];
	struct buf note = {0};
	int rc = numbering_checkpoint(l->n, size, &note, signature);
	bool good = rc == 0 &&
		    good_checkpoint(l, size, BUF_BYTES(&note), signature);

	buf_free(&note);
	/* what a recovery was not shown is not held any more */
	good |= rc == -ENOENT && size < l->blocks;
	return good && numbering_checkpoint(l->n, l->blocks + 1, &note,
			       signature) == -ENOENT;
}

static bool step_old_document(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th = life_tail(l);
	bool good;

	if (hash_equal(&l->document, &l->old_document))
		return true;
	seqworld_block(&l->world, &th, &l->old_document, &b, &t);
	good = life_ask(l, &b, &t, &s) == -ESTALE;
	buf_free(&b);
	buf_free(&t);
	return good;
}

/* As far back as a hand-over carries; recovery carries what was shown. */
static bool step_repeat(struct life *l)
{
	size_t i = l->blocks - 1;
	struct buf s = {0};
	bool good = life_ask(l, &l->b[i], &l->t[i], &s) == 0 &&
		    bytes_equal(BUF_BYTES(&s), BUF_BYTES(&l->s[i]));

	buf_free(&s);
	return good;
}

static bool step_bad_stamp(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th = life_tail(l);
	bool good;

	seqworld_block(&l->world, &th, &l->document, &b, &t);
	t.p[t.n - 1 - prng_below(&prng, 64)] ^= 1;
	good = life_ask(l, &b, &t, &s) == -EKEYREJECTED;
	buf_free(&b);
	buf_free(&t);
	return good;
}

static bool step_other_stamp(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th = life_tail(l);
	bool good;

	seqworld_block(&l->world, &th, &l->document, &b, &t);
	good = life_ask(l, &b, &l->t[l->blocks - 1], &s) == -EKEYREJECTED;
	buf_free(&b);
	buf_free(&t);
	return good;
}

static bool step_bad_block(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th = life_tail(l);
	bool good;

	seqworld_block(&l->world, &th, &l->document, &b, &t);
	b.n--;
	good = life_ask(l, &b, &t, &s) == -EKEYREJECTED;
	buf_free(&b);
	buf_free(&t);
	return good;
}

static bool step_handover(struct life *l)
{
	struct buf blob = {0}, s = {0}, none = {0};
	bool first = life_epoch_is_new(l), good;

	must(numbering_handover(l->n, &blob, &s), "handover");
	good = life_ask(l, &l->b[0], &l->t[0], &none) == -EPROTO;
	numbering_left(l->n);
	good = good && life_ask(l, &l->b[0], &l->t[0], &none) == -EPROTO;
	life_handed_over(l, &blob, &s, first);
	return good;
}

static bool step_recover(struct life *l)
{
	life_recover(l);
	return true;
}

static const struct {
	bool (*step)(struct life *l);
	const char *name;
	unsigned weight;
} steps[] = {
	{life_block, "a child of the tail is numbered", 35},
	{step_checkpoint, "a checkpoint is of the log as it was numbered", 5},
	{step_fork, "a forked child is stale", 10},
	{step_old_document, "a block of the document before is stale", 5},
	{step_repeat, "a repeat gets the same bytes", 15},
	{step_bad_stamp, "a bad stamp is refused", 8},
	{step_other_stamp, "another block's stamp is refused", 5},
	{step_bad_block, "a malformed block is refused", 5},
	{step_handover, "a hand-over ends one epoch and begins one", 6},
	{step_recover, "a recovery does as well", 6},
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

static void audit(struct life *l)
{
	struct seqaudit a;
	const char *wrong = NULL;
	size_t k;

	seqaudit_init(&a, &l->world);
	for (k = 0; k < l->numbers && wrong == NULL; k++)
		wrong = seqaudit_add(&a, BUF_BYTES(&l->object[k]));
	is_str(wrong == NULL ? "" : wrong, "", "N3: all %d numbers verify",
		(int)l->numbers);
	is_int(chain_length(l->chain), l->blocks,
		"the main chain has every block numbered and no other");
	is_int(chain_watermark(l->chain), l->numbers - 1,
		"no number is missing in it");
	is_int(chain_reason(l->chain), CHAIN_NO_SUCCESSOR,
		"and it ends for want of blocks");
	seqaudit_done(&a);
}

static void random_life(void)
{
	struct life *l = calloc(1, sizeof(*l));
	unsigned bad[STEPS] = {0}, i, j, w;

	life_born(l, attestor);
	for (i = 0; i < 300; i++) {
		w = (unsigned)prng_below(&prng, 100);
		for (j = 0; w >= steps[j].weight; j++)
			w -= steps[j].weight;
		bad[j] += !steps[j].step(l);
	}
	for (j = 0; j < STEPS; j++)
		is_int(bad[j], 0, "%s", steps[j].name);
	audit(l);
	life_dead(l);
	free(l);
}

/* -- block zero */

static void genesis_refusals(void)
{
	struct life *l = calloc(1, sizeof(*l)), *m = calloc(1, sizeof(*m));
	struct numbering *n = life_numbering();
	struct buf s = {0};

	life_born(l, attestor);
	life_born(m, other_attestor);
	must(numbering_genesis(n), "genesis");
	is_int(numbering_first(n, BUF_BYTES(&l->world.b0), 0,
		       BUF_BYTES(&l->world.t0), BUF_BYTES(&l->world.params),
		       &s),
		-EKEYREJECTED, "parameters that name another key are refused");
	is_str(numbering_why(n),
		"the parameters name another sequencer key", "for that reason");
	is_int(numbering_first(n, BUF_BYTES(&l->world.b0), 0,
		       BUF_BYTES(&l->world.t0), BUF_BYTES(&m->world.params),
		       &s),
		-EKEYREJECTED, "parameters of another block zero are refused");
	is_str(numbering_why(n),
		"block zero does not hold these parameters", "for that reason");
	is_int(numbering_attested(n, BUF_BYTES(&l->doc)), -EKEYREJECTED,
		"a document of another key is refused");
	is_int(life_block(l) ? 0 : 1, 0, "a block is numbered");
	is_int(numbering_first(n, BUF_BYTES(&l->b[1]), 0, BUF_BYTES(&l->t[1]),
		       BUF_BYTES(&l->world.params), &s),
		-EKEYREJECTED, "a block with a parent is no block zero");
	is_int(life_ask(&(struct life){.n = n}, &l->b[1], &l->t[1], &s), -EPROTO,
		"before block zero nothing is numbered");
	numbering_free(n);
	life_dead(l);
	life_dead(m);
	free(l);
	free(m);
}

/* Block zero over those parameters, with that parent. */
static void other_genesis(const struct params *p, uint8_t th,
	struct seqworld *w)
{
	struct block b = {.th = {{th}}};
	struct hash dh, y;

	buf_free(&w->params);
	buf_free(&w->b0);
	buf_free(&w->t0);
	must(params_encode(p, &w->params), "parameters");
	dh = hash_sha3(BUF_BYTES(&w->params));
	must(merkle_fold(&dh, 0, 1, NULL, 0, &b.mh), "tree");
	must(block_encode(&b, &w->b0), "block zero");
	y = block_hash(BUF_BYTES(&w->b0));
	must(timestamp_local_make(w->tsa_seed, &y, NOW, &w->t0), "stamp");
}

static void first_refused(struct numbering *n, const struct seqworld *w,
	const char *why)
{
	struct buf s = {0};

	is_int(numbering_first(n, BUF_BYTES(&w->b0), 0, BUF_BYTES(&w->t0),
		       BUF_BYTES(&w->params), &s),
		-EKEYREJECTED, "block zero is refused:");
	is_str(numbering_why(n), why, "%s", why);
}

/* Parameters that name the key; the document not, or before there is one. */
static void own_genesis(void)
{
	struct life *l = calloc(1, sizeof(*l));
	struct numbering *n = life_numbering();
	struct seqworld w = {.ms = NOW};
	struct buf key = {0}, data = {0}, doc = {0}, s = {0};
	struct params p;

	life_born(l, attestor);
	memcpy(w.tsa_seed, l->world.tsa_seed, sizeof(w.tsa_seed));
	must(params_decode(BUF_BYTES(&l->world.params), &p), "parameters");
	must(numbering_genesis(n), "genesis");
	must(numbering_claim(n, &key, &data), "claim");
	p.sequencer_key = BUF_BYTES(&key);
	p.first_document = (struct hash){{0}};
	other_genesis(&p, 0, &w);
	first_refused(n, &w, "the parameters name another first document");
	life_attest(attestor, n, &doc);
	must(numbering_attested(n, BUF_BYTES(&doc)), "attested");
	first_refused(n, &w, "the parameters name another first document");
	must(attestation_hash(BUF_BYTES(&doc), &p.first_document), "hash");
	other_genesis(&p, 1, &w);
	first_refused(n, &w, "this is not a block zero");
	other_genesis(&p, 0, &w);
	w.t0.p[w.t0.n - 1] ^= 1;
	first_refused(n, &w, "the timestamp does not validate");
	w.t0.p[w.t0.n - 1] ^= 1;
	is_int(numbering_first(n, BUF_BYTES(&w.b0), 0, BUF_BYTES(&w.t0),
		       BUF_BYTES(&w.params), &s), 0, "the good one is numbered");
	buf_free(&s);
	buf_free(&key);
	buf_free(&data);
	buf_free(&doc);
	seqworld_done(&w);
	numbering_free(n);
	life_dead(l);
	free(l);
}

int main(void)
{
	int i;

	plan(0);
	prng.state = prng_seed();
	attestor = life_attestor();
	other_attestor = life_attestor();
	genesis_refusals();
	own_genesis();
	for (i = 0; i < 3; i++)
		random_life();
	attestor_free(attestor);
	attestor_free(other_attestor);
	return done();
}
