#include "core/der.h"

#include <errno.h>

#define CONSTRUCTED 0x20U
#define CLASS 0xc0U /* 0 universal */

enum { BOOLEAN = 1, INTEGER, BIT_STRING, NUL = 5, OID, ENUMERATED = 10,
	UTF8 = 12, SEQUENCE = 16, SET, NUMERIC, PRINTABLE, T61, IA5 = 22,
	UTC, GENERALIZED, VISIBLE = 26, UNIVERSAL = 28, BMP = 30 };

/* Bytes of the length, 0 if it is not the shortest one. */
static size_t length(struct bytes in, size_t *ret)
{
	size_t n, i, v = 0;

	if (in.n == 0)
		return 0;
	if (in.p[0] < 0x80) {
		*ret = in.p[0];
		return 1;
	}
	n = in.p[0] & 0x7fU;
	if (n == 0 || n > 3 || n >= in.n || in.p[1] == 0)
		return 0;
	for (i = 1; i <= n; i++)
		v = v << 8 | in.p[i];
	if (v < 0x80)
		return 0;
	*ret = v;
	return n + 1;
}

int der_next(struct bytes *rest, uint8_t *ret_tag, struct bytes *ret_content,
	struct bytes *ret_whole)
{
	struct bytes in = *rest;
	size_t n = 0, head;

	if (in.n < 2 || (in.p[0] & 0x1fU) == 0x1f)
		return -EBADMSG;
	head = length(BYTES(in.p + 1, in.n - 1), &n);
	if (head == 0 || n > in.n - 1 - head)
		return -EBADMSG;
	head++;
	*ret_tag = in.p[0];
	*ret_content = BYTES(in.p + head, n);
	*ret_whole = BYTES(in.p, head + n);
	*rest = BYTES(in.p + head + n, in.n - head - n);
	return 0;
}

static bool integer_ok(struct bytes v)
{
	if (v.n < 2)
		return v.n == 1;
	return !(v.p[0] == 0x00 && v.p[1] < 0x80) &&
	       !(v.p[0] == 0xff && v.p[1] >= 0x80);
}

static bool bits_ok(struct bytes v)
{
	if (v.n == 0 || v.p[0] > 7 || (v.n == 1 && v.p[0] != 0))
		return false;
	return v.n == 1 || (v.p[v.n - 1] & ((1U << v.p[0]) - 1)) == 0;
}

static bool oid_ok(struct bytes v)
{
	bool first = true;
	size_t i;

	for (i = 0; i < v.n; i++) {
		if (first && v.p[i] == 0x80)
			return false;
		first = v.p[i] < 0x80;
	}
	return v.n > 0 && first;
}

static bool primitive_ok(unsigned number, struct bytes v)
{
	switch (number) {
	case BOOLEAN:
		return v.n == 1 && (v.p[0] == 0 || v.p[0] == 0xff);
	case INTEGER:
	case ENUMERATED:
		return integer_ok(v);
	case BIT_STRING:
		return bits_ok(v);
	case NUL:
		return v.n == 0;
	case OID:
		return oid_ok(v);
	case BIT_STRING + 1: /* OCTET STRING */
	case UTF8:
	case NUMERIC:
	case PRINTABLE:
	case T61:
	case IA5:
	case UTC:
	case GENERALIZED:
	case VISIBLE:
	case UNIVERSAL:
	case BMP:
		return true;
	default:
		return false;
	}
}

static int check(struct bytes in, unsigned depth)
{
	struct bytes content, whole;
	uint8_t tag;
	unsigned number;

	while (in.n > 0) {
		if (depth > DER_DEPTH ||
			der_next(&in, &tag, &content, &whole) != 0)
			return -EBADMSG;
		number = tag & 0x1fU;
		if ((tag & CLASS) == 0 && (tag & CONSTRUCTED) != 0 &&
			number != SEQUENCE && number != SET)
			return -EBADMSG;
		if ((tag & CLASS) == 0 && (tag & CONSTRUCTED) == 0 &&
			!primitive_ok(number, content))
			return -EBADMSG;
		if ((tag & CONSTRUCTED) != 0 && check(content, depth + 1) != 0)
			return -EBADMSG;
	}
	return 0;
}

int der_check(struct bytes in)
{
	struct bytes rest = in, content, whole;
	uint8_t tag;

	if (der_next(&rest, &tag, &content, &whole) != 0 || rest.n != 0)
		return -EBADMSG;
	return check(in, 0);
}
