/*
 * mkcheckpoint: receipt and checkpoint of a main log with a mkchain's block in
 * it, as key 11 of a certificate has them, for logs of any size.
 */
#ifndef TESTS_MKCHECKPOINT_H
#define TESTS_MKCHECKPOINT_H

#include "core/note.h"
#include "core/receipt.h"
#include "tests/lib/mkfinal.h"

struct mkcheckpoint {
	struct receipt parts;	/* before they were encoded */
	struct buf text, note, receipt;
	struct certificate_log log; /* points into these */
};

/* Of the log that f names. */
void mkcheckpoint_init(struct mkcheckpoint *p, const struct mkchain *c,
	const struct mkfinal *f);
/* For forgeries: the note again, of that origin, size and root; the receipt
 * again, of parts with this key's signature over that root. */
void mkcheckpoint_note(struct mkcheckpoint *p, const struct mkchain *c,
	const char *origin, uint64_t size, const struct hash *root);
void mkcheckpoint_receipt(struct mkcheckpoint *p, EVP_PKEY *key,
	const struct hash *root);
/* One more line under the note. */
void mkcheckpoint_sign(struct mkcheckpoint *p, const struct note_key *k,
	EVP_PKEY *key, uint64_t seconds);
void mkcheckpoint_done(struct mkcheckpoint *p);

#endif
