#include "core/base64.h"

#include <errno.h>
#include <openssl/evp.h>

void base64_encode(struct bytes in, char *ret)
{
	EVP_EncodeBlock((unsigned char *)ret, in.p, (int)in.n);
}

/* 0..63, or 64 for what is no digit. */
static uint32_t value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return (uint32_t)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (uint32_t)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (uint32_t)(c - '0') + 52;
	return c == '+' ? 62 : c == '/' ? 63 : 64;
}

/* Padding at the end: 0, 1 or 2 characters. */
static size_t padding(struct bytes text)
{
	if (text.n == 0 || text.p[text.n - 1] != '=')
		return 0;
	return text.p[text.n - 2] == '=' ? 2 : 1;
}

int base64_check(struct bytes text, size_t *ret_n)
{
	size_t i, pad;
	uint32_t last = 0;

	if (text.n % 4 != 0)
		return -EBADMSG;
	pad = padding(text);
	for (i = 0; i < text.n - pad; i++) {
		last = value(text.p[i]);
		if (last > 63)
			return -EBADMSG;
	}
	/* two or four bits of the last digit stand for nothing */
	if ((pad == 1 && (last & 3) != 0) || (pad == 2 && (last & 15) != 0))
		return -EBADMSG;
	*ret_n = text.n / 4 * 3 - pad;
	return 0;
}

void base64_head(struct bytes text, uint8_t *ret, size_t n)
{
	size_t i, at, bit;
	uint32_t v;

	for (i = 0; i < n; i++) {
		at = i * 8 / 6;
		bit = i * 8 % 6;
		v = value(text.p[at]) << 6 | value(text.p[at + 1]);
		ret[i] = (uint8_t)(v >> (4 - bit));
	}
}

int base64_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n)
{
	size_t n;

	if (base64_check(text, &n) != 0 || n > max)
		return -EBADMSG;
	base64_head(text, ret, n);
	*ret_n = n;
	return 0;
}
