/*
 * The place in the main log as other people's programs see it.
 *
 * The number's signature alone says where the block stands.  A receipt (RFC
 * 9942) and a checkpoint (C2SP) say it once more, in two formats that need no
 * code of ours: the entry of the block is below a root that the enclave signed
 * with both its keys.  Neither stands for the number: a root names no chain,
 * and the note's origin is bound to the key by nothing but the enclave's own
 * program.  What they add is who else has seen that log: the witnesses whose
 * lines stand under the note, if the verifier knows their keys.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <string.h>

#include "core/block.h"
#include "core/cose.h"
#include "core/memory.h"
#include "core/receipt.h"
#include "core/timestamp.h"
#include "core/verify_impl.h"

/* Of key 11, read. */
struct evidence_log {
	struct receipt receipt;
	struct note note;
	struct checkpoint checkpoint;
};

static int open_log(const struct certificate_log *in, struct evidence_log *ret)
{
	if (receipt_decode(in->receipt, &ret->receipt) != 0 ||
		note_decode(in->note, &ret->note) != 0)
		return -EBADMSG;
	return checkpoint_decode(ret->note.text, &ret->checkpoint);
}

static bool about(const struct evidence_log *l, const struct sequence *s)
{
	char origin[CHECKPOINT_ORIGIN_MAX];

	checkpoint_origin(&s->chain, origin);
	return l->receipt.index == s->height &&
	       l->receipt.size == l->checkpoint.size &&
	       bytes_equal(l->checkpoint.origin,
		       BYTES(origin, strlen(origin)));
}

/* The key that the document names, for notes of that chain. */
static int log_key(const struct hash *chain,
	const struct attestation_data *data, struct note_key *ret)
{
	char origin[CHECKPOINT_ORIGIN_MAX];

	checkpoint_origin(chain, origin);
	return note_key_make(origin, NOTE_ED25519, data->log_key, ret);
}

static enum verdict check_signatures(const struct evidence_log *l,
	struct bytes entry, const struct sequence *s, struct bytes public_key,
	const struct attestation_data *data)
{
	unsigned before = memory_failures();
	EVP_PKEY *key = cose_key(public_key);
	struct note_key k;
	uint64_t time;
	struct hash root;
	bool good = key != NULL && log_key(&s->chain, data, &k) == 0 &&
		    receipt_check(&l->receipt, entry, key, &root) == 0 &&
		    note_check(&l->note, &k, &time) == 0;

	EVP_PKEY_free(key);
	if (good)
		return V_VALID;
	return memory_failures() != before ? V_NO_MEMORY : V_LOG_SIGNATURE;
}

enum verdict verify_log(const struct certificate *c, const struct sequence *s,
	struct bytes public_key, const struct attestation_data *data,
	struct evidence *e)
{
	struct hash hb, ht, leaf, root;
	uint8_t entry[SEQUENCE_LOG_ENTRY_MAX];
	struct evidence_log l;
	enum verdict v;
	size_t n;

	if (c->log.note.n == 0)
		return V_VALID;
	if (open_log(&c->log, &l) != 0)
		return V_LOG_MALFORMED;
	if (!about(&l, s))
		return V_LOG_ENTRY;
	hb = block_hash(c->b);
	ht = timestamp_hash(c->t_upper);
	n = sequence_log_entry(s->height, s->k, &hb, &ht, s->r, entry);
	leaf = mlog_leaf(BYTES(entry, n));
	if (mlog_fold(&leaf, s->height, l.receipt.size, l.receipt.path,
		    l.receipt.path_len, &root) != 0 ||
		!hash_equal(&root, &l.checkpoint.root))
		return V_LOG_PATH;
	v = check_signatures(&l, BYTES(entry, n), s, public_key, data);
	if (v == V_VALID)
		e->log_size = l.receipt.size;
	return v;
}

/* -- witnesses: after all else, by keys that the verifier brings */

static void count(struct report *r, const struct note *note,
	const struct note_key *k, size_t n)
{
	uint64_t seconds = 0;
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = note_check(note, &k[i], &seconds);
		if (rc == 0) {
			r->witness[r->n_witnesses++] =
				(struct report_witness){&k[i], seconds};
			continue;
		}
		if (rc != -ENOENT) /* it is there, and wrong */
			r->verdict = rc == -ENOMEM ? V_NO_MEMORY : V_WITNESS;
		if (rc == -ENOMEM)
			return;
	}
}

void verify_witnesses(struct report *r, const struct note_key *k, size_t n,
	size_t quorum)
{
	struct note note;

	if (r->verdict != V_VALID && r->verdict != V_NO_ANCHOR)
		return;
	r->n_witnesses = 0;
	r->witness_quorum = quorum;
	if (r->log_size > 0 && note_decode(r->cert.log.note, &note) == 0)
		count(r, &note, k, n < VERIFY_WITNESSES ? n : VERIFY_WITNESSES);
	if (r->verdict != V_NO_MEMORY && r->n_witnesses < quorum)
		r->verdict = V_WITNESS;
}
