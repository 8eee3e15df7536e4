/*
 * cborread: a strict reader of deterministic CBOR (RFC 8949 4.2.1).
 *
 * It walks the caller's bytes without allocating.  It refuses whatever
 * cborwrite.h would not write: heads that are not shortest, indefinite
 * lengths, floats, other simple values than null, false and true, text that is
 * not UTF-8, map keys out of order or doubled, lengths beyond what is left.
 *
 * The error is sticky: after the first failure every call fails, so a decoder
 * reads all its fields and asks once, with cborr_end().  A failed call leaves
 * its output untouched: initialise outputs.
 *
 * Decoders built on this return -EBADMSG for anything malformed.
 */
#ifndef CORE_CBORREAD_H
#define CORE_CBORREAD_H

#include "core/bytes.h"
#include "core/cborhead.h"

struct cborr {
	const uint8_t *p, *end;
	bool bad;
};

/* Where the last key of a map was, to check the order of the next. */
struct cborr_keys {
	struct bytes last;
	uint64_t left;	/* pairs not yet read */
};

void cborr_init(struct cborr *r, struct bytes in);
/* 0, or -EBADMSG if anything failed or bytes are left over. */
int cborr_end(const struct cborr *r);
/* Mark the input as bad, for rules of the caller's; returns -EBADMSG. */
int cborr_fail(struct cborr *r);

/* Major type of the next item, or -EBADMSG at the end. */
int cborr_peek(const struct cborr *r);
bool cborr_peek_null(const struct cborr *r);

int cborr_uint(struct cborr *r, uint64_t *ret);
/* An unsigned integer of at most max. */
int cborr_uint_max(struct cborr *r, uint64_t max, uint64_t *ret);
int cborr_int(struct cborr *r, int64_t *ret);
/* Points into the input.  At most max bytes. */
int cborr_bytes(struct cborr *r, size_t max, struct bytes *ret);
int cborr_text(struct cborr *r, size_t max, struct bytes *ret);
/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
bool cborr_utf8(struct bytes s);
/* A byte string of exactly n bytes, copied. */
int cborr_fixed(struct cborr *r, uint8_t *ret, size_t n);
int cborr_hash(struct cborr *r, struct hash *ret);
int cborr_null(struct cborr *r);
int cborr_tag(struct cborr *r, uint64_t expect);
/* Exactly this text, e.g. a magic or label. */
int cborr_text_is(struct cborr *r, const char *expect);

/* An array of min..max items, then read them. */
int cborr_array(struct cborr *r, uint64_t min, uint64_t max, uint64_t *ret);
/* A map of at most max pairs; then cborr_key_*() before each value. */
int cborr_map(struct cborr *r, uint64_t max, struct cborr_keys *ret);
/* The next key, which must follow the last one in bytewise order of its
 * encoding.  Only call while keys->left > 0. */
int cborr_key_uint(struct cborr *r, struct cborr_keys *keys, uint64_t *ret);
int cborr_key_int(struct cborr *r, struct cborr_keys *keys, int64_t *ret);
int cborr_key_text(struct cborr *r, struct cborr_keys *keys, struct bytes *ret);
int cborr_key_bytes(struct cborr *r, struct cborr_keys *keys, struct bytes *ret);

/* Skip one whole, well-formed item (nesting <= 16); *ret is its encoding. */
int cborr_skip(struct cborr *r, struct bytes *ret);

#endif
