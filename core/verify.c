#include "core/verify.h"

#include <errno.h>
#include <string.h>

#include "core/block.h"
#include "core/hash.h"
#include "core/verify_impl.h"

/* -- form: each part must be what its encoder would write */

static enum verdict open_parts(
	struct bytes raw, struct report *r, struct verify_parts *p)
{
	int rc = certificate_decode(raw, &r->cert);
	struct block later;

	if (rc == 0)
		rc = params_decode(r->cert.params, &r->params);
	if (rc != 0)
		return rc == -EOPNOTSUPP ? V_UNSUPPORTED : V_MALFORMED;
	if (record_decode(r->cert.d, &r->record) != 0 ||
		block_decode(r->cert.b0, &p->b0) != 0 ||
		block_decode(r->cert.b, &p->b) != 0 ||
		(r->cert.has_final &&
			block_decode(r->cert.final.b, &later) != 0))
		return V_MALFORMED;
	if (r->cert.range.to > 0 && !range_fits(&r->cert.range, r->record.size))
		return V_MALFORMED;
	r->params.n_bag = r->cert.n_bag;
	memcpy(r->params.bag, r->cert.bag, sizeof(r->cert.bag));
	p->cert = &r->cert;
	p->params = &r->params;
	return V_VALID;
}

/* -- anchor and parameters */

static enum verdict check_anchor(
	const struct verify_parts *p, const struct hash *anchor)
{
	if (!hash_equal(&p->cert->chain, &p->anchor))
		return V_ANCHOR;
	return anchor != NULL && !hash_equal(anchor, &p->anchor) ? V_ANCHOR
								 : V_VALID;
}

static enum verdict check_params(const struct verify_parts *p)
{
	struct hash leaf = hash_sha3(p->cert->params), mh;

	if (merkle_fold(&leaf, 0, 1, NULL, 0, &mh) != 0 ||
		!hash_equal(&mh, &p->b0.mh) || !hash_is_zero(&p->b0.th))
		return V_PARAMS;
	return V_VALID;
}

/* -- content and path */

/* The bytes of a range, of which the certificate holds all but themselves. */
static enum verdict check_range(
	const struct record *d, const struct range *r, const struct content *c)
{
	if (c->to == 0)
		return V_PART;
	if (c->from != r->from || c->to != r->to)
		return V_RANGE;
	if (c->size != r->to - r->from)
		return V_SIZE;
	return hash_equal(&c->root, &d->root) ? V_VALID : V_CONTENT;
}

static enum verdict check_content(const struct record *d,
	const struct range *r, const struct content *c, bool *ret_checked)
{
	struct bytes sha256 = record_digest(d, "sha-256");
	enum verdict v;

	if (hash_is_zero(&d->root))
		return V_NO_CONTENT;
	if (r->to > 0) {
		v = check_range(d, r, c);
		*ret_checked = v == V_VALID;
		return v;
	}
	/* all of the file is there, and so the range if it has one */
	if (c->to > d->size)
		return V_RANGE;
	if (c->size != d->size)
		return V_SIZE;
	if (!hash_equal(&c->root, &d->root))
		return V_CONTENT;
	if (sha256.p != NULL && !bytes_equal(sha256, HASH_BYTES(&c->sha256)))
		return V_DIGEST;
	*ret_checked = true;
	return V_VALID;
}

static int fold(const struct verify_parts *p, struct verify_cache *cache,
	const struct hash *leaf, struct hash *ret)
{
	const struct certificate *c = p->cert;
	struct merkle_known known;
	int rc;

	if (cache == NULL)
		return merkle_fold(leaf, c->index, c->n, c->path, c->path_len,
			ret);
	verify_cache_path(cache, &p->b.mh, c->index, &known);
	rc = merkle_fold_known(
		leaf, c->index, c->n, c->path, c->path_len, &known, ret);
	if (rc == 0 && hash_equal(ret, &p->b.mh))
		verify_cache_add_path(cache, &known);
	return rc;
}

static enum verdict check_path(
	const struct verify_parts *p, struct verify_cache *cache)
{
	struct hash leaf = hash_sha3(p->cert->d), mh;

	if (p->cert->n > MERKLE_LEAVES_MAX ||
		fold(p, cache, &leaf, &mh) != 0 || !hash_equal(&mh, &p->b.mh))
		return V_PATH;
	return V_VALID;
}

/* -- all that does not depend on the file */

/* Over everything that verify_evidence() reads. */
static struct evidence_parts evidence_parts(const struct certificate *c)
{
	return (struct evidence_parts){
		.part = {[EVIDENCE_B] = c->b, [EVIDENCE_B0] = c->b0,
			[EVIDENCE_PARAMS] = c->params,
			[EVIDENCE_UPPER] = c->t_upper,
			[EVIDENCE_LOWER] = c->t_lower, [EVIDENCE_S] = c->s,
			[EVIDENCE_DOC] = c->doc,
			[EVIDENCE_ADDED] = c->added},
		.t_upper_type = c->t_upper_type,
		.t_lower_type = c->t_lower_type};
}

/* Each part with its length before it. */
static struct hash evidence_key(const struct evidence_parts *p)
{
	uint64_t frame[EVIDENCE_PARTS + 2];
	struct bytes all[EVIDENCE_PARTS + 1];
	size_t i;

	for (i = 0; i < EVIDENCE_PARTS; i++) {
		frame[i] = p->part[i].n;
		all[i + 1] = p->part[i];
	}
	frame[EVIDENCE_PARTS] = p->t_upper_type;
	frame[EVIDENCE_PARTS + 1] = p->t_lower_type;
	all[0] = BYTES(frame, sizeof(frame));
	return hash_sha256_parts(all, EVIDENCE_PARTS + 1);
}

static struct evidence judge_cached(
	const struct verify_parts *p, struct verify_cache *cache, bool data_read)
{
	struct evidence_parts parts = evidence_parts(p->cert);
	struct evidence e;
	struct hash key;

	if (p->recent)
		return p->evidence;
	if (cache == NULL)
		return verify_evidence(p, NULL, data_read);
	key = evidence_key(&parts);
	if (!verify_cache_evidence(cache, &key, &e)) {
		e = verify_evidence(p, cache, data_read);
		if (e.verdict == V_NO_MEMORY)
			return e; /* it is no judgement */
		verify_cache_add_evidence(cache, &key, &e);
	}
	verify_cache_add_recent(cache, &parts, &p->anchor, &e);
	return e;
}

static void report_evidence(struct report *r, const struct verify_parts *p,
	const struct evidence *e)
{
	r->after_ms = e->after_ms;
	r->by_ms = e->by_ms;
	r->after = e->after;
	r->by = e->by;
	r->height = e->height;
	r->k = e->k;
	r->epoch = e->epoch;
	r->recoveries = e->recoveries;
	r->log_size = e->log_size;
	r->final = e->final;
	r->final_ms = e->final_ms;
	r->clock_backwards = e->by_ms < e->after_ms ||
			     (e->final != 0 && e->final_ms < e->by_ms);
	r->doc = p->doc;
	r->doc_data = p->data;
}

/* Everything after the content. */
static enum verdict rest(struct verify_cache *cache, const struct hash *anchor,
	struct verify_parts *p, struct report *r)
{
	struct evidence e;
	bool data_read;
	enum verdict v = check_path(p, cache);

	if (v != V_VALID)
		return v;
	if (attestation_decode(r->cert.doc, &p->doc, &p->doc_payload) != 0)
		return attestation_refused(r->cert.doc);
	data_read = attestation_data_decode(p->doc.user_data, &p->data) == 0;
	e = judge_cached(p, cache, data_read);
	report_evidence(r, p, &e);
	if (e.verdict != V_VALID)
		return e.verdict;
	return anchor == NULL ? V_NO_ANCHOR : V_VALID;
}

/* H(b0), and all that is the same for the files of a block. */
static void find_recent(struct verify_parts *p, struct verify_cache *cache)
{
	struct evidence_parts parts = evidence_parts(p->cert);

	p->recent = cache != NULL && verify_cache_recent(cache, &parts,
					     &p->anchor, &p->evidence);
	if (!p->recent)
		p->anchor = block_hash(p->cert->b0);
}

int verify_layer(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, struct report *ret)
{
	struct verify_parts p = {0};
	enum verdict v;

	*ret = (struct report){0};
	if (anchor != NULL)
		ret->anchor = *anchor;
	v = open_parts(cert, ret, &p);
	if (v == V_VALID) {
		find_recent(&p, cache);
		v = check_anchor(&p, anchor);
	}
	if (v == V_VALID && !p.recent)
		v = check_params(&p);
	ret->content_counts = v == V_VALID;
	ret->verdict = v != V_VALID ? v : rest(cache, anchor, &p, ret);
	return ret->verdict == V_NO_MEMORY ? -ENOMEM : 0;
}

void verify_end(struct report *r, const struct content *content)
{
	enum verdict v;

	if (!r->content_counts)
		return;
	r->found = *content;
	r->content_compared = true;
	v = check_content(&r->record, &r->cert.range, content,
		&r->content_checked);
	if (v == V_VALID)
		v = verify_renewed(r, content);
	if (v != V_VALID)
		r->verdict = v;
}

void verify_at(struct report *r, uint64_t at_ms)
{
	r->at_ms = at_ms;
	if ((r->verdict == V_VALID || r->verdict == V_NO_ANCHOR) &&
		r->by_ms > at_ms)
		r->verdict = V_LATE;
}

int verify_cached(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, const struct content *content,
	struct report *ret)
{
	int rc = verify_begin(cache, cert, anchor, ret);

	if (rc == 0 && content != NULL)
		verify_end(ret, content);
	return rc;
}

int verify(struct bytes cert, const struct hash *anchor,
	const struct content *content, struct report *ret)
{
	return verify_cached(NULL, cert, anchor, content, ret);
}
