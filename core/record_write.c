#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/cborwrite.h"
#include "core/cleanup.h"
#include "core/record.h"

/* Order of byte strings as CBOR keys: the shorter first, then bytewise. */
static int key_order(const void *a, const void *b)
{
	const struct record_xattr *x = a, *y = b;

	if (x->name.n != y->name.n)
		return x->name.n < y->name.n ? -1 : 1;
	return x->name.n == 0 ? 0 : memcmp(x->name.p, y->name.p, x->name.n);
}

int record_xattrs_encode(
	const struct record_xattr *x, size_t n, struct buf *ret)
{
	struct record_xattr sorted[RECORD_XATTRS_MAX], first;
	cleanup(buf) struct buf out = {0};
	struct cborw w = {0};
	size_t i, at = 0;
	int rc;

	if (n == 0)
		return 0;
	if (n > RECORD_XATTRS_MAX)
		return -EINVAL;
	memcpy(sorted, x, n * sizeof(*x));
	qsort(sorted, n, sizeof(*x), key_order);
	cborw_map(&w, n);
	for (i = 0; i < n; i++) {
		cborw_bytes(&w, sorted[i].name);
		cborw_bytes(&w, sorted[i].value);
	}
	rc = cborw_end(&w, &out);
	if (rc != 0)
		return rc;
	if (record_xattrs_next(BUF_BYTES(&out), &at, &first) != 1)
		return -EINVAL; /* a name doubled or bad, or too much */
	*ret = out;
	out = (struct buf){0}; /* *ret has it */
	return 0;
}

static void put_digests(struct cborw *w, const struct record *r)
{
	size_t i;

	cborw_map(w, r->n_digests);
	for (i = 0; i < r->n_digests; i++) {
		cborw_text_n(w, r->digest[i].name);
		cborw_bytes(w, r->digest[i].value);
	}
}

static void put_class(struct cborw *w, const struct record *r)
{
	if (r->class != RECORD_CLASS_SEAL) {
		cborw_uint(w, RECORD_EXT_CLASS);
		cborw_uint(w, r->class);
	}
	if (r->preset.n > 0) {
		cborw_uint(w, RECORD_EXT_PRESET);
		cborw_text_n(w, r->preset);
	}
	if (r->has_previous) {
		cborw_uint(w, RECORD_EXT_PREVIOUS);
		cborw_hash(w, &r->previous);
	}
	if (r->change != RECORD_CHANGE_NONE) {
		cborw_uint(w, RECORD_EXT_CHANGE);
		cborw_uint(w, r->change);
	}
	if (r->from > 0) {
		cborw_uint(w, RECORD_EXT_GROWTH);
		cborw_array(w, 2);
		cborw_uint(w, r->from);
		cborw_hash(w, &r->tail);
	}
}

static void put_keeping(struct cborw *w, const struct record *r)
{
	if (r->has_about) {
		cborw_uint(w, RECORD_EXT_ABOUT);
		cborw_hash(w, &r->about);
	}
	if (r->until > 0) {
		cborw_uint(w, RECORD_EXT_UNTIL);
		cborw_uint(w, r->until);
	}
	if (r->hold_case.n > 0) {
		cborw_uint(w, RECORD_EXT_CASE);
		cborw_text_n(w, r->hold_case);
	}
	if (r->reason.n > 0) {
		cborw_uint(w, RECORD_EXT_REASON);
		cborw_text_n(w, r->reason);
	}
	if (r->authority.n > 0) {
		cborw_uint(w, RECORD_EXT_AUTHORITY);
		cborw_bytes(w, r->authority);
	}
}

static void put_renewal(struct cborw *w, const struct record *r)
{
	cborw_uint(w, RECORD_EXT_RENEWAL);
	cborw_array(w, 3);
	cborw_text_n(w, r->algorithm);
	cborw_bytes(w, r->file_digest);
	cborw_bytes(w, r->old_certificate);
}

static void put_extensions(struct cborw *w, const struct record *r)
{
	cborw_map(w, (uint64_t)(r->target.n > 0) + r->has_owner +
			(r->xattrs.n > 0) + r->unclean +
			(r->class != RECORD_CLASS_SEAL) + (r->preset.n > 0) +
			r->has_previous + (r->change != RECORD_CHANGE_NONE) +
			(r->from > 0) + r->has_about +
			(r->until > 0) + (r->hold_case.n > 0) +
			(r->reason.n > 0) + (r->authority.n > 0) +
			(r->algorithm.n > 0));
	if (r->target.n > 0) {
		cborw_uint(w, RECORD_EXT_TARGET);
		cborw_bytes(w, r->target);
	}
	if (r->has_owner) {
		cborw_uint(w, RECORD_EXT_OWNER);
		cborw_array(w, 2);
		cborw_uint(w, r->uid);
		cborw_uint(w, r->gid);
	}
	if (r->xattrs.n > 0) {
		cborw_uint(w, RECORD_EXT_XATTR);
		cborw_raw(w, r->xattrs);
	}
	if (r->unclean) {
		cborw_uint(w, RECORD_EXT_UNCLEAN);
		cborw_bool(w, true);
	}
	put_class(w, r);
	put_keeping(w, r);
	if (r->algorithm.n > 0)
		put_renewal(w, r);
}

int record_encode(const struct record *r, struct buf *ret)
{
	cleanup(buf) struct buf out = {0};
	struct cborw w = {0};
	struct record check;
	int rc;

	if (r->n_digests > RECORD_DIGESTS_MAX || r->xattrs.n > RECORD_MAX)
		return -EINVAL;
	cborw_array(&w, 10);
	cborw_uint(&w, RECORD_VERSION);
	cborw_uint(&w, r->kind);
	cborw_bytes(&w, BYTES(r->salt, RECORD_SALT));
	cborw_bytes(&w, r->path);
	cborw_uint(&w, r->size);
	cborw_uint(&w, r->mode);
	cborw_int(&w, r->mtime_ns);
	cborw_hash(&w, &r->root);
	put_digests(&w, r);
	put_extensions(&w, r);
	rc = cborw_end(&w, &out);
	if (rc != 0)
		return rc;
	/* The decoder alone knows the rules; what it refuses never goes out. */
	if (record_decode(BUF_BYTES(&out), &check) != 0)
		return -EINVAL;
	*ret = out;
	out = (struct buf){0}; /* *ret has it */
	return 0;
}
