#include "core/parts.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/block.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/parts_impl.h"
#include "core/sequence.h"
#include "core/timestamp.h"

#define PEM_LINE 48 /* bytes that make a line of 64 characters */

const struct part *parts_find(const struct parts_list *l, const char *name)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->part[i].name, name) == 0)
			return &l->part[i];
	return NULL;
}

void parts_done(struct parts_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		buf_free(&l->part[i].data);
	l->n = 0;
}

void parts_add(struct parts_maker *m, struct bytes data, const char *fmt, ...)
{
	struct part *p = &m->out->part[m->out->n];
	va_list ap;
	int n;

	if (m->err != 0)
		return;
	if (m->out->n == PARTS_MAX) {
		m->err = -E2BIG;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(p->name, sizeof(p->name), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(p->name))
		m->err = -E2BIG;
	if (m->err != 0 || parts_find(m->out, p->name) != NULL)
		return;
	p->data = (struct buf){0};
	m->err = buf_copy(data, &p->data);
	m->out->n += m->err == 0;
}

void parts_say(struct parts_maker *m, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n;

	if (m->err != 0)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		m->err = -E2BIG;
	else
		m->err = buf_add(&m->readme, text, (size_t)n);
}

static int pem(const char *label, struct bytes der, struct buf *ret)
{
	unsigned char line[PEM_LINE / 3 * 4 + 1];
	char border[64];
	size_t some;
	int n, rc;

	n = snprintf(border, sizeof(border), "-----BEGIN %s-----\n", label);
	rc = buf_add(ret, border, (size_t)n);
	for (; rc == 0 && der.n > 0; der.p += some, der.n -= some) {
		some = der.n < PEM_LINE ? der.n : PEM_LINE;
		n = EVP_EncodeBlock(line, der.p, (int)some);
		line[n] = '\n';
		rc = buf_add(ret, line, (size_t)n + 1);
	}
	n = snprintf(border, sizeof(border), "-----END %s-----\n", label);
	return rc != 0 ? rc : buf_add(ret, border, (size_t)n);
}

void parts_add_pem(struct parts_maker *m, const char *name, const char *label,
	const struct bytes *der, size_t n)
{
	cleanup(buf) struct buf text = {0};
	size_t i;

	for (i = 0; i < n && m->err == 0; i++)
		m->err = pem(label, der[i], &text);
	parts_add(m, BUF_BYTES(&text), "%s", name);
}

/* -- our own formats, in which the others are named by their hashes */

static void say_hash(struct parts_maker *m, const char *name, struct hash h,
	const char *what)
{
	char hex[HASH_HEX + 1];

	hex_encode(HASH_BYTES(&h), hex);
	parts_say(m, "  openssl dgst -sha3-256 %s\n    %s\n    %s\n", name, hex,
		what);
}

static void add_record(struct parts_maker *m)
{
	const struct record *d = &m->r->record;
	struct bytes sha256 = record_digest(d, "sha-256");
	char hex[HASH_HEX + 1];

	parts_add(m, m->r->cert.d, "record.cbor");
	parts_say(m, "record.cbor: what was recorded: name, size, times, digests\n");
	if (sha256.n == HASH_LEN) {
		hex_encode(sha256, hex);
		parts_say(m, "  openssl dgst -sha256 FILE\n    %s\n"
			     "    the digest of the file, which stands in "
			     "record.cbor\n",
			hex);
	}
	parts_say(m, "\n");
}

static void add_blocks(struct parts_maker *m)
{
	const struct certificate *c = &m->r->cert;
	struct hash ht = timestamp_hash(c->t_lower);
	char hex[HASH_HEX + 1];

	parts_add(m, c->b0, "block-zero.cbor");
	parts_add(m, c->params, "params.cbor");
	parts_say(m, "block-zero.cbor: the chain's first block; params.cbor: its "
		     "parameters\n");
	say_hash(m, "block-zero.cbor", block_hash(c->b0), "the anchor");
	parts_say(m, "\n");
	add_record(m);
	parts_add(m, c->b, "block.cbor");
	parts_say(m, "block.cbor: the block that the record stands in\n");
	say_hash(m, "block.cbor", block_hash(c->b),
		"what the upper timestamp is over");
	hex_encode(HASH_BYTES(&ht), hex);
	parts_say(m, "  its third item is the SHA3-256 of the lower timestamp:\n"
		     "    %s\n\n",
		hex);
}

/* -- number and enclave */

/* NAME.cose, what it signs and its signature as openssl takes them. */
static void add_cose(
	struct parts_maker *m, struct bytes raw, size_t max, const char *name)
{
	cleanup(buf) struct buf tbs = {0};
	unsigned char *der = NULL;
	struct cose_sign1 c;
	size_t n;

	if (m->err == 0)
		m->err = cose_decode(raw, max, &c);
	if (m->err == 0)
		m->err = cose_signed(&c, &tbs);
	if (m->err != 0)
		return;
	n = cose_signature_der(c.signature, &der);
	parts_add(m, raw, "%s.cose", name);
	parts_add(m, BUF_BYTES(&tbs), "%s.tbs", name);
	parts_add(m, BYTES(der, n), "%s.sig", name);
	if (n == 0)
		m->err = -ENOMEM;
	OPENSSL_free(der);
}

static void add_number(struct parts_maker *m)
{
	const struct certificate *c = &m->r->cert;
	struct hash hb = block_hash(c->b), ht = timestamp_hash(c->t_upper);
	uint8_t leaf[SEQUENCE_LOG_ENTRY_MAX];
	struct sequence s;
	size_t n;

	add_cose(m, c->s, SEQUENCE_MAX, "s");
	parts_add_pem(m, "sequencer.pem", "PUBLIC KEY", &m->r->doc.public_key, 1);
	if (m->err == 0)
		m->err = sequence_peek(c->s, &s);
	if (m->err != 0)
		return;
	n = sequence_log_entry(s.height, s.k, &hb, &ht, s.r, leaf);
	parts_add(m, BYTES(leaf, n), "leaf.cbor");
	parts_say(m,
		"s.cose: the sequencer's number for the block, COSE_Sign1, "
		"ES256, by sequencer.pem\n"
		"  openssl dgst -sha256 -verify sequencer.pem -signature s.sig "
		"s.tbs\n"
		"    Verified OK (s.tbs is the Sig_structure of RFC 9052 4.4, "
		"s.sig the signature in DER)\n"
		"leaf.cbor: the entry of the main log (RFC 9162 over SHA-256) "
		"for the block\n\n");
}

static void add_certificates(struct parts_maker *m)
{
	const struct attestation *a = &m->r->doc;

	parts_add_pem(m, "attestation-leaf.pem", "CERTIFICATE", &a->certificate,
		1);
	parts_add_pem(m, "attestation-root.pem", "CERTIFICATE", a->cabundle, 1);
	if (a->n_cabundle > 1)
		parts_add_pem(m, "attestation-chain.pem", "CERTIFICATE",
			a->cabundle + 1, a->n_cabundle - 1);
}

static void add_enclave(struct parts_maker *m)
{
	const struct attestation *a = &m->r->doc;
	bool local = m->r->params.trust == TRUST_LOCAL;

	add_cose(m, m->r->cert.doc, ATTESTATION_MAX, "attestation");
	add_certificates(m);
	parts_say(m,
		"attestation.cose: the platform's word for sequencer.pem, "
		"COSE_Sign1, ES384, by attestation-leaf.pem\n"
		"  openssl x509 -in attestation-leaf.pem -pubkey -noout "
		">attestation-key.pem\n"
		"  openssl dgst -sha384 -verify attestation-key.pem -signature "
		"attestation.sig attestation.tbs\n"
		"    Verified OK\n"
		"  openssl verify -attime %" PRIu64 "%s -CAfile "
		"attestation-root.pem%s attestation-leaf.pem\n"
		"    attestation-leaf.pem: OK (at the document's own time: its "
		"certificates last for hours)\n",
		a->timestamp_ms / 1000, local ? " -ignore_critical" : "",
		a->n_cabundle > 1 ? " -untrusted attestation-chain.pem" : "");
	if (local)
		parts_say(m, "  the critical extension says \"not hardware\": "
			     "the root is a local program's\n");
	parts_say(m, "\n");
}

/* -- all of it */

static void say_opening(struct parts_maker *m)
{
	parts_say(m,
		"The parts of a notaryfs certificate, each in its own format.\n"
		"\n"
		"notary-verify checks them together, against the file and the "
		"anchor.  Below is how\nother programs check each alone; run "
		"the commands in this folder.  A line that is\nindented further "
		"is what a command has to print.\n\n");
}

int parts_make(const struct report *r, struct parts_list *ret)
{
	unsigned before = memory_failures();
	struct parts_maker m = {.r = r, .out = ret};

	ret->n = 0;
	if (r->verdict != V_VALID && r->verdict != V_NO_ANCHOR)
		return -EINVAL;
	say_opening(&m);
	add_blocks(&m);
	parts_add_stamps(&m);
	add_number(&m);
	parts_add_log(&m);
	add_enclave(&m);
	parts_add(&m, BUF_BYTES(&m.readme), "README");
	buf_free(&m.readme);
	/* what could not be read was left out */
	return m.err == 0 && memory_failures() != before ? -ENOMEM : m.err;
}
