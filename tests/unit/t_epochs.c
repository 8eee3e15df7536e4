/*
 * From one sequencer to the next without processes: the claim of an epoch's
 * document, hand-over and recovery, every forged input refused for its own
 * reason.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cborread.h"
#include "core/hash.h"
#include "core/object.h"
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

/* -- the claim of a new epoch's document */

static void change_claim(struct attestation_data *d, unsigned which)
{
	switch (which) {
	case 0:
		d->chain.b[5] ^= 1;
		break;
	case 1:
		d->epoch++;
		break;
	case 2:
		d->first_k++;
		break;
	case 3:
		d->first_k--;
		break;
	case 4:
		d->head.b[5] ^= 1;
		break;
	case 5:
		d->recoveries++;
		break;
	case 6:
		d->log_key[5] ^= 1;
		break;
	}
}
#define CLAIMS 7

/* Documents for all but what n claims, by the genuine platform. */
static void claims_refused(struct numbering *n, struct bytes record)
{
	struct buf key = {0}, data = {0}, doc = {0}, s = {0};
	struct attestation_data d;
	unsigned which;
	int rc;

	for (which = 0; which < CLAIMS; which++) {
		must(numbering_claim(n, &key, &data), "claim");
		must(attestation_data_decode(BUF_BYTES(&data), &d), "data");
		change_claim(&d, which);
		buf_free(&data);
		must(attestation_data_encode(&d, &data), "data");
		must(attestor_document(attestor, NULL, BUF_BYTES(&key),
			     BUF_BYTES(&data), BYTES(NULL, 0), NOW, &doc),
			"document");
		rc = record.n > 0 ? numbering_recovered(n, BUF_BYTES(&doc),
					    record, &s)
				  : numbering_attested(n, BUF_BYTES(&doc));
		is_int(rc, -EKEYREJECTED, "claim %u changed:", which);
		is_str(numbering_why(n), "the document makes another claim",
			"the document makes another claim");
		buf_free(&key);
		buf_free(&data);
		buf_free(&doc);
	}
}

static void claims(void)
{
	struct life *l = calloc(1, sizeof(*l));
	struct numbering *n = life_numbering(), *m = life_numbering();
	struct buf blob = {0}, s = {0}, payload = {0}, record = {0};

	life_born(l, attestor);
	life_block(l);
	must(life_give(l, m, life_newest_block(l)), "evidence");
	must(numbering_settle(m, &l->log), "settle");
	must(numbering_record(m, &payload), "record");
	must(attestor_root_sign(attestor, BUF_BYTES(&payload), &record),
		"sign");
	claims_refused(m, BUF_BYTES(&record));
	must(numbering_handover(l->n, &blob, &s), "handover");
	buf_free(&s);
	must(numbering_resume(n, BUF_BYTES(&l->world.b0),
		     BUF_BYTES(&l->world.params), BUF_BYTES(&blob), &s),
		"resume");
	claims_refused(n, BYTES(NULL, 0));
	buf_free(&s);
	buf_free(&blob);
	buf_free(&payload);
	buf_free(&record);
	numbering_free(n);
	numbering_free(m);
	life_dead(l);
	free(l);
}

/* -- hand-over */

/* Items of the blob that its own statement says too: chain, epoch, number,
 * head, height, and size and edges of the log, beside what it begins with. */
static const bool said[14] = {[0] = true, true, true, true, true, true,
	[7] = true, [9] = true, true};

/* Changed, and summed up anew: it disagrees with its own statement. */
static void blob_disagrees(struct life *l, struct buf *blob)
{
	size_t body = blob->n - HASH_LEN, i, taken = 0, tried = 0;
	uint8_t item[4096] = {0}, bit;
	struct buf s = {0};
	struct bytes v;
	struct cborr r;
	struct hash sum;
	uint64_t n;

	must(body > sizeof(item), "blob");
	cborr_init(&r, BYTES(blob->p, body));
	must(cborr_array(&r, 14, 14, &n), "blob");
	for (i = 0; i < 14; i++) {
		must(cborr_skip(&r, &v), "blob");
		memset(item + (v.p - blob->p), (int)i, v.n);
	}
	for (i = 0; i < body; i++) {
		struct numbering *to = life_numbering();

		bit = (uint8_t)(1u << prng_below(&prng, 8));
		blob->p[i] ^= bit;
		sum = hash_sha3(BYTES(blob->p, body));
		memcpy(blob->p + body, sum.b, HASH_LEN);
		if (said[item[i]]) {
			tried++;
			taken += numbering_resume(to, BUF_BYTES(&l->world.b0),
					 BUF_BYTES(&l->world.params),
					 BUF_BYTES(blob), &s) == 0;
			buf_free(&s);
		}
		blob->p[i] ^= bit;
		numbering_free(to);
	}
	sum = hash_sha3(BYTES(blob->p, body));
	memcpy(blob->p + body, sum.b, HASH_LEN);
	ok(tried > 100 && taken == 0,
		"and with one altered and summed up anew, of the %zu bytes that "
		"its statement says too", tried);
}

static void blob_refusals(void)
{
	struct life *l = calloc(1, sizeof(*l)), *m = calloc(1, sizeof(*m));
	struct buf blob = {0}, s = {0};
	struct numbering *n = life_numbering();
	size_t i, taken = 0;

	life_born(l, attestor);
	life_born(m, other_attestor);
	life_block(l);
	must(numbering_handover(l->n, &blob, &s), "handover");
	buf_free(&s);
	for (i = 0; i < blob.n; i++) {
		const uint8_t bit = (uint8_t)(1u << prng_below(&prng, 8));

		blob.p[i] ^= bit;
		if (numbering_resume(n, BUF_BYTES(&l->world.b0),
			    BUF_BYTES(&l->world.params), BUF_BYTES(&blob),
			    &s) == 0)
			taken++;
		blob.p[i] ^= bit;
	}
	is_int(taken, 0, "a hand-over with a bit altered is refused");
	for (i = 0; i < blob.n; i++)
		if (numbering_resume(n, BUF_BYTES(&l->world.b0),
			    BUF_BYTES(&l->world.params), BYTES(blob.p, i),
			    &s) == 0)
			taken++;
	is_int(taken, 0, "a piece of one is refused");
	blob_disagrees(l, &blob);
	buf_free(&blob);
	numbering_left(l->n);
	must(numbering_handover(m->n, &blob, &s), "handover");
	buf_free(&s);
	is_int(numbering_resume(n, BUF_BYTES(&l->world.b0),
		       BUF_BYTES(&l->world.params), BUF_BYTES(&blob), &s),
		-EKEYREJECTED, "a hand-over of another chain is refused");
	must(numbering_resume(n, BUF_BYTES(&m->world.b0),
		     BUF_BYTES(&m->world.params), BUF_BYTES(&blob), &s),
		"resume");
	buf_free(&s);
	is_int(life_ask(&(struct life){.n = n}, &l->b[1], &l->t[1], &s), -EPROTO,
		"N4: before its copy is gone nothing is signed");
	is_int(numbering_attested(n, BUF_BYTES(&m->doc)), -EKEYREJECTED,
		"the document of the epoch before is refused");
	is_int(numbering_abandon(n), 0, "it can be given up");
	is_int(numbering_state(n), NUMBERING_EMPTY, "and leaves no key");
	buf_free(&blob);
	numbering_free(n);
	life_dead(l);
	life_dead(m);
	free(l);
	free(m);
}

/* -- recovery */

static void try_evidence(struct life *l, struct numbering *n, size_t k,
	struct bytes s, struct bytes doc, struct bytes record, const char *why)
{
	size_t from = life_newest_block(l), i;
	struct number num;

	must(numbering_recover(n, BUF_BYTES(&l->world.b0),
		     BUF_BYTES(&l->world.params)), "recover");
	for (i = from; i < k; i++) {
		must(number_decode(BUF_BYTES(&l->object[i]), &num), "number");
		must(numbering_evidence(n, num.s,
			     i == from ? life_document(l, i) : num.doc,
			     num.recovery), "evidence");
	}
	is_int(numbering_evidence(n, s, doc, record), -EKEYREJECTED,
		"recovery refuses forged evidence:");
	is_str(numbering_why(n), why, "%s", why);
	is_int(numbering_state(n), NUMBERING_EMPTY, "and forgets it all");
}

/* The genuine document's claim but for one thing, by the genuine attestor. */
static void other_claim(struct life *l, struct bytes doc, uint32_t recoveries,
	bool head, struct buf *ret)
{
	struct attestation a;
	struct attestation_data d;
	struct buf data = {0};
	struct bytes payload;

	must(attestation_decode(doc, &a, &payload), "document");
	must(attestation_data_decode(a.user_data, &d), "data");
	d.recoveries += recoveries;
	d.head.b[0] ^= head;
	must(attestation_data_encode(&d, &data), "data");
	must(attestor_document(l->attestor, NULL, a.public_key,
		     BUF_BYTES(&data), BYTES(NULL, 0), NOW, ret), "document");
	buf_free(&data);
}

/* A life that ends block, hand-over, recovery, recovery: numbers 1 to 4. */
static void recovery_refusals(void)
{
	struct life *l = calloc(1, sizeof(*l)), *m = calloc(1, sizeof(*m));
	struct numbering *n = life_numbering();
	struct number num[5], other;
	struct buf forged = {0}, record = {0};
	struct mlog log;
	size_t i;

	life_born(l, attestor);
	life_born(m, other_attestor);
	life_block(l);
	life_handover(l);
	life_recover(l);
	life_recover(l);
	for (i = 0; i < 5; i++)
		must(number_decode(BUF_BYTES(&l->object[i]), &num[i]), "n");
	must(number_decode(BUF_BYTES(&m->object[0]), &other), "number");

	try_evidence(l, n, 1, num[2].s, life_document(l, 2), num[2].recovery,
		"the evidence does not begin with a block");
	try_evidence(l, n, 1, num[1].s, BYTES(NULL, 0), num[1].recovery,
		"an epoch's document is missing");
	try_evidence(l, n, 1, num[1].s, num[3].doc, num[1].recovery,
		"the document is of another epoch");
	try_evidence(l, n, 1, other.s, other.doc, BYTES(NULL, 0),
		"a statement is of another chain");
	try_evidence(l, n, 1, num[1].s, other.doc, BYTES(NULL, 0),
		"the chain's parameters do not accept this document");
	must(buf_copy(num[1].s, &forged), "copy");
	forged.p[forged.n - 1] ^= 1;
	try_evidence(l, n, 1, BUF_BYTES(&forged), life_document(l, 1),
		BYTES(NULL, 0),
		"a statement is not signed by its epoch's key");
	try_evidence(l, n, 1, BYTES(forged.p, forged.n - 1), life_document(l, 1),
		BYTES(NULL, 0), "a statement is malformed");
	try_evidence(l, n, 2, num[3].s, num[3].doc, num[3].recovery,
		"a number is missing");
	try_evidence(l, n, 3, num[3].s, num[4].doc, num[3].recovery,
		"the document is of another epoch");
	try_evidence(l, n, 3, num[3].s, num[3].doc, BYTES(NULL, 0),
		"the recovery record is malformed");
	try_evidence(l, n, 3, num[3].s, num[3].doc, num[4].recovery,
		"the recovery record is of another recovery");
	must(attestor_root_sign(m->attestor, BYTES("x", 1), &record), "sign");
	try_evidence(l, n, 3, num[3].s, num[3].doc, BUF_BYTES(&record),
		"no recovery key signed the record");

	buf_free(&record);
	other_claim(l, num[3].doc, 1, false, &record);
	try_evidence(l, n, 3, num[3].s, BUF_BYTES(&record), num[3].recovery,
		"the document counts other recoveries");
	buf_free(&record);
	other_claim(l, num[3].doc, 0, true, &record);
	try_evidence(l, n, 3, num[3].s, BUF_BYTES(&record), num[3].recovery,
		"the document begins at another number");
	buf_free(&record);
	must(attestor_root_sign(m->attestor, BYTES("x", 1), &record), "sign");

	must(life_give(l, n, life_newest_block(l)), "evidence");
	log = l->log;
	log.edge[0].b[0] ^= 1;
	is_int(numbering_settle(n, &log), -EKEYREJECTED,
		"another main log is refused");
	must(life_give(l, n, life_newest_block(l)), "evidence");
	must(numbering_settle(n, &l->log), "settle");
	buf_free(&forged);
	buf_free(&l->doc);
	life_attest(l->attestor, n, &l->doc);
	is_int(numbering_recovered(n, BUF_BYTES(&l->doc), BUF_BYTES(&record),
		       &forged),
		-EKEYREJECTED, "a record that another key signed is refused");
	is_int(numbering_recovered(n, BUF_BYTES(&l->doc), num[4].recovery,
		       &forged),
		-EKEYREJECTED, "the record of an older recovery is refused");
	is_int(numbering_recovered(n, num[4].doc, num[4].recovery, &forged),
		-EKEYREJECTED, "so is its document");
	buf_free(&record);
	numbering_free(n);
	life_dead(l);
	life_dead(m);
	free(l);
	free(m);
}

int main(void)
{
	plan(0);
	prng.state = prng_seed();
	attestor = life_attestor();
	other_attestor = life_attestor();
	claims();
	blob_refusals();
	recovery_refusals();
	attestor_free(attestor);
	attestor_free(other_attestor);
	return done();
}
