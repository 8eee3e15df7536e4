#include "backends/coded_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cleanup.h"
#include "core/hash.h"
#include "core/object.h"
#include "core/replica.h"

#define PIECE ((size_t)1 << 20)	/* bytes of META read at a time */

static uint64_t payload_at(const struct share_header *h)
{
	return SHARE_HEADER + h->meta_length;
}

int coded_read_header(struct worm *w, const char *key,
	const struct hash *hmeta, struct share_header *ret)
{
	uint8_t raw[SHARE_HEADER];
	struct share_header h;
	uint64_t size;
	int rc = w->ops->size(w, key, &size);

	if (rc != 0)
		return rc;
	if (size < SHARE_HEADER)
		return -EBADMSG;
	rc = w->ops->get(w, key, 0, raw, sizeof raw);
	if (rc == 0)
		rc = share_header_decode(raw, &h);
	if (rc != 0)
		return rc;
	if (!hash_equal(&h.hy, hmeta) || h.length > REPLICA_PAYLOAD_MAX ||
			h.meta_length > META_MAX || share_size(&h) != size)
		return -EBADMSG;
	*ret = h;
	return 0;
}

int coded_read_meta(struct worm *w, const char *key,
	const struct share_header *h)
{
	cleanup(free) uint8_t *piece = malloc(PIECE);
	struct hasher *sum = hasher_new(HASH_SHA3_256);
	uint64_t off = 0;
	struct hash got;
	size_t n;
	int rc = piece == NULL || sum == NULL ? -ENOMEM : 0;

	for (; rc == 0 && off < h->meta_length; off += n) {
		n = h->meta_length - off < PIECE ? (size_t)(h->meta_length - off)
			: PIECE;
		rc = w->ops->get(w, key, SHARE_HEADER + off, piece, n);
		if (rc == 0)
			hasher_add(sum, BYTES(piece, n));
	}
	if (rc == 0) {
		got = hasher_end(sum);
		rc = hash_equal(&got, &h->hy) ? 0 : -EBADMSG;
	}
	hasher_free(sum);
	return rc;
}

static bool cell_good(const struct coded_share *s, const uint8_t *sums,
	size_t at)
{
	struct bytes cell = BYTES(s->payload + at * s->h.cell,
		coded_cell_bytes(&s->h, at));
	uint32_t sum;

	memcpy(&sum, sums + 4 * at, sizeof sum);
	return share_crc32c(0, cell) == be32toh(sum);
}

/* What a disk will not give is as good as damaged; the rest of it is not. */
static int read_payload(struct coded_share *s, struct worm *w, const char *key)
{
	size_t at, n = coded_stripes(&s->h);
	uint64_t off = payload_at(&s->h);
	int rc;

	rc = w->ops->get(w, key, off, s->payload,
		(size_t)s->h.payload_length);
	if (rc != -EIO)
		return rc;
	for (at = 0; at < n; at++) {
		rc = w->ops->get(w, key, off + at * s->h.cell,
			s->payload + at * s->h.cell,
			coded_cell_bytes(&s->h, at));
		if (rc == -EIO)
			s->damaged[at] = 1;
		else if (rc != 0)
			return rc;
	}
	return 0;
}

int coded_read_cells(struct coded_share *s, struct worm *w, const char *key)
{
	size_t at, n = coded_stripes(&s->h);
	cleanup(free) uint8_t *sums = malloc(4 * n + 1);
	int rc;

	free(s->payload); /* of an attempt that failed */
	free(s->damaged);
	s->n_damaged = 0;
	s->payload = aligned_alloc(CODED_ALIGN,
		(size_t)s->h.payload_length + CODED_ALIGN);
	s->damaged = calloc(n + 1, 1);
	if (sums == NULL || s->payload == NULL || s->damaged == NULL)
		return -ENOMEM;
	rc = read_payload(s, w, key);
	if (rc == 0)
		rc = w->ops->get(w, key, payload_at(&s->h) +
			s->h.payload_length, sums, 4 * n);
	if (rc != 0)
		return rc;
	for (at = 0; at < n; at++) {
		if (!s->damaged[at] && !cell_good(s, sums, at))
			s->damaged[at] = 1;
		s->n_damaged += s->damaged[at];
	}
	s->fetched = true;
	return s->n_damaged > 0 ? -EBADMSG : 0;
}

void coded_share_done(struct coded_share *s)
{
	free(s->payload);
	free(s->damaged);
}
