/*
 * coded_read: one share of an object, as it lies in a bucket.
 *
 * Nothing in it is believed: the header must fit the object's name and length,
 * check-sums tell which cells were damaged, and META is what its hash says.
 */
#ifndef BACKENDS_CODED_READ_H
#define BACKENDS_CODED_READ_H

#include "backends/share.h"
#include "core/worm.h"

#define CODED_ALIGN 64	/* bytes; what rlnc.h wants of cells */

struct coded_share {
	struct share_header h;
	bool present;		/* its header is good */
	bool fetched;
	uint8_t *payload;	/* when fetched */
	uint8_t *damaged;	/* of each cell, whether its sum is wrong */
	unsigned n_damaged;
};

/* The header of the object of that name; -EBADMSG if it is none, or the object
 * is not as long as it says. */
int coded_read_header(struct worm *w, const char *key,
	const struct hash *hmeta, struct share_header *ret);
/* Is the META in clear the one that the key names?  In bounded memory;
 * -EBADMSG. */
int coded_read_meta(struct worm *w, const char *key,
	const struct share_header *h);
/* The cells of a share that is present.  -EBADMSG when some are damaged: the
 * others can be used.  What it allocates is freed by coded_share_done(). */
int coded_read_cells(struct coded_share *s, struct worm *w, const char *key);
void coded_share_done(struct coded_share *s);

/* -- geometry; of shares that agree in it, each says the same */

static inline size_t coded_stripe_bytes(const struct share_header *h)
{
	return (size_t)h->k * h->cell;
}

static inline size_t coded_stripes(const struct share_header *h)
{
	return (size_t)((h->length + coded_stripe_bytes(h) - 1) /
		coded_stripe_bytes(h));
}

/* Bytes of a cell of stripe s: only the last may be short. */
static inline size_t coded_cell_bytes(const struct share_header *h, size_t s)
{
	uint64_t off = (uint64_t)s * h->cell;

	return h->payload_length - off < h->cell
		? (size_t)(h->payload_length - off) : h->cell;
}

static inline bool coded_same_geometry(const struct share_header *a,
	const struct share_header *b)
{
	return a->k == b->k && a->cell == b->cell && a->length == b->length;
}

#endif
