/* The main log's own objects in a certificate as files: its checkpoint, the
 * receipt of the block's entry, and the keys that they are checked against. */
#include <errno.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <string.h>

#include "core/base64.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/note_impl.h"
#include "core/parts_impl.h"
#include "core/receipt_impl.h"

/* SubjectPublicKeyInfo of an Ed25519 key up to the key (RFC 8410) */
#define SPKI "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"
#define SPKI_N 12

static int log_key(const struct report *r, struct note_key *ret)
{
	char origin[CHECKPOINT_ORIGIN_MAX];
	struct hash anchor = block_hash(r->cert.b0);

	checkpoint_origin(&anchor, origin);
	return note_key_make(
		origin, NOTE_ED25519, r->doc_data.log_key, ret);
}

/* By what the checkpoints of the main log are checked that this epoch signed. */
static void add_key(struct parts_maker *m, const struct note_key *k)
{
	char text[NOTE_VKEY_MAX];
	uint8_t spki[SPKI_N + NOTE_KEY] = SPKI;

	note_key_text(k, text);
	memcpy(spki + SPKI_N, k->key, NOTE_KEY);
	parts_add(m, BYTES(text, strlen(text)), "log.vkey");
	parts_add_pem(m, "log-key.pem", "PUBLIC KEY", &BYTES(spki, sizeof(spki)),
		1);
	parts_say(m,
		"log.vkey, log-key.pem: the key that attestation.cose names for "
		"checkpoints of the main log,\n  .notary/log/checkpoint in the "
		"mount, as verifiers of C2SP notes take it, and in PEM\n\n");
}

/* The bare signature in the key's line; it was judged. */
static void add_line(struct parts_maker *m, const struct note *n,
	const struct note_key *k)
{
	uint8_t raw[NOTE_ID + NOTE_ED25519_LEN];
	size_t i, len;

	for (i = 0; i < n->n; i++)
		if (n->line[i].id == k->id &&
			bytes_equal(n->line[i].name,
				BYTES(k->name, strlen(k->name))) &&
			base64_decode(n->line[i].signature, raw, sizeof(raw),
				&len) == 0 &&
			len == sizeof(raw))
			parts_add(m, BYTES(raw + NOTE_ID, NOTE_ED25519_LEN),
				"checkpoint.sig");
}

static void add_checkpoint(struct parts_maker *m, const struct note_key *k,
	struct hash *ret_root)
{
	struct bytes raw = m->r->cert.log.note;
	struct checkpoint c;
	struct note n;

	if (m->err == 0)
		m->err = note_decode(raw, &n);
	if (m->err == 0)
		m->err = checkpoint_decode(n.text, &c);
	if (m->err != 0)
		return;
	parts_add(m, raw, "checkpoint");
	parts_add(m, n.text, "checkpoint.tbs");
	add_line(m, &n, k);
	parts_say(m,
		"checkpoint: the main log when it had %" PRIu64 " entries, a "
		"signed note (C2SP), by log.vkey\n"
		"  openssl pkeyutl -verify -pubin -inkey log-key.pem -rawin -in "
		"checkpoint.tbs -sigfile checkpoint.sig\n"
		"    Signature Verified Successfully\n"
		"  (its other lines are of witnesses; give this file to more of "
		"them, and what they send back to\n"
		"  notaryfs cert FILE.cert --cosigned)\n\n", c.size);
	*ret_root = c.root;
}

static void add_receipt(struct parts_maker *m, const struct hash *root)
{
	cleanup(buf) struct buf tbs = {0};
	unsigned char *der = NULL;
	struct receipt r;
	size_t n = 0;

	if (m->err == 0)
		m->err = receipt_decode(m->r->cert.log.receipt, &r);
	if (m->err != 0)
		return;
	const struct cose_sign1 c = {.alg = COSE_ES256,
		.protected_header = BYTES(RECEIPT_HEADER, RECEIPT_HEADER_LEN),
		.payload = HASH_BYTES(root), .signature = r.signature};
	m->err = cose_signed(&c, &tbs);
	if (m->err == 0)
		n = cose_signature_der(r.signature, &der);
	parts_add(m, m->r->cert.log.receipt, "receipt.cose");
	parts_add(m, BUF_BYTES(&tbs), "receipt.tbs");
	parts_add(m, BYTES(der, n), "receipt.sig");
	if (m->err == 0 && n == 0)
		m->err = -ENOMEM;
	OPENSSL_free(der);
	parts_say(m,
		"receipt.cose: that leaf.cbor is entry %" PRIu64 " of that log, "
		"a COSE receipt (RFC 9942), ES256, by sequencer.pem\n"
		"  openssl dgst -sha256 -verify sequencer.pem -signature "
		"receipt.sig receipt.tbs\n"
		"    Verified OK (over the root in checkpoint, to which the "
		"receipt's path leads from leaf.cbor)\n\n", r.index);
}

void parts_add_log(struct parts_maker *m)
{
	struct hash root = {{0}};
	struct note_key k;

	if (log_key(m->r, &k) != 0)
		return; /* cannot be: such an origin is a key's name */
	add_key(m, &k);
	if (m->r->cert.log.note.n == 0)
		return;
	add_checkpoint(m, &k, &root);
	add_receipt(m, &root);
}
