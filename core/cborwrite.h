/*
 * cborwrite: deterministic CBOR through libcbor's streaming encoders.
 *
 * The error is sticky: write all, then ask cborw_end() once.  The caller
 * writes map keys in bytewise order of their encodings; cborw_end() does not
 * check that (tests read everything back with the strict reader).
 */
#ifndef CORE_CBORWRITE_H
#define CORE_CBORWRITE_H

#include "core/bytes.h"

struct cborw {
	struct buf out;
	int err;	/* 0 or the first negative errno */
};

void cborw_uint(struct cborw *w, uint64_t v);
void cborw_int(struct cborw *w, int64_t v);
void cborw_bytes(struct cborw *w, struct bytes v);
void cborw_hash(struct cborw *w, const struct hash *h);
void cborw_text(struct cborw *w, const char *s);
void cborw_text_n(struct cborw *w, struct bytes s); /* must be UTF-8 */
void cborw_array(struct cborw *w, uint64_t n);
void cborw_map(struct cborw *w, uint64_t n);
void cborw_tag(struct cborw *w, uint64_t tag);
void cborw_null(struct cborw *w);
void cborw_bool(struct cborw *w, bool v);
/* Bytes that are an encoded item already. */
void cborw_raw(struct cborw *w, struct bytes item);
/* Hands the bytes to *ret (which must be empty), or frees them and returns
 * the first error.  w is empty again afterwards. */
int cborw_end(struct cborw *w, struct buf *ret);
void cborw_free(struct cborw *w);

#endif
