#include "backends/coded_join.h"

#include <errno.h>
#include <string.h>

#include "backends/rlnc.h"

struct recipe {
	unsigned share[RLNC_K_MAX];	/* where the cells come from */
	uint8_t inverse[RLNC_K_MAX][RLNC_K_MAX];
	bool known;
};

/* The first k shares of `order` whose cell of the stripe is whole. */
static int choose(const struct coded_join *j, const unsigned *order,
	size_t stripe, struct recipe *r)
{
	unsigned pick[RLNC_K_MAX], i, n = 0, k = j->geometry.k;
	uint8_t rows[RLNC_K_MAX][RLNC_K_MAX];

	for (i = 0; i < j->n_order && n < k; i++)
		if (!j->share[order[i]].damaged[stripe])
			pick[n++] = order[i];
	if (n < k)
		return -ENODATA;
	if (r->known && memcmp(pick, r->share, k * sizeof *pick) == 0)
		return 0;
	for (i = 0; i < k; i++)
		memcpy(rows[i], j->share[pick[i]].h.row, RLNC_K_MAX);
	r->known = false;
	if (rlnc_invert(k, (const uint8_t (*)[RLNC_K_MAX])rows,
			r->inverse) != 0)
		return -ENODATA; /* dependent: they tell less than k cells */
	memcpy(r->share, pick, k * sizeof *pick);
	r->known = true;
	return 0;
}

static void decode_stripe(struct coded_join *j, size_t stripe,
	const struct recipe *r)
{
	const struct share_header *h = &j->geometry;
	size_t cell = coded_cell_bytes(h, stripe);
	const uint8_t *in[RLNC_K_MAX];
	uint8_t *out[RLNC_K_MAX];
	unsigned i;

	for (i = 0; i < h->k; i++) {
		in[i] = j->share[r->share[i]].payload + stripe * h->cell;
		out[i] = j->payload + stripe * coded_stripe_bytes(h) + i * cell;
	}
	rlnc_encode(h->k, h->k, (const uint8_t (*)[RLNC_K_MAX])r->inverse, in,
		out, cell);
}

int coded_join_order(struct coded_join *j, const unsigned *order)
{
	size_t stripe, n = coded_stripes(&j->geometry);
	struct recipe r = {.known = false};
	uint64_t whole = j->geometry.payload_length * j->geometry.k;
	int rc;

	if (j->n_order < j->geometry.k)
		return -ENODATA;
	for (stripe = 0; stripe < n; stripe++) {
		rc = choose(j, order, stripe, &r);
		if (rc != 0)
			return rc;
		decode_stripe(j, stripe, &r);
	}
	j->complete = true;
	/* What the padding decodes to is nobody's word: it is zeros. */
	memset(j->payload + j->geometry.length, 0,
		(size_t)(whole - j->geometry.length));
	return j->accept(j->ctx, BYTES(j->payload, (size_t)j->geometry.length))
		? 0 : -EBADMSG;
}

/* Moves to the next k positions of n in lexicographic order. */
static bool next_subset(unsigned *at, unsigned k, unsigned n)
{
	unsigned i = k, j;

	while (i > 0 && at[i - 1] == n - k + i - 1)
		i--;
	if (i == 0)
		return false;
	at[i - 1]++;
	for (j = i; j < k; j++)
		at[j] = at[j - 1] + 1;
	return true;
}

int coded_join_all(struct coded_join *j)
{
	unsigned at[RLNC_K_MAX], order[REPLICA_MAX], i, n, k = j->geometry.k;
	uint32_t used;
	int rc;

	if (j->n_order < k)
		return -ENODATA;
	for (i = 0; i < k; i++)
		at[i] = i;
	do {
		used = 0;
		for (n = 0; n < k; n++) {
			order[n] = j->order[at[n]];
			used |= 1u << at[n];
		}
		for (i = 0; i < j->n_order; i++)
			if ((used >> i & 1) == 0)
				order[n++] = j->order[i];
		rc = coded_join_order(j, order);
	} while (rc != 0 && next_subset(at, k, j->n_order));
	return rc;
}
