/*
 * Numbers of the forger's own making, against both who read a chain's numbers
 * in their order: the audit (fs/succession.h) and the enclave that is to go on
 * behind them (enclave/numbering.h).  The forger has sequencer keys of his own
 * and a platform that vouches for whatever he says; so each number is signed
 * and linked as it should be, and wrong in one thing.
 */
#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/object.h"
#include "fs/succession.h"
#include "tests/lib/life.h"
#include "tests/tap/tap.h"

#define NOW UINT64_C(1700000000000) /* as life.c has it */
#define NUMBERS 6

static struct life l;
static struct attestor *attestor, *other_attestor;
static EVP_PKEY *key[4];
static struct buf spki[4];

/* The chain so far: block zero and a block, then what is added here. */
static struct buf object[NUMBERS];
static size_t n_objects;
static struct sequence last;

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s: %d", what, rc);
}

/* What a number is made of. */
struct forged {
	bool with_doc, with_record, other_y;
	struct attestation_data d;
	size_t about;		/* key that the document is about */
	struct recovery r;
	struct attestor *by;	/* whose root key signs the record */
	struct sequence s;
	size_t signer;		/* key that signs the number */
};

/* The next number of the same epoch, over nothing yet. */
static struct forged next(void)
{
	struct forged f = {.s = last, .by = attestor};

	f.s.k++;
	f.s.prev_head = sequence_head(&last);
	f.s.has_height = false;
	f.s.height = 0;
	memset(f.s.y, 0, sizeof(f.s.y));
	return f;
}

/* It begins an epoch, with key i. */
static struct forged entering(size_t i, uint32_t recoveries)
{
	struct forged f = next();

	f.s.epoch++;
	f.signer = f.about = i;
	f.with_doc = true;
	f.d = (struct attestation_data){.chain = f.s.chain,
		.epoch = f.s.epoch, .first_k = f.s.k, .head = f.s.prev_head,
		.recoveries = recoveries};
	return f;
}

static struct forged recovery(void)
{
	struct forged f = entering(1, 1);

	f.s.type = SEQUENCE_RECOVERY;
	f.with_record = true;
	f.r = (struct recovery){.chain = f.s.chain, .epoch = f.s.epoch,
		.k = f.s.k, .prev_head = f.s.prev_head,
		.key = hash_sha3(BUF_BYTES(&spki[1]))};
	return f;
}

static struct forged as_block(struct forged f)
{
	f.s.type = SEQUENCE_BLOCK;
	f.s.has_height = true;
	f.s.height = last.log_size;
	f.s.log_size = last.log_size + 1;
	f.s.log_root.b[0] ^= 1;
	f.s.y[0] = 1;
	return f;
}

static struct forged block(void)
{
	struct forged f = as_block(next());

	f.signer = 1;
	return f;
}

static struct forged handover(void)
{
	struct forged f = next();
	struct hash h = hash_sha3(BUF_BYTES(&spki[2]));

	f.s.type = SEQUENCE_HANDOVER;
	sequence_y_other(&h, f.s.y);
	f.signer = 1;
	return f;
}

/* Behind that hand-over. */
static struct forged entry(void)
{
	return as_block(entering(2, 1));
}

/* -- made and shown */

static void sign_number(const struct forged *f, struct buf *ret)
{
	cleanup(buf) struct buf payload = {0};

	must(sequence_encode(&f->s, &payload), "statement");
	must(cose_sign(COSE_ES256, key[f->signer], BUF_BYTES(&payload), ret),
		"sign");
}

static void make(struct forged *f, struct buf *ret_doc, struct buf *ret_record,
	struct buf *ret_s)
{
	cleanup(buf) struct buf data = {0}, payload = {0};
	struct hash h;

	if (f->with_doc) {
		must(attestation_data_encode(&f->d, &data), "data");
		must(attestor_document(attestor, NULL,
			     BUF_BYTES(&spki[f->about]), BUF_BYTES(&data),
			     BYTES(NULL, 0), NOW, ret_doc), "document");
	}
	if (f->with_record) {
		must(recovery_encode(&f->r, &payload), "record");
		must(attestor_root_sign(f->by, BUF_BYTES(&payload),
			     ret_record), "sign");
		h = hash_sha3(BUF_BYTES(&payload));
		h.b[0] ^= f->other_y;
		sequence_y_other(&h, f->s.y);
	}
	sign_number(f, ret_s);
}

static int audited(const struct number *n)
{
	struct succession s;
	struct succession_step step;
	struct params p;
	struct number before;
	const char *why = "";
	size_t i;
	int rc;

	must(params_decode(BUF_BYTES(&l.world.params), &p), "parameters");
	succession_init(&s, &p, &l.world.chain);
	for (i = 0; i < n_objects; i++) {
		must(number_decode(BUF_BYTES(&object[i]), &before), "number");
		must(succession_check(&s, &before, &step, &why), why);
		must(succession_go(&s, &step), "go");
	}
	rc = succession_check(&s, n, &step, &why);
	succession_done(&s);
	return rc;
}

/* From the block on; all: what is asked is the first that is shown. */
static int shown(const struct number *n, bool alone)
{
	struct numbering *to = life_numbering();
	struct number before;
	size_t i;
	int rc;

	must(numbering_recover(to, BUF_BYTES(&l.world.b0),
		     BUF_BYTES(&l.world.params)), "recover");
	for (i = 1; !alone && i < n_objects; i++) {
		must(number_decode(BUF_BYTES(&object[i]), &before), "number");
		must(numbering_evidence(to, before.s,
			     i == 1 ? BUF_BYTES(&l.doc) : before.doc,
			     before.recovery), numbering_why(to));
	}
	rc = numbering_evidence(to, n->s, n->doc, n->recovery);
	numbering_free(to);
	return rc;
}

enum { BOTH, ENCLAVE, ALONE };

static void judged(struct forged f, int by, int want, const char *what)
{
	cleanup(buf) struct buf s = {0}, doc = {0}, record = {0};
	struct number n;

	make(&f, &doc, &record, &s);
	n = (struct number){.s = BUF_BYTES(&s), .doc = BUF_BYTES(&doc),
		.recovery = BUF_BYTES(&record)};
	if (by == BOTH)
		is_int(audited(&n), want, "audit: %s", what);
	is_int(shown(&n, by == ALONE), want, "enclave: %s", what);
}

static void added(struct forged f, const char *what)
{
	cleanup(buf) struct buf s = {0}, doc = {0}, record = {0};
	struct number n;

	judged(f, BOTH, 0, what);
	make(&f, &doc, &record, &s);
	n = (struct number){.s = BUF_BYTES(&s), .doc = BUF_BYTES(&doc),
		.recovery = BUF_BYTES(&record)};
	must(number_encode(&n, &object[n_objects++]), "number");
	last = f.s;
}

/* -- what is wrong */

static struct forged f;

/* A number as `base` makes it but for what the statement does to f. */
#define REFUSED(base, by, what, ...) \
	do { \
		f = base(); \
		__VA_ARGS__; \
		judged(f, by, -EKEYREJECTED, what); \
	} while (0)

static void documents(struct forged (*base)(void), const char *of)
{
	diag("documents of %s", of);
	REFUSED(base, BOTH, "no document", f.with_doc = false);
	REFUSED(base, BOTH, "of another chain", f.d.chain.b[9] ^= 1);
	REFUSED(base, BOTH, "of no chain", f.d.chain = (struct hash){{0}});
	REFUSED(base, BOTH, "of the epoch before", f.d.epoch--);
	REFUSED(base, BOTH, "of the epoch after", f.d.epoch++);
	REFUSED(base, BOTH, "first number too low", f.d.first_k--);
	REFUSED(base, BOTH, "first number too high", f.d.first_k++);
	REFUSED(base, BOTH, "another head", f.d.head.b[9] ^= 1);
	REFUSED(base, BOTH, "a recovery less", f.d.recoveries--);
	REFUSED(base, BOTH, "a recovery more", f.d.recoveries++);
	REFUSED(base, BOTH, "about another key", f.about = 3);
	REFUSED(base, BOTH, "number by another key", f.signer = 3);
	REFUSED(base, BOTH, "of another chain", f.s.chain.b[9] ^= 1);
	REFUSED(base, BOTH, "number left out",
		f.s.k++; f.d.first_k++; f.r.k++);
	REFUSED(base, BOTH, "number given before",
		f.s.k--; f.d.first_k--; f.r.k--);
	REFUSED(base, BOTH, "epoch left out",
		f.s.epoch++; f.d.epoch++; f.r.epoch++);
	REFUSED(base, BOTH, "another head before it",
		f.s.prev_head.b[9] ^= 1; f.d.head = f.s.prev_head;
		f.r.prev_head = f.s.prev_head);
}

static void recoveries(void)
{
	documents(recovery, "a recovery");
	REFUSED(recovery, BOTH, "no record", f.with_record = false);
	REFUSED(recovery, BOTH, "by another's recovery key",
		f.by = other_attestor);
	REFUSED(recovery, BOTH, "number names another record",
		f.other_y = true);
	REFUSED(recovery, BOTH, "record of another chain",
		f.r.chain.b[9] ^= 1);
	REFUSED(recovery, BOTH, "record of another epoch", f.r.epoch++);
	REFUSED(recovery, BOTH, "record of another number", f.r.k++);
	REFUSED(recovery, BOTH, "record behind another head",
		f.r.prev_head.b[9] ^= 1);
	REFUSED(recovery, BOTH, "record for another key",
		f.r.key = hash_sha3(BUF_BYTES(&spki[3])));
	REFUSED(recovery, BOTH, "a block begins the epoch instead",
		f = as_block(f); f.with_record = false; f.d.recoveries--);
	REFUSED(recovery, ENCLAVE, "and the log grows",
		f.s.log_size++);
	REFUSED(recovery, ENCLAVE, "and the log is another",
		f.s.log_root.b[9] ^= 1);
}

static void same_epoch(void)
{
	REFUSED(block, BOTH, "block by the key of the epoch before",
		f.signer = 0);
	REFUSED(block, BOTH, "block of the epoch before", f.s.epoch--);
	REFUSED(block, BOTH, "block behind another head",
		f.s.prev_head.b[9] ^= 1);
	REFUSED(block, BOTH, "block of another chain", f.s.chain.b[9] ^= 1);
	REFUSED(block, BOTH, "block with a number left out", f.s.k++);
	REFUSED(block, BOTH, "a recovery within the epoch",
		struct forged r = recovery(); f.s.type = SEQUENCE_RECOVERY;
		f.s.has_height = false; f.with_record = true; f.r = r.r;
		f.r.epoch = f.s.epoch; f.s.log_size--;
		f.s.log_root = last.log_root);
	REFUSED(block, ENCLAVE, "block without a height",
		f.s.has_height = false);
	REFUSED(block, ENCLAVE, "block at another height", f.s.height++);
	REFUSED(block, ENCLAVE, "block in a log that does not grow",
		f.s.log_size--);
	REFUSED(handover, ENCLAVE, "hand-over with another log",
		f.s.log_root.b[9] ^= 1);
	REFUSED(handover, ENCLAVE, "hand-over in a log that grows",
		f.s.log_size++);
}

/* What is shown begins with a block of any epoch. */
static void anchors(void)
{
	f = block();
	f.with_doc = true;
	f.about = 1;
	f.d = (struct attestation_data){.chain = f.s.chain, .epoch = 1,
		.first_k = f.s.k, .recoveries = 1};
	const struct forged good = f;
	judged(f, ALONE, 0, "evidence from the newest block on");
	f.d.first_k++;
	judged(f, ALONE, -EKEYREJECTED, "its document begins behind it");
	f = good;
	f.d.epoch++;
	judged(f, ALONE, -EKEYREJECTED, "its document is of another epoch");
	f = good;
	f.d.chain.b[9] ^= 1;
	judged(f, ALONE, -EKEYREJECTED, "its document is of another chain");
	f = good;
	f.s.has_height = false;
	f.s.log_size = 1;
	judged(f, ALONE, -EKEYREJECTED, "it has no height");
	f = good;
	f.s.height++;
	judged(f, ALONE, -EKEYREJECTED, "it has another height");
	f = good;
	f.signer = 2;
	judged(f, ALONE, -EKEYREJECTED, "another key signed it");
}

static void handed_over(void)
{
	documents(entry, "an epoch that was handed over to");
	REFUSED(entry, BOTH, "by a key that nobody named",
		f.signer = f.about = 3);
	REFUSED(block, BOTH, "the old key goes on", (void)0);
	REFUSED(handover, BOTH, "the old key hands over twice", (void)0);
}

/* The forger as the maker of the chain: number 0 and its document. */
static void first_number(void)
{
	struct succession s;
	struct succession_step step;
	struct params p;
	struct number n, other;
	const char *why = "";

	must(params_decode(BUF_BYTES(&l.world.params), &p), "parameters");
	succession_init(&s, &p, &l.world.chain);
	must(number_decode(BUF_BYTES(&object[0]), &n), "number");
	must(number_decode(BUF_BYTES(&object[1]), &other), "number");
	is_int(succession_check(&s, &n, &step, &why), 0, "number zero");
	other.doc = n.doc;
	is_int(succession_check(&s, &other, &step, &why), -EKEYREJECTED,
		"audit: number one is not the first");
	n.doc = BYTES(NULL, 0);
	is_int(succession_check(&s, &n, &step, &why), -EKEYREJECTED,
		"audit: number zero without its document");
	must(number_decode(BUF_BYTES(&object[2]), &other), "number");
	n.doc = other.doc;
	is_int(succession_check(&s, &n, &step, &why), -EKEYREJECTED,
		"audit: number zero with another document");
	succession_done(&s);
}

static void begin(void)
{
	struct buf b = {0}, t = {0}, s = {0};
	struct hash th;
	size_t i;

	attestor = life_attestor();
	other_attestor = life_attestor();
	for (i = 0; i < 4; i++) {
		key[i] = EVP_EC_gen("P-256");
		must(key[i] == NULL || cose_key_spki(key[i], &spki[i]) != 0,
			"key");
	}
	life_born(&l, attestor);
	th = life_tail(&l);
	seqworld_block(&l.world, &th, &l.document, &b, &t);
	must(life_ask(&l, &b, &t, &s), "number");
	life_accepted(&l, &b, &t, &s, false);
	for (i = 0; i < 2; i++)
		must(buf_copy(BUF_BYTES(&l.object[i]), &object[i]), "copy");
	n_objects = 2;
	must(sequence_peek(BUF_BYTES(&l.s[1]), &last), "statement");
}

static void end(void)
{
	size_t i;

	for (i = 0; i < n_objects; i++)
		buf_free(&object[i]);
	for (i = 0; i < 4; i++) {
		EVP_PKEY_free(key[i]);
		buf_free(&spki[i]);
	}
	life_dead(&l);
	attestor_free(attestor);
	attestor_free(other_attestor);
}

int main(void)
{
	plan(0);
	begin();
	recoveries();
	added(recovery(), "a recovery");
	first_number();
	same_epoch();
	anchors();
	added(block(), "a block behind it");
	added(handover(), "a hand-over");
	handed_over();
	added(entry(), "the epoch that it names");
	end();
	return done();
}
