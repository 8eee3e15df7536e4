#include "core/cborread.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 16

void cborr_init(struct cborr *r, struct bytes in)
{
	r->p = in.p;
	r->end = in.p == NULL ? in.p : in.p + in.n;
	r->bad = in.p == NULL && in.n != 0;
}

int cborr_fail(struct cborr *r)
{
	r->bad = true;
	return -EBADMSG;
}

int cborr_end(const struct cborr *r)
{
	return r->bad || r->p != r->end ? -EBADMSG : 0;
}

static size_t left(const struct cborr *r)
{
	return (size_t)(r->end - r->p);
}

int cborr_peek(const struct cborr *r)
{
	return r->bad || left(r) == 0 ? -EBADMSG : *r->p >> 5;
}

bool cborr_peek_null(const struct cborr *r)
{
	return !r->bad && left(r) > 0 && *r->p == CBOR_NULL;
}

/* One head of the given major type, shortest form only. */
static int head(struct cborr *r, enum cbor_major major, uint64_t *ret)
{
	unsigned info, w, i;
	uint64_t v = 0;

	if (cborr_peek(r) != (int)major)
		return cborr_fail(r);
	info = *r->p & 31;
	if (info < 24) {
		r->p++;
		*ret = info;
		return 0;
	}
	if (info > 27)
		return cborr_fail(r);
	w = 1U << (info - 24);
	if (left(r) < 1 + w)
		return cborr_fail(r);
	for (i = 1; i <= w; i++)
		v = v << 8 | r->p[i];
	if (v < (w == 1 ? 24 : UINT64_C(1) << (4 * w)))
		return cborr_fail(r); /* would fit a shorter head */
	r->p += 1 + w;
	*ret = v;
	return 0;
}

int cborr_uint(struct cborr *r, uint64_t *ret)
{
	return head(r, CBOR_UINT, ret);
}

int cborr_uint_max(struct cborr *r, uint64_t max, uint64_t *ret)
{
	uint64_t v;

	if (head(r, CBOR_UINT, &v) != 0 || v > max)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

int cborr_int(struct cborr *r, int64_t *ret)
{
	uint64_t v;
	int major = cborr_peek(r);

	if (major != CBOR_UINT && major != CBOR_NINT)
		return cborr_fail(r);
	if (head(r, (enum cbor_major)major, &v) != 0 || v > INT64_MAX)
		return cborr_fail(r);
	*ret = major == CBOR_UINT ? (int64_t)v : ~(int64_t)v;
	return 0;
}

static int run(struct cborr *r, enum cbor_major major, size_t max,
	struct bytes *ret)
{
	uint64_t n;

	if (head(r, major, &n) != 0 || n > max || n > left(r))
		return cborr_fail(r);
	*ret = BYTES(r->p, (size_t)n);
	r->p += n;
	return 0;
}

int cborr_bytes(struct cborr *r, size_t max, struct bytes *ret)
{
	return run(r, CBOR_BYTES, max, ret);
}

bool cborr_utf8(struct bytes s)
{
	uint32_t c;
	size_t n;

	for (; s.n > 0; s = BYTES(s.p + n, s.n - n)) {
		n = bytes_utf8(s, &c);
		if (n == 0)
			return false;
	}
	return true;
}

int cborr_text(struct cborr *r, size_t max, struct bytes *ret)
{
	struct bytes s;

	if (run(r, CBOR_TEXT, max, &s) != 0 || !cborr_utf8(s))
		return cborr_fail(r);
	*ret = s;
	return 0;
}

int cborr_text_is(struct cborr *r, const char *expect)
{
	struct bytes s;
	size_t n = strlen(expect);

	if (cborr_text(r, n, &s) != 0 || !bytes_equal(s, BYTES(expect, n)))
		return cborr_fail(r);
	return 0;
}

int cborr_fixed(struct cborr *r, uint8_t *ret, size_t n)
{
	struct bytes v;

	if (cborr_bytes(r, n, &v) != 0 || v.n != n)
		return cborr_fail(r);
	memcpy(ret, v.p, n);
	return 0;
}

int cborr_hash(struct cborr *r, struct hash *ret)
{
	return cborr_fixed(r, ret->b, HASH_LEN);
}

int cborr_null(struct cborr *r)
{
	if (!cborr_peek_null(r))
		return cborr_fail(r);
	r->p++;
	return 0;
}

int cborr_tag(struct cborr *r, uint64_t expect)
{
	uint64_t v;

	if (head(r, CBOR_TAG, &v) != 0 || v != expect)
		return cborr_fail(r);
	return 0;
}

int cborr_array(struct cborr *r, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	/* every item takes a byte at least */
	if (head(r, CBOR_ARRAY, &n) != 0 || n < min || n > max || n > left(r))
		return cborr_fail(r);
	*ret = n;
	return 0;
}

int cborr_map(struct cborr *r, uint64_t max, struct cborr_keys *ret)
{
	uint64_t n;

	if (head(r, CBOR_MAP, &n) != 0 || n > max || n > left(r) / 2)
		return cborr_fail(r);
	*ret = (struct cborr_keys){.left = n};
	return 0;
}

/* The key just read began at `start`; it must sort after the one before. */
static int key_order(struct cborr *r, struct cborr_keys *k, const uint8_t *start)
{
	struct bytes now = BYTES(start, (size_t)(r->p - start));
	size_t n = now.n < k->last.n ? now.n : k->last.n;
	int c;

	if (r->bad || k->left == 0)
		return cborr_fail(r);
	if (k->last.p != NULL) {
		c = memcmp(k->last.p, now.p, n);
		if (c > 0 || (c == 0 && k->last.n >= now.n))
			return cborr_fail(r);
	}
	k->last = now;
	k->left--;
	return 0;
}

int cborr_key_uint(struct cborr *r, struct cborr_keys *k, uint64_t *ret)
{
	const uint8_t *start = r->p;
	uint64_t v;

	if (cborr_uint(r, &v) != 0 || key_order(r, k, start) != 0)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

int cborr_key_int(struct cborr *r, struct cborr_keys *k, int64_t *ret)
{
	const uint8_t *start = r->p;
	int64_t v;

	if (cborr_int(r, &v) != 0 || key_order(r, k, start) != 0)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

int cborr_key_text(struct cborr *r, struct cborr_keys *k, struct bytes *ret)
{
	const uint8_t *start = r->p;
	struct bytes v;

	if (cborr_text(r, SIZE_MAX, &v) != 0 || key_order(r, k, start) != 0)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

int cborr_key_bytes(struct cborr *r, struct cborr_keys *k, struct bytes *ret)
{
	const uint8_t *start = r->p;
	struct bytes v;

	if (cborr_bytes(r, SIZE_MAX, &v) != 0 || key_order(r, k, start) != 0)
		return cborr_fail(r);
	*ret = v;
	return 0;
}

static int skip(struct cborr *r, int depth);

static int skip_map(struct cborr *r, int depth)
{
	struct cborr_keys k;
	const uint8_t *start;

	if (cborr_map(r, UINT64_MAX, &k) != 0)
		return cborr_fail(r);
	while (k.left > 0) {
		start = r->p;
		if (skip(r, depth) != 0 || key_order(r, &k, start) != 0 ||
			skip(r, depth) != 0)
			return cborr_fail(r);
	}
	return 0;
}

static int skip_array(struct cborr *r, int depth)
{
	uint64_t n;

	if (cborr_array(r, 0, UINT64_MAX, &n) != 0)
		return cborr_fail(r);
	for (; n > 0; n--)
		if (skip(r, depth) != 0)
			return cborr_fail(r);
	return 0;
}

static int skip(struct cborr *r, int depth)
{
	struct bytes v;
	uint64_t n;

	if (depth >= DEPTH_MAX)
		return cborr_fail(r);
	switch (cborr_peek(r)) {
	case CBOR_UINT:
		return cborr_uint(r, &n);
	case CBOR_NINT:
		return head(r, CBOR_NINT, &n);
	case CBOR_BYTES:
		return cborr_bytes(r, SIZE_MAX, &v);
	case CBOR_TEXT:
		return cborr_text(r, SIZE_MAX, &v);
	case CBOR_ARRAY:
		return skip_array(r, depth + 1);
	case CBOR_MAP:
		return skip_map(r, depth + 1);
	case CBOR_TAG:
		return head(r, CBOR_TAG, &n) != 0 ? cborr_fail(r)
						  : skip(r, depth + 1);
	case CBOR_SIMPLE:
		if (*r->p < 0xf4 || *r->p > CBOR_NULL)
			return cborr_fail(r);
		r->p++; /* false, true, null */
		return 0;
	default:
		return cborr_fail(r);
	}
}

int cborr_skip(struct cborr *r, struct bytes *ret)
{
	const uint8_t *start = r->p;

	if (skip(r, 0) != 0)
		return cborr_fail(r);
	*ret = BYTES(start, (size_t)(r->p - start));
	return 0;
}
