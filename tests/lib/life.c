#include "tests/lib/life.h"

#include <stdlib.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/hash.h"
#include "core/object.h"
#include "core/timestamp.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1700000000000)

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %d", what, rc);
}

static struct prng prng;

static void fill(struct entropy *e, void *p, size_t n)
{
	(void)e;
	prng_fill(&prng, p, n);
}
static const struct entropy_ops entropy_ops = {fill};
static struct entropy entropy = {&entropy_ops};

struct entropy *life_entropy(void)
{
	return &entropy;
}

struct numbering *life_numbering(void)
{
	struct numbering *n = numbering_new(&entropy);

	must(n == NULL, "no memory");
	return n;
}

struct attestor *life_attestor(void)
{
	static const uint8_t installation[16] = {7}, image[48] = {8};
	struct attestor *a = NULL;
	struct buf pem = {0};

	must(attestor_root_make(installation, NOW, &pem), "root");
	must(attestor_new(BUF_BYTES(&pem), image, 0, NOW, &a), "attestor");
	buf_free(&pem);
	return a;
}

/* A document for what n claims. */
void life_attest(struct attestor *a, struct numbering *n, struct buf *ret)
{
	struct buf key = {0}, data = {0};

	must(numbering_claim(n, &key, &data), "claim");
	buf_free(ret);
	must(attestor_document(a, NULL, BUF_BYTES(&key), BUF_BYTES(&data),
		     BYTES(NULL, 0), NOW, ret), "document");
	buf_free(&key);
	buf_free(&data);
}

static void enter(struct life *l)
{
	l->old_document = l->document;
	must(attestation_hash(BUF_BYTES(&l->doc), &l->document), "document");
}

/* Every number goes to the chain of chain.h, and is kept as an object. */
static void note_number(struct life *l, struct bytes s, struct bytes doc,
	struct bytes record)
{
	const struct number n = {.s = s, .doc = doc, .recovery = record};
	struct sequence seq;

	must(l->numbers == LIFE_NUMBERS, "too many numbers");
	must(sequence_peek(s, &seq), "statement");
	must(number_encode(&n, &l->object[l->numbers++]), "number");
	if (seq.type == SEQUENCE_BLOCK)
		must(chain_add_number(l->chain, seq.k, seq.y), "chain");
	else
		must(chain_add_other(l->chain, seq.k, seq.y), "chain");
}

bool life_block(struct life *l)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th = life_tail(l);
	bool first = life_epoch_is_new(l);

	seqworld_block(&l->world, &th, &l->document, &b, &t);
	if (life_ask(l, &b, &t, &s) != 0)
		return false;
	life_accepted(l, &b, &t, &s, first);
	return true;
}

void life_note_block(struct life *l, struct bytes raw_b, struct bytes raw_t)
{
	struct block b;
	struct hash hb = block_hash(raw_b), ht = timestamp_hash(raw_t);

	must(block_decode(raw_b, &b), "block");
	must(chain_add_block(l->chain, &hb, b.u, &b.mh, &b.th), "chain");
	must(chain_add_stamp(l->chain, &ht, &hb, true), "chain");
}

struct hash life_tail(const struct life *l)
{
	return timestamp_hash(BUF_BYTES(&l->t[l->blocks - 1]));
}

/* first is set when the number is its epoch's first. */
void life_accepted(struct life *l, struct buf *b, struct buf *t,
	struct buf *s, bool first)
{
	struct sequence seq;
	struct hash hb = block_hash(BUF_BYTES(b)), ht, leaf;

	must(l->blocks == LIFE_BLOCKS, "too many blocks");
	must(sequence_peek(BUF_BYTES(s), &seq), "statement");
	ht = timestamp_hash(BUF_BYTES(t));
	leaf = sequence_log_leaf(seq.height, seq.k, &hb, &ht, seq.r);
	mlog_add(&l->log, &leaf);
	life_note_block(l, BUF_BYTES(b), BUF_BYTES(t));
	note_number(l, BUF_BYTES(s), first ? BUF_BYTES(&l->doc)
					   : BYTES(NULL, 0), BYTES(NULL, 0));
	l->b[l->blocks] = *b;
	l->t[l->blocks] = *t;
	l->s[l->blocks++] = *s;
	*b = *t = *s = (struct buf){0}; /* l has them */
}

bool life_epoch_is_new(const struct life *l)
{
	struct number n;
	struct sequence s;
	struct attestation a;
	struct attestation_data d;
	struct bytes payload;

	must(number_decode(BUF_BYTES(&l->object[l->numbers - 1]), &n), "n");
	must(sequence_peek(n.s, &s), "s");
	must(attestation_decode(BUF_BYTES(&l->doc), &a, &payload), "doc");
	must(attestation_data_decode(a.user_data, &d), "data");
	return d.first_k == s.k + 1;
}

void life_born(struct life *l, struct attestor *a)
{
	struct buf key = {0}, data = {0}, s = {0}, b = {0}, t = {0};

	l->attestor = a;
	l->n = life_numbering();
	must(attestor_root_key(l->attestor, &l->root_key), "root key");
	must(numbering_genesis(l->n), "genesis");
	life_attest(l->attestor, l->n, &l->doc);
	must(numbering_attested(l->n, BUF_BYTES(&l->doc)), "attested");
	must(numbering_claim(l->n, &key, &data), "claim");
	seqworld_init(&l->world, BUF_BYTES(&key), BUF_BYTES(&l->doc),
		attestor_root(l->attestor), BUF_BYTES(&l->root_key), NULL);
	l->chain = chain_new(&l->world.chain, false);
	must(buf_copy(BUF_BYTES(&l->world.b0), &b), "copy");
	must(buf_copy(BUF_BYTES(&l->world.t0), &t), "copy");
	must(numbering_first(l->n, BUF_BYTES(&b), 0, BUF_BYTES(&t),
		     BUF_BYTES(&l->world.params), &s), "first");
	enter(l);
	life_accepted(l, &b, &t, &s, true);
	buf_free(&key);
	buf_free(&data);
}

void life_dead(struct life *l)
{
	size_t i;

	numbering_free(l->n);
	chain_free(l->chain);
	for (i = 0; i < l->blocks; i++) {
		buf_free(&l->b[i]);
		buf_free(&l->t[i]);
		buf_free(&l->s[i]);
	}
	for (i = 0; i < l->numbers; i++)
		buf_free(&l->object[i]);
	buf_free(&l->doc);
	buf_free(&l->root_key);
	seqworld_done(&l->world);
}

int life_ask(struct life *l, const struct buf *b, const struct buf *t,
	struct buf *ret)
{
	struct hash th;

	return numbering_sequence(
		l->n, BUF_BYTES(b), 0, BUF_BYTES(t), ret, &th);
}

/* Another enclave takes over what one has handed on. */
static void resume(struct life *l, struct bytes blob)
{
	struct buf s = {0};

	must(numbering_resume(l->n, BUF_BYTES(&l->world.b0),
		     BUF_BYTES(&l->world.params), blob, &s), "resume");
	life_attest(l->attestor, l->n, &l->doc);
	must(numbering_attested(l->n, BUF_BYTES(&l->doc)), "attested");
	enter(l);
	buf_free(&s);
}

size_t life_newest_block(const struct life *l)
{
	size_t k = l->numbers;
	struct number n;
	struct sequence s;

	do {
		k--;
		must(number_decode(BUF_BYTES(&l->object[k]), &n), "number");
		must(sequence_peek(n.s, &s), "statement");
	} while (s.type != SEQUENCE_BLOCK);
	return k;
}

/* The document of the epoch of number k. */
struct bytes life_document(const struct life *l, size_t k)
{
	struct number n;

	for (;; k--) {
		must(number_decode(BUF_BYTES(&l->object[k]), &n), "number");
		if (n.doc.n > 0)
			return n.doc;
	}
}

int life_give(struct life *l, struct numbering *to, size_t from)
{
	size_t k;
	int rc = numbering_recover(to, BUF_BYTES(&l->world.b0),
		BUF_BYTES(&l->world.params));

	for (k = from; rc == 0 && k < l->numbers; k++) {
		struct number n;

		must(number_decode(BUF_BYTES(&l->object[k]), &n), "number");
		rc = numbering_evidence(to, n.s,
			k == from ? life_document(l, k) : n.doc, n.recovery);
	}
	return rc;
}

static void recovered(struct life *l)
{
	struct buf payload = {0}, record = {0}, s = {0};

	life_attest(l->attestor, l->n, &l->doc);
	must(numbering_record(l->n, &payload), "record");
	must(attestor_root_sign(l->attestor, BUF_BYTES(&payload), &record),
		"sign");
	must(numbering_recovered(l->n, BUF_BYTES(&l->doc), BUF_BYTES(&record),
		     &s), "recovered");
	enter(l);
	note_number(l, BUF_BYTES(&s), BUF_BYTES(&l->doc), BUF_BYTES(&record));
	buf_free(&payload);
	buf_free(&record);
	buf_free(&s);
}

void life_handover(struct life *l)
{
	struct buf blob = {0}, s = {0};
	bool first = life_epoch_is_new(l);

	must(numbering_handover(l->n, &blob, &s), "handover");
	numbering_left(l->n);
	life_handed_over(l, &blob, &s, first);
}

void life_handed_over(struct life *l, struct buf *blob, struct buf *s,
	bool first)
{
	note_number(l, BUF_BYTES(s), first ? BUF_BYTES(&l->doc)
					   : BYTES(NULL, 0), BYTES(NULL, 0));
	numbering_free(l->n);
	l->n = life_numbering();
	resume(l, BUF_BYTES(blob));
	buf_free(blob);
	buf_free(s);
}

void life_recover(struct life *l)
{
	numbering_free(l->n);
	l->n = life_numbering();
	must(life_give(l, l->n, life_newest_block(l)), "evidence");
	must(numbering_settle(l->n, &l->log), "settle");
	recovered(l);
}
