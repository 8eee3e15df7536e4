/* Several stamps of one block, by authorities that are not the same. */
#include <errno.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/timestamp_impl.h"

#define SET_MIN 2 /* one stamp alone is of its own type */

static int read_one(struct cborr *r, struct timestamp_one *ret)
{
	uint64_t three;

	cborr_array(r, 3, 3, &three);
	cborr_uint_max(r, PARAMS_AUTHORITIES_MAX - 1, &ret->authority);
	cborr_uint_max(r, TIMESTAMP_JWT, &ret->type);
	if (cborr_bytes(r, TIMESTAMP_MAX, &ret->t) == 0 && ret->t.n == 0)
		cborr_fail(r);
	return r->bad ? -EBADMSG : 0;
}

int timestamp_set_decode(struct bytes t,
	struct timestamp_one ret[PARAMS_AUTHORITIES_MAX], size_t *ret_n)
{
	bool twice = false;
	struct cborr r;
	uint64_t n = 0, i;

	if (t.n > TIMESTAMP_MAX)
		return -EBADMSG;
	cborr_init(&r, t);
	cborr_array(&r, SET_MIN, PARAMS_AUTHORITIES_MAX, &n);
	for (i = 0; i < n; i++) {
		ret[i] = (struct timestamp_one){0};
		if (read_one(&r, &ret[i]) != 0)
			return -EBADMSG;
		if (i > 0 && ret[i].authority < ret[i - 1].authority)
			return -EBADMSG;
		twice = twice ||
			(i > 0 && ret[i].authority == ret[i - 1].authority);
	}
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	*ret_n = (size_t)n;
	return twice ? -EEXIST : 0;
}

int timestamp_set_encode(
	const struct timestamp_one *one, size_t n, struct buf *ret)
{
	struct timestamp_one back[PARAMS_AUTHORITIES_MAX];
	struct cborput w = {0};
	struct buf out = {0};
	size_t i;
	int rc;

	cborput_array(&w, n);
	for (i = 0; i < n; i++) {
		cborput_array(&w, 3);
		cborput_uint(&w, one[i].authority);
		cborput_uint(&w, one[i].type);
		cborput_bytes(&w, one[i].t);
	}
	rc = cborput_end(&w, &out);
	if (rc == 0 && timestamp_set_decode(BUF_BYTES(&out), back, &n) != 0)
		rc = -EINVAL;
	if (rc == 0) {
		*ret = out; /* the caller has it */
		out = (struct buf){0};
	}
	buf_free(&out);
	return rc;
}

/* Parameters may name one key twice, under two names or by mistake: whoever
 * holds it has one word. */
static bool same_authority(
	const struct params_authority *a, const struct params_authority *b)
{
	return a->type == b->type && bytes_equal(a->key, b->key);
}

/* Are they named, each of its own, and enough of them? */
static enum verdict check_names(
	const struct params *p, const struct timestamp_one *one, size_t n)
{
	size_t i, j;

	for (i = 0; i < n; i++)
		if (one[i].authority >= p->n_authorities ||
			p->authority[one[i].authority].type != one[i].type)
			return V_TIMESTAMP_TYPE;
	for (i = 0; i < n; i++)
		for (j = 0; j < i; j++)
			if (same_authority(&p->authority[one[i].authority],
				    &p->authority[one[j].authority]))
				return V_TIMESTAMP_TWICE;
	return n < p->quorum ? V_TIMESTAMP_QUORUM : V_VALID;
}

/* Puts v into its place among the n sorted before it. */
static void insert(uint64_t *sorted, size_t n, uint64_t v)
{
	for (; n > 0 && sorted[n - 1] > v; n--)
		sorted[n] = sorted[n - 1];
	sorted[n] = v;
}

enum verdict timestamp_set_validate(const struct params *p, struct bytes t,
	struct bytes block, struct timestamp *ret)
{
	struct timestamp_one one[PARAMS_AUTHORITIES_MAX];
	uint64_t when[PARAMS_AUTHORITIES_MAX];
	struct timestamp all = {0};
	enum verdict v;
	size_t n, i;
	int rc = timestamp_set_decode(t, one, &n);

	if (rc != 0)
		return rc == -EEXIST ? V_TIMESTAMP_TWICE
				     : V_TIMESTAMP_MALFORMED;
	v = check_names(p, one, n);
	for (i = 0; v == V_VALID && i < n; i++) {
		struct timestamp got = {0};

		v = timestamp_by(
			p, one[i].authority, one[i].t, block, &got);
		insert(when, i, got.p_ms);
		all.y = got.y;
		all.signers |= (uint8_t)(1U << one[i].authority);
	}
	if (v != V_VALID)
		return v;
	all.p_ms = when[p->quorum - 1];
	all.after_ms = when[n - p->quorum];
	*ret = all;
	return V_VALID;
}
