#include "core/verify_impl.h"

#include <string.h>

#include "core/hash.h"
#include "core/timestamp.h"

/* -- upper timestamp, link, lower timestamp */

static enum verdict check_times(const struct verify_parts *p, struct evidence *e)
{
	const struct certificate *c = p->cert;
	struct hash ht = timestamp_hash(c->t_lower);
	struct timestamp t;
	enum verdict v;

	v = timestamp_validate(
		p->params, c->t_upper_type, c->t_upper, c->b, &t);
	if (v != V_VALID)
		return v;
	e->by_ms = t.p_ms;
	e->by = t.signers;
	if (!hash_equal(&ht, &p->b.th))
		return V_LINK;
	/* over the parent, which the certificate does not hold */
	v = timestamp_validate(p->params, c->t_lower_type, c->t_lower,
		BYTES(NULL, 0), &t);
	if (v != V_VALID)
		return v;
	e->after_ms = t.after_ms;
	e->after = t.signers;
	return V_VALID;
}

/* -- number */

static enum verdict check_number(
	const struct verify_parts *p, struct sequence *ret, struct evidence *e)
{
	struct hash ht = timestamp_hash(p->cert->t_upper);
	uint8_t y[SEQUENCE_Y];
	struct sequence s = {0};
	enum verdict v = sequence_open(p->cert->s, p->doc.public_key, &s);

	if (v != V_VALID)
		return v;
	if (!hash_equal(&s.chain, &p->anchor))
		return V_SEQUENCE_CHAIN;
	/* block zero, at height 0, holds the parameters and no file */
	if (s.type != SEQUENCE_BLOCK || !s.has_height || s.height == 0 ||
		s.log_size == 0 || s.height != s.log_size - 1)
		return V_SEQUENCE_HEIGHT;
	sequence_y_block(p->b.u, &ht, y);
	if (memcmp(y, s.y, sizeof(y)) != 0)
		return V_SEQUENCE_BLOCK;
	e->height = s.height;
	e->k = s.k;
	e->epoch = s.epoch;
	*ret = s;
	return V_VALID;
}

/* -- enclave */

static struct hash hash_pair(struct hash a, struct hash b)
{
	struct bytes both[] = {HASH_BYTES(&a), HASH_BYTES(&b)};

	return hash_sha256_parts(both, 2);
}

static enum verdict check_document(
	const struct verify_parts *p, struct verify_cache *c)
{
	struct attestation a;
	struct hash key;
	enum verdict v;

	if (c == NULL)
		return attestation_check(p->params, p->cert->doc, &a);
	key = hash_pair(
		hash_sha256(p->cert->params), hash_sha256(p->cert->doc));
	if (verify_cache_document(c, &key, &v))
		return v;
	v = attestation_check(p->params, p->cert->doc, &a);
	if (v != V_NO_MEMORY)
		verify_cache_add_document(c, &key, v);
	return v;
}

/* The first document is named by block zero itself and cannot know the
 * chain's name; each later one must say which chain it continues. */
static enum verdict check_binding(const struct verify_parts *p)
{
	const struct attestation_data *d = &p->data;
	struct hash h = hash_sha3(p->doc_payload);

	if (d->epoch > 0)
		return hash_equal(&d->chain, &p->anchor) ? V_VALID
							 : V_ATTESTATION_DATA;
	if (!hash_is_zero(&d->chain) || d->first_k != 0 || d->recoveries != 0 ||
		!hash_is_zero(&d->head) ||
		!hash_equal(&h, &p->params->first_document))
		return V_ATTESTATION_DATA;
	return bytes_equal(p->doc.public_key, p->params->sequencer_key)
		       ? V_VALID
		       : V_ATTESTATION_KEY;
}

/* The block, and so the time over it, covers the document: its certificates
 * last for hours only, and nothing else bounds when it was made. */
static enum verdict check_commitment(const struct verify_parts *p)
{
	struct hash h = hash_sha3(p->doc_payload);

	if (!p->b.has_attestation)
		return p->data.epoch == 0 ? V_VALID : V_ATTESTATION_LINK;
	return hash_equal(&p->b.attestation, &h) ? V_VALID : V_ATTESTATION_LINK;
}

static enum verdict check_enclave(const struct verify_parts *p,
	const struct sequence *s, struct verify_cache *cache, struct evidence *e)
{
	enum verdict v = check_document(p, cache);

	if (v == V_VALID)
		v = check_binding(p);
	if (v != V_VALID)
		return v;
	if (s->epoch != p->data.epoch || s->k < p->data.first_k)
		return V_SEQUENCE_EPOCH;
	e->recoveries = p->data.recoveries;
	return check_commitment(p);
}

struct evidence verify_evidence(const struct verify_parts *p,
	struct verify_cache *cache, bool data_read)
{
	struct evidence e = {0};
	struct sequence s = {0};

	e.verdict = check_times(p, &e);
	if (e.verdict == V_VALID)
		e.verdict = check_number(p, &s, &e);
	if (e.verdict == V_VALID && !data_read)
		e.verdict = V_ATTESTATION_DATA;
	if (e.verdict == V_VALID)
		e.verdict = check_enclave(p, &s, cache, &e);
	if (e.verdict == V_VALID)
		e.verdict = verify_final(p->params, p->cert, &s, &e);
	if (e.verdict == V_VALID)
		e.verdict = verify_log(p->cert, &s, p->doc.public_key, &p->data,
			&e);
	return e;
}
