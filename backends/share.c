#include "backends/share.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#ifdef __x86_64__
#include <nmmintrin.h>
#endif

#define VERSION 1
#define W 8
#define CRC_AT 124
#define ROW_AT 72
#define ZERO_AT 88

static const uint8_t magic[4] = {'N', 'F', 'S', 'H'};

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;
	size_t i;

	for (i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static bool consistent(const struct share_header *h)
{
	return h->k >= 1 && h->k <= h->n && h->n <= RLNC_N_MAX &&
		h->cell >= 64 && h->cell <= RLNC_CELL_MAX &&
		h->cell % 64 == 0 && h->length <= SHARE_LENGTH_MAX &&
		h->meta_length <= SHARE_LENGTH_MAX &&
		h->payload_length ==
			rlnc_share_length(h->length, h->k, h->cell) &&
		!all_zero(h->row, h->k) &&
		all_zero(h->row + h->k, RLNC_K_MAX - h->k);
}

void share_header_encode(const struct share_header *h,
	uint8_t ret[SHARE_HEADER])
{
	assert(consistent(h));
	memset(ret, 0, SHARE_HEADER);
	memcpy(ret, magic, sizeof(magic));
	ret[4] = VERSION;
	ret[5] = W;
	ret[6] = h->k;
	ret[7] = h->n;
	put_be(ret + 8, h->index, 2);
	put_be(ret + 12, h->cell, 4);
	put_be(ret + 16, h->length, 8);
	put_be(ret + 24, h->meta_length, 8);
	put_be(ret + 32, h->payload_length, 8);
	memcpy(ret + 40, h->hy.b, HASH_LEN);
	memcpy(ret + ROW_AT, h->row, RLNC_K_MAX);
	put_be(ret + CRC_AT, share_crc32c(0, BYTES(ret, CRC_AT)), 4);
}

int share_header_decode(const uint8_t in[SHARE_HEADER],
	struct share_header *ret)
{
	struct share_header h = {
		.k = in[6],
		.n = in[7],
		.index = (uint16_t)get_be(in + 8, 2),
		.cell = (uint32_t)get_be(in + 12, 4),
		.length = get_be(in + 16, 8),
		.meta_length = get_be(in + 24, 8),
		.payload_length = get_be(in + 32, 8),
	};

	if (get_be(in + CRC_AT, 4) != share_crc32c(0, BYTES(in, CRC_AT)) ||
		memcmp(in, magic, sizeof(magic)) != 0 || in[4] != VERSION ||
		in[5] != W || !all_zero(in + 10, 2) ||
		!all_zero(in + ZERO_AT, CRC_AT - ZERO_AT))
		return -EBADMSG;
	memcpy(h.hy.b, in + 40, HASH_LEN);
	memcpy(h.row, in + ROW_AT, RLNC_K_MAX);
	if (!consistent(&h))
		return -EBADMSG;
	*ret = h;
	return 0;
}

uint64_t share_size(const struct share_header *h)
{
	uint64_t cells = (h->payload_length + h->cell - 1) / h->cell;

	return SHARE_HEADER + h->meta_length + h->payload_length + 4 * cells;
}

static uint32_t crc_table[256];

static void crc_table_make(void)
{
	uint32_t c, i;
	int bit;

	for (i = 0; i < 256; i++) {
		for (c = i, bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0x82f63b78 : 0);
		crc_table[i] = c;
	}
}

static uint32_t crc_plain(uint32_t c, const uint8_t *p, size_t n)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t i;

	pthread_once(&once, crc_table_make);
	for (i = 0; i < n; i++)
		c = c >> 8 ^ crc_table[(c ^ p[i]) & 255];
	return c;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t crc_sse42(
	uint32_t c, const uint8_t *p, size_t n)
{
	uint64_t wide = c, word;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&word, p, 8);
		wide = _mm_crc32_u64(wide, word);
	}
	for (c = (uint32_t)wide; n > 0; p++, n--)
		c = _mm_crc32_u8(c, *p);
	return c;
}
#endif

uint32_t share_crc32c(uint32_t crc, struct bytes data)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_sse42(~crc, data.p, data.n);
#endif
	return ~crc_plain(~crc, data.p, data.n);
}
