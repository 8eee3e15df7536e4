#include "core/receipt.h"

#include <errno.h>

#include "core/cborread.h"
#include "core/cose.h"
#include "core/receipt_impl.h"

#define HEADER_MAX 1024 /* bytes of a protected header that we look into */

/* A header of another kind is not malformed. */
static int header_decode(struct bytes in)
{
	struct bytes ours = BYTES(RECEIPT_HEADER, RECEIPT_HEADER_LEN), map;
	struct cborr r;

	if (bytes_equal(in, ours))
		return 0;
	cborr_init(&r, in);
	if (cborr_peek(&r) != CBOR_MAP)
		return -EBADMSG;
	cborr_skip(&r, &map);
	return cborr_end(&r) != 0 ? -EBADMSG : -EOPNOTSUPP;
}

static int proof_decode(struct bytes in, struct receipt *ret)
{
	struct cborr r;
	uint64_t n = 0, three, i;

	cborr_init(&r, in);
	cborr_array(&r, 3, 3, &three);
	cborr_uint(&r, &ret->size);
	cborr_uint(&r, &ret->index);
	cborr_array(&r, 1, MLOG_DEPTH, &n);
	for (i = 0; i < n; i++)
		cborr_hash(&r, &ret->path[i]);
	ret->path_len = (size_t)n;
	return cborr_end(&r);
}

/* {396: {-1: [proof]}} */
static void read_proofs(struct cborr *r, struct bytes *ret)
{
	struct cborr_keys outer = {.left = 0}, inner = {.left = 0};
	uint64_t label = 0, one;
	int64_t kind = 0;

	cborr_map(r, 1, &outer);
	if (r->bad || outer.left != 1) {
		cborr_fail(r);
		return;
	}
	cborr_key_uint(r, &outer, &label);
	cborr_map(r, 1, &inner);
	if (r->bad || label != COSE_LABEL_VDP || inner.left != 1) {
		cborr_fail(r);
		return;
	}
	cborr_key_int(r, &inner, &kind);
	if (kind != COSE_VDP_INCLUSION)
		cborr_fail(r);
	cborr_array(r, 1, 1, &one);
	cborr_bytes(r, RECEIPT_MAX, ret);
}

int receipt_decode(struct bytes in, struct receipt *ret)
{
	struct receipt c = {.size = 0};
	struct bytes header = {0}, proof = {0};
	struct cborr r;
	uint64_t four;
	int rc;

	if (in.n > RECEIPT_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_tag(&r, COSE_TAG);
	cborr_array(&r, 4, 4, &four);
	if (cborr_bytes(&r, HEADER_MAX, &header) != 0)
		return -EBADMSG;
	rc = header_decode(header);
	if (rc != 0)
		return rc;
	read_proofs(&r, &proof);
	cborr_null(&r);
	cborr_bytes(&r, RECEIPT_SIGNATURE, &c.signature);
	if (cborr_end(&r) != 0 || c.signature.n != RECEIPT_SIGNATURE ||
		proof_decode(proof, &c) != 0)
		return -EBADMSG;
	*ret = c;
	return 0;
}

int receipt_check(const struct receipt *r, struct bytes entry, EVP_PKEY *key,
	struct hash *ret_root)
{
	struct hash leaf = mlog_leaf(entry), root;
	struct cose_sign1 c = {.alg = COSE_ES256,
		.protected_header = BYTES(RECEIPT_HEADER, RECEIPT_HEADER_LEN),
		.payload = HASH_BYTES(&root),
		.signature = r->signature};
	int rc = mlog_fold(&leaf, r->index, r->size, r->path, r->path_len,
		&root);

	if (rc == 0)
		rc = cose_check(&c, key);
	if (rc == 0)
		*ret_root = root;
	return rc;
}
