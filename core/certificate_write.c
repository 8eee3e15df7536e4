#include <errno.h>

#include "core/cborwrite.h"
#include "core/certificate.h"

#define TAG_SELF_DESCRIBED 55799
#define PARTS 11
#define TYPED 1
#define KEY_LOG 11
#define KEY_FINAL 12
#define KEY_SYNC 13
#define KEY_OLD 14
#define KEY_BAG 15
#define KEY_RANGE 17

static void write_pair(struct cborw *w, uint64_t type, struct bytes v)
{
	cborw_array(w, 2);
	cborw_uint(w, type);
	cborw_bytes(w, v);
}

static void write_hashes(struct cborw *w, const struct hash *h, size_t n)
{
	size_t i;

	cborw_array(w, n);
	for (i = 0; i < n; i++)
		cborw_hash(w, &h[i]);
}

static void write_path(struct cborw *w, const struct certificate *c)
{
	cborw_array(w, 3);
	cborw_uint(w, c->index);
	cborw_uint(w, c->n);
	write_hashes(w, c->path, c->path_len);
}

static void write_range(struct cborw *w, const struct range *r)
{
	size_t i;

	cborw_array(w, 5);
	cborw_uint(w, r->from);
	cborw_uint(w, r->to);
	cborw_bytes(w, r->left);
	cborw_bytes(w, r->right);
	cborw_array(w, r->n);
	for (i = 0; i < r->n; i++)
		cborw_hash(w, &r->hash[i]);
}

/* What may be there. */
static void write_additions(struct cborw *w, const struct certificate *c)
{
	size_t i;

	if (c->log.note.n > 0) {
		cborw_uint(w, KEY_LOG);
		cborw_array(w, 2);
		cborw_bytes(w, c->log.note);
		cborw_bytes(w, c->log.receipt);
	}
	if (c->has_final) {
		cborw_uint(w, KEY_FINAL);
		cborw_array(w, 3);
		cborw_bytes(w, c->final.b);
		write_pair(w, c->final.t_type, c->final.t);
		write_hashes(w, c->final.path, c->final.path_len);
	}
	if (c->sync.n > 0) {
		cborw_uint(w, KEY_SYNC);
		cborw_raw(w, c->sync);
	}
	if (c->old.n > 0) {
		cborw_uint(w, KEY_OLD);
		cborw_bytes(w, c->old);
	}
	if (c->n_bag > 0) {
		cborw_uint(w, KEY_BAG);
		cborw_array(w, c->n_bag);
		for (i = 0; i < c->n_bag; i++)
			cborw_bytes(w, c->bag[i]);
	}
	if (c->range.to > 0) {
		cborw_uint(w, KEY_RANGE);
		write_range(w, &c->range);
	}
}

static void write_parts(struct cborw *w, const struct certificate *c)
{
	cborw_tag(w, TAG_SELF_DESCRIBED);
	cborw_map(w, PARTS + (uint64_t)(c->log.note.n > 0) + c->has_final +
			     (c->sync.n > 0) +
			     (c->n_bag > 0) + (c->old.n > 0) +
			     (c->range.to > 0));
	cborw_uint(w, 0);
	cborw_text(w, "notaryfs-cert");
	cborw_uint(w, 1);
	cborw_uint(w, CERTIFICATE_VERSION);
	cborw_uint(w, 2);
	cborw_hash(w, &c->chain);
	cborw_uint(w, 3);
	cborw_array(w, 2);
	cborw_bytes(w, c->b0);
	cborw_bytes(w, c->params);
	cborw_uint(w, 4);
	cborw_bytes(w, c->d);
	cborw_uint(w, 5);
	write_path(w, c);
	cborw_uint(w, 6);
	cborw_bytes(w, c->b);
	cborw_uint(w, 7);
	write_pair(w, c->t_upper_type, c->t_upper);
	cborw_uint(w, 8);
	write_pair(w, c->t_lower_type, c->t_lower);
	cborw_uint(w, 9);
	write_pair(w, TYPED, c->s);
	cborw_uint(w, 10);
	cborw_array(w, 1);
	write_pair(w, TYPED, c->doc);
	write_additions(w, c);
}

int make_certificate(const struct certificate *parts, struct buf *ret)
{
	struct certificate back;
	struct cborw w = {0};
	struct buf out = {0};
	int rc;

	if (parts->path_len > MERKLE_PATH_MAX ||
		parts->final.path_len > MLOG_DEPTH ||
		parts->n_bag > PARAMS_BAG_MAX ||
		parts->range.n > RANGE_HASHES_MAX)
		return -EINVAL;
	write_parts(&w, parts);
	rc = cborw_end(&w, &out);
	if (rc != 0)
		return rc;
	/* never hand out what a verifier would not read */
	if (certificate_decode(BUF_BYTES(&out), &back) != 0) {
		buf_free(&out);
		return -EINVAL;
	}
	*ret = out;
	return 0;
}
