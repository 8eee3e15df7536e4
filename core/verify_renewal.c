/*
 * Renewal under another hash (RFC 4998's idea, not its syntax).
 *
 * Before a hash is broken, a record of the same chain names the digest of the
 * file and of the file's whole certificate under another one.  The
 * certificate of that record holds the old one (key 14), and is judged from
 * the innermost outward: each layer has to hold by itself, and to name the one
 * in it.  So what the old one says stays proved by what the new one rests on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/digest.h"
#include "core/hash.h"
#include "core/verify_impl.h"

#define CHAIN_STRENGTH 128 /* bits, of SHA3-256 */

/* Of the layer below. */
struct below {
	struct bytes raw;
	uint64_t height, index;
	unsigned strength;
};

/* Is it a record of the renewal of just this file's record? */
static bool about(const struct report *file, const struct report *layer)
{
	const struct record *d = &layer->record;
	struct hash dh = hash_sha3(file->cert.d);

	return d->kind == RECORD_RENEWAL && hash_equal(&d->about, &dh) &&
	       bytes_equal(d->path, file->record.path) &&
	       hash_equal(&layer->cert.chain, &file->cert.chain) &&
	       file->cert.range.to == 0;
}

static enum verdict check_layer(const struct report *file,
	const struct report *layer, const struct below *b)
{
	const struct record *d = &layer->record;
	uint8_t value[DIGEST_MAX];
	unsigned strength;
	size_t n;

	if (!about(file, layer))
		return V_RENEWAL_RECORD;
	strength = digest_strength(d->algorithm);
	if (strength == 0 ||
		!params_names_digest(&layer->params, d->algorithm))
		return V_RENEWAL_ALGORITHM;
	if (strength < b->strength)
		return V_RENEWAL_WEAKER;
	n = digest_of(d->algorithm, b->raw, value);
	if (n == 0)
		return V_NO_MEMORY;
	if (!bytes_equal(BYTES(value, n), d->old_certificate))
		return V_RENEWAL_CERTIFICATE;
	if (layer->height < b->height ||
		(layer->height == b->height && layer->cert.index <= b->index))
		return V_RENEWAL_ORDER;
	return V_VALID;
}

static bool holds(const struct report *r)
{
	return r->verdict == V_VALID || r->verdict == V_NO_ANCHOR;
}

/* A renewal names the certificate with the number in it, so by its time the
 * block had that, if nothing has shown it before. */
static void add_final(const struct report *layer, struct report *file)
{
	if (file->final != 0)
		return;
	file->final = layer->by;
	file->final_ms = layer->by_ms;
	file->clock_backwards = file->clock_backwards ||
		layer->by_ms < file->by_ms;
}

static void add(const struct report *layer, struct report *file)
{
	file->renewal[file->n_renewals++] = (struct report_renewal){
		layer->record.algorithm, layer->record.file_digest,
		layer->by_ms};
	add_final(layer, file);
}

static int add_layer(struct verify_cache *cache, struct bytes raw,
	const struct hash *anchor, struct below *b, struct report *file)
{
	struct report *layer = calloc(1, sizeof(*layer));
	enum verdict v;

	if (layer == NULL)
		return -ENOMEM;
	if (verify_layer(cache, raw, anchor, layer) != 0) {
		free(layer);
		return -ENOMEM;
	}
	v = holds(layer) ? check_layer(file, layer, b) : layer->verdict;
	if (v != V_VALID)
		file->verdict = v;
	else
		add(layer, file);
	*b = (struct below){raw, layer->height, layer->cert.index,
		digest_strength(layer->record.algorithm)};
	free(layer);
	return v == V_NO_MEMORY ? -ENOMEM : 0;
}

/* The layers, outermost first.  What cannot be read is the innermost. */
static int peel(struct bytes cert, struct bytes layer[VERIFY_RENEWALS + 1],
	size_t *ret_n)
{
	struct certificate *c = malloc(sizeof(*c));
	bool more = true;
	size_t n = 0;

	if (c == NULL)
		return -ENOMEM;
	while (more && n <= VERIFY_RENEWALS) {
		layer[n++] = cert;
		more = certificate_decode(cert, c) == 0 && c->old.n > 0;
		if (more)
			cert = c->old;
	}
	*ret_n = more ? 0 : n;
	free(c);
	return 0;
}

int verify_begin(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, struct report *ret)
{
	struct bytes layer[VERIFY_RENEWALS + 1];
	struct below b = {.strength = CHAIN_STRENGTH};
	size_t n;
	int rc = peel(cert, layer, &n);

	if (rc != 0)
		return rc;
	if (n == 0) { /* one in another, deeper than anybody renews */
		*ret = (struct report){.verdict = V_MALFORMED};
		return 0;
	}
	rc = verify_layer(cache, layer[--n], anchor, ret);
	b.raw = layer[n];
	b.height = ret->height;
	b.index = ret->cert.index;
	while (rc == 0 && n-- > 0 && holds(ret))
		rc = add_layer(cache, layer[n], anchor, &b, ret);
	return rc;
}

enum verdict verify_renewed(const struct report *r, const struct content *c)
{
	size_t i, j;

	for (i = 0; i < r->n_renewals; i++) {
		const struct report_renewal *w = &r->renewal[i];

		for (j = 0; j < c->n_other; j++)
			if (bytes_equal(c->other[j].name, w->algorithm))
				break;
		if (j == c->n_other)
			return V_UNSUPPORTED; /* the caller cannot */
		if (!bytes_equal(BYTES(c->other[j].value, c->other[j].n),
			    w->file))
			return V_DIGEST;
	}
	return V_VALID;
}
