#include "tests/lib/mkcheckpoint.h"

#include <string.h>

#include "tests/tap/tap.h"

static void must(int rc, const char *what)
{
	if (rc != 0)
		bail("%s", what);
}

void mkcheckpoint_sign(struct mkcheckpoint *p, const struct note_key *k,
	EVP_PKEY *key, uint64_t seconds)
{
	must(note_sign(BUF_BYTES(&p->text), k, key, seconds, &p->note),
		"cannot sign a note");
	p->log.note = BUF_BYTES(&p->note);
}

void mkcheckpoint_note(struct mkcheckpoint *p, const struct mkchain *c,
	const char *origin, uint64_t size, const struct hash *root)
{
	struct note_key k;

	buf_free(&p->text);
	buf_free(&p->note);
	must(checkpoint_text(origin, size, root, &p->text),
		"cannot make a checkpoint");
	must(buf_copy(BUF_BYTES(&p->text), &p->note), "no memory");
	must(buf_add(&p->note, "\n", 1), "no memory");
	must(note_key_make(origin, NOTE_ED25519, c->log_pub, &k), "no key");
	mkcheckpoint_sign(p, &k, c->log_key, 0);
}

void mkcheckpoint_receipt(struct mkcheckpoint *p, EVP_PKEY *key,
	const struct hash *root)
{
	uint8_t signature[RECEIPT_SIGNATURE];

	buf_free(&p->receipt);
	must(receipt_sign(key, root, signature), "cannot sign a root");
	p->parts.signature = BYTES(signature, sizeof(signature));
	must(receipt_encode(&p->parts, &p->receipt), "cannot make a receipt");
	p->log.receipt = BUF_BYTES(&p->receipt);
}

void mkcheckpoint_init(struct mkcheckpoint *p, const struct mkchain *c,
	const struct mkfinal *f)
{
	char origin[CHECKPOINT_ORIGIN_MAX];

	*p = (struct mkcheckpoint){.parts = {.size = f->block.log_size,
		.index = c->seq.height, .path_len = f->f.path_len}};
	memcpy(p->parts.path, f->f.path, sizeof(f->f.path));
	checkpoint_origin(&c->anchor, origin);
	mkcheckpoint_note(p, c, origin, f->block.log_size, &f->block.log_root);
	mkcheckpoint_receipt(p, c->key, &f->block.log_root);
}

void mkcheckpoint_done(struct mkcheckpoint *p)
{
	buf_free(&p->text);
	buf_free(&p->note);
	buf_free(&p->receipt);
}
