/*
 * cborput: the few CBOR items that are written without libcbor.
 *
 * The enclave and the static verifier have no libcbor, and need to write just
 * their own short statements.  Everything else is written with cborwrite.h; a
 * test holds the two equal.
 *
 * The error is sticky: write all, then ask cborput_end() once.
 */
#ifndef CORE_CBORPUT_H
#define CORE_CBORPUT_H

#include <string.h>

#include "core/bytes.h"
#include "core/cborhead.h"

struct cborput {
	struct buf out;
	int err; /* 0 or the first negative errno */
};

static inline void cborput_raw(struct cborput *w, struct bytes v)
{
	if (w->err == 0)
		w->err = buf_add(&w->out, v.p, v.n);
}

static inline void cborput_head(
	struct cborput *w, enum cbor_major major, uint64_t v)
{
	uint8_t head[CBOR_HEAD_MAX];

	cborput_raw(w, BYTES(head, cbor_head(head, major, v)));
}

static inline void cborput_uint(struct cborput *w, uint64_t v)
{
	cborput_head(w, CBOR_UINT, v);
}

static inline void cborput_array(struct cborput *w, uint64_t n)
{
	cborput_head(w, CBOR_ARRAY, n);
}

static inline void cborput_bytes(struct cborput *w, struct bytes v)
{
	cborput_head(w, CBOR_BYTES, v.n);
	cborput_raw(w, v);
}

static inline void cborput_text(struct cborput *w, const char *s)
{
	size_t n = strlen(s);

	cborput_head(w, CBOR_TEXT, n);
	cborput_raw(w, BYTES(s, n));
}

static inline void cborput_null(struct cborput *w)
{
	static const uint8_t null = CBOR_NULL;

	cborput_raw(w, BYTES(&null, 1));
}

/* Hands the bytes to *ret, which must be empty, or frees them. */
static inline int cborput_end(struct cborput *w, struct buf *ret)
{
	int rc = w->err;

	if (rc == 0)
		*ret = w->out; /* the caller has it */
	else
		buf_free(&w->out);
	*w = (struct cborput){0};
	return rc;
}

#endif
