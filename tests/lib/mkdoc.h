/*
 * mkdoc: attestation documents of either class made to order, good ones and
 * every kind of bad one, with certificates of their own.
 */
#ifndef TESTS_MKDOC_H
#define TESTS_MKDOC_H

#include "core/bytes.h"
#include "core/params.h"

enum mkdoc_flaw {
	DOC_INDEFINITE = 1 << 0,  /* maps of indefinite length: no flaw */
	DOC_FIELD_TWICE = 1 << 1,
	DOC_FIELD_NEW = 1 << 2,	  /* a name unknown: no flaw */
	DOC_NEW_TWICE = 1 << 3,
	DOC_PCR_TWICE = 1 << 4,
	DOC_NO_PCR2 = 1 << 5,
	DOC_PCR_SHORT = 1 << 6,
	DOC_PCR_32 = 1 << 7,	  /* number out of range */
	DOC_TRAILING = 1 << 8,	  /* a byte after the payload's map */
	DOC_NO_DIGEST = 1 << 9,
	DOC_OTHER_DIGEST = 1 << 10,
	DOC_NO_BUNDLE = 1 << 11,  /* cabundle null */
	DOC_EMPTY_BUNDLE = 1 << 12,
	DOC_LONG_BUNDLE = 1 << 13, /* nine entries */
	DOC_TIME_ZERO = 1 << 14,
	DOC_CERT_TRAILING = 1 << 15, /* a byte after the leaf's DER */
	DOC_CERT_JUNK = 1 << 16,
	DOC_IDLE_CERT = 1 << 17,  /* one in the bundle that leads nowhere */
	DOC_NULLS_ABSENT = 1 << 18, /* optional fields not there: no flaw */
	DOC_TAGGED = 1 << 19,	  /* tag 18: no flaw */
	DOC_FIELD_LONG = 1 << 20, /* user_data of 4097 bytes */
	DOC_MARK_EASY = 1 << 21,  /* our extension, but not critical */
	DOC_LEAF_STRANGE = 1 << 22, /* another critical extension besides */
	DOC_BETWEEN = 1 << 23,	  /* a CA between root and leaf: no flaw */
};

struct mkdoc {
	unsigned flaws;
	bool root_mark, leaf_mark; /* our critical extension */
	const char *module_id;
	const char *leaf_curve;
	const char *leaf_constraints, *leaf_usage; /* as in openssl.cnf */
	uint8_t pcr[3]; /* what PCR 0..2 are filled with */
	uint8_t pcr16;
	uint64_t timestamp_ms;
	int64_t leaf_from_s, leaf_to_s; /* from the timestamp on */
	struct bytes public_key, user_data;
};

/* A good one of each class. */
struct mkdoc mkdoc_local(void);
struct mkdoc mkdoc_nitro(void);
/* Makes it; *ret_root is its root's fingerprint.  Ends the test program when
 * it cannot. */
void mkdoc_make(const struct mkdoc *d, struct buf *ret, struct hash *ret_root);
/* Parameters that accept exactly what the mkdoc says. */
struct params mkdoc_params(
	const struct mkdoc *d, enum trust_class trust, const struct hash *root);

#endif
