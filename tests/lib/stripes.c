#include "tests/lib/stripes.h"

#include <stdlib.h>
#include <string.h>

#include "tests/tap/tap.h"

static uint8_t *cells(size_t n)
{
	uint8_t *p = aligned_alloc(64, (n + 64) / 64 * 64);

	if (p == NULL)
		bail("no memory");
	memset(p, 0xa5, (n + 64) / 64 * 64); /* what nobody wrote shows */
	return p;
}

/* The cell of the stripe that begins at byte `at` of the object. */
static size_t cell_at(const struct stripes *s, uint64_t at)
{
	uint64_t left = s->length - at;

	if (left > (uint64_t)s->rows.k * s->cell)
		left = (uint64_t)s->rows.k * s->cell;
	return (size_t)rlnc_share_length(left, s->rows.k, s->cell);
}

static void encode_stripe(struct stripes *s, struct bytes object, uint64_t at,
	size_t share_at)
{
	size_t cell = cell_at(s, at), n = (size_t)(s->length - at);
	uint8_t *in[RLNC_K_MAX], *out[RLNC_N_MAX], *whole;
	unsigned i, k = s->rows.k;

	if (n > k * cell)
		n = k * cell;
	whole = cells(k * cell);
	memcpy(whole, object.p + at, n);
	memset(whole + n, 0, k * cell - n);
	for (i = 0; i < k; i++)
		in[i] = whole + i * cell;
	for (i = 0; i < s->rows.n; i++)
		out[i] = s->share[i] + share_at;
	rlnc_encode(k, s->rows.n, s->rows.row, (const uint8_t *const *)in, out,
		cell);
	free(whole);
}

void stripes_encode(struct stripes *s, struct bytes object, uint32_t cell)
{
	uint64_t at, stripe = (uint64_t)s->rows.k * cell;
	size_t share_at = 0;
	unsigned i;

	s->length = object.n;
	s->cell = cell;
	s->share_length = (size_t)rlnc_share_length(
		object.n, s->rows.k, cell);
	for (i = 0; i < s->rows.n; i++)
		s->share[i] = cells(s->share_length);
	for (at = 0; at < object.n; at += stripe) {
		encode_stripe(s, object, at, share_at);
		share_at += cell_at(s, at);
	}
}

struct bytes stripes_share(const struct stripes *s, unsigned i)
{
	return BYTES(s->share[i], s->share_length);
}

void stripes_mix(struct stripes *s, const unsigned *source,
	const uint8_t *weight)
{
	uint8_t mix[1][RLNC_K_MAX] = {{0}}, *row_in[RLNC_K_MAX], *row_out;
	const uint8_t *in[RLNC_K_MAX] = {0};
	unsigned j, k = s->rows.k, new = s->rows.n;
	uint8_t *out = cells(s->share_length);

	memcpy(mix[0], weight, k);
	row_out = cells(64);
	for (j = 0; j < k; j++) {
		in[j] = s->share[source[j]];
		row_in[j] = cells(64);
		memcpy(row_in[j], s->rows.row[source[j]], RLNC_K_MAX);
	}
	rlnc_encode(k, 1, mix, in, &out, s->share_length);
	rlnc_encode(k, 1, mix, (const uint8_t *const *)row_in, &row_out, 64);
	memcpy(s->rows.row[new], row_out, RLNC_K_MAX);
	s->share[new] = out;
	s->rows.n++;
	for (j = 0; j < k; j++)
		free(row_in[j]);
	free(row_out);
}

bool stripes_decode(const struct stripes *s, const unsigned *source,
	struct buf *ret)
{
	uint8_t rows[RLNC_K_MAX][RLNC_K_MAX], inverse[RLNC_K_MAX][RLNC_K_MAX];
	const uint8_t *in[RLNC_K_MAX] = {0};
	uint8_t *out[RLNC_K_MAX], *whole;
	uint64_t at, stripe = (uint64_t)s->rows.k * s->cell;
	size_t cell, share_at = 0, n;
	unsigned j, k = s->rows.k;

	for (j = 0; j < k; j++)
		memcpy(rows[j], s->rows.row[source[j]], RLNC_K_MAX);
	if (rlnc_invert(k, rows, inverse) != 0)
		return false;
	for (at = 0; at < s->length; at += stripe, share_at += cell) {
		cell = cell_at(s, at);
		whole = cells(k * cell);
		for (j = 0; j < k; j++) {
			in[j] = s->share[source[j]] + share_at;
			out[j] = whole + j * cell;
		}
		rlnc_encode(k, k, inverse, in, out, cell);
		n = s->length - at < k * cell ? (size_t)(s->length - at)
					      : k * cell;
		if (buf_add(ret, whole, n) != 0)
			bail("no memory");
		free(whole);
	}
	return true;
}

void stripes_free(struct stripes *s)
{
	unsigned i;

	for (i = 0; i < s->rows.n; i++)
		free(s->share[i]);
	*s = (struct stripes){0};
}
