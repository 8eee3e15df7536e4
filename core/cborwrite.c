#include "core/cborwrite.h"

#include <cbor.h>
#include <errno.h>
#include <string.h>

#include "core/cborhead.h"

static void add(struct cborw *w, const void *p, size_t n)
{
	if (w->err == 0)
		w->err = buf_add(&w->out, p, n);
}

/* The head that a libcbor encoder wrote; 0 bytes would mean no room, which
 * cannot be: nine bytes take any head. */
static void add_head(struct cborw *w, const unsigned char *head, size_t size)
{
	if (size == 0 && w->err == 0)
		w->err = -EOVERFLOW;
	add(w, head, size);
}

#define ENCODE(w, encode, ...)                                                 \
	do {                                                                   \
		unsigned char head[CBOR_HEAD_MAX];                             \
		add_head(w, head, encode(__VA_ARGS__, head, sizeof(head)));    \
	} while (0)

void cborw_uint(struct cborw *w, uint64_t v)
{
	ENCODE(w, cbor_encode_uint, v);
}

void cborw_int(struct cborw *w, int64_t v)
{
	if (v >= 0)
		cborw_uint(w, (uint64_t)v);
	else
		ENCODE(w, cbor_encode_negint, (uint64_t) ~v);
}

void cborw_bytes(struct cborw *w, struct bytes v)
{
	ENCODE(w, cbor_encode_bytestring_start, v.n);
	add(w, v.p, v.n);
}

void cborw_hash(struct cborw *w, const struct hash *h)
{
	cborw_bytes(w, HASH_BYTES(h));
}

void cborw_text_n(struct cborw *w, struct bytes s)
{
	ENCODE(w, cbor_encode_string_start, s.n);
	add(w, s.p, s.n);
}

void cborw_text(struct cborw *w, const char *s)
{
	cborw_text_n(w, BYTES(s, strlen(s)));
}

void cborw_array(struct cborw *w, uint64_t n)
{
	ENCODE(w, cbor_encode_array_start, n);
}

void cborw_map(struct cborw *w, uint64_t n)
{
	ENCODE(w, cbor_encode_map_start, n);
}

void cborw_tag(struct cborw *w, uint64_t tag)
{
	ENCODE(w, cbor_encode_tag, tag);
}

void cborw_null(struct cborw *w)
{
	unsigned char head[CBOR_HEAD_MAX];

	add_head(w, head, cbor_encode_null(head, sizeof(head)));
}

void cborw_bool(struct cborw *w, bool v)
{
	ENCODE(w, cbor_encode_bool, v);
}

void cborw_raw(struct cborw *w, struct bytes item)
{
	add(w, item.p, item.n);
}

void cborw_free(struct cborw *w)
{
	buf_free(&w->out);
	w->err = 0;
}

int cborw_end(struct cborw *w, struct buf *ret)
{
	int rc = w->err;

	if (rc == 0)
		*ret = w->out; /* the caller has it */
	else
		buf_free(&w->out);
	*w = (struct cborw){0};
	return rc;
}
