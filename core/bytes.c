#include "core/bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"

int buf_reserve(struct buf *b, size_t more)
{
	size_t need, cap;
	uint8_t *p;

	if (__builtin_add_overflow(b->n, more, &need))
		return -E2BIG;
	if (need <= b->cap)
		return 0;
	cap = b->cap < 64 ? 64 : b->cap;
	while (cap < need) {
		if (__builtin_mul_overflow(cap, 2, &cap))
			return -E2BIG;
	}
	p = realloc(b->p, cap);
	if (p == NULL) {
		memory_failed();
		return -ENOMEM;
	}
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n)
{
	int rc = buf_reserve(b, n);

	if (rc != 0)
		return rc;
	if (n > 0)
		memcpy(b->p + b->n, p, n);
	b->n += n;
	return 0;
}

int buf_copy(struct bytes v, struct buf *ret)
{
	struct buf b = {0};
	int rc = buf_add(&b, v.p, v.n);

	if (rc == 0)
		*ret = b;
	return rc;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->b, b->b, HASH_LEN) == 0;
}

bool hash_is_zero(const struct hash *h)
{
	static const struct hash zero;

	return hash_equal(h, &zero);
}

size_t bytes_utf8(struct bytes s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t c = s.n > 0 ? s.p[0] : 0xff;
	size_t i, n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0x80 ? 2 : 1;
	uint32_t v = n == 1 ? c : c & (0x7fU >> n);

	if ((n > 1 && (c < 0xc2 || c > 0xf4)) || n > s.n)
		return 0;
	for (i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (s.p[i] & 0x3fU);
	}
	if (v < least[n] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 0;
	*ret = v;
	return n;
}

void hex_encode(struct bytes v, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < v.n; i++) {
		ret[2 * i] = digits[v.p[i] >> 4];
		ret[2 * i + 1] = digits[v.p[i] & 15];
	}
	ret[2 * v.n] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(const char *s, uint8_t *ret, size_t n)
{
	size_t i;

	if (strlen(s) != 2 * n)
		return -EINVAL;
	for (i = 0; i < 2 * n; i++)
		if (hex_digit(s[i]) < 0)
			return -EINVAL;
	for (i = 0; i < n; i++)
		ret[i] = (uint8_t)(hex_digit(s[2 * i]) << 4 |
			hex_digit(s[2 * i + 1]));
	return 0;
}
