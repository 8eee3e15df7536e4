/* Making receipts.  A file of its own, so that the verifier has none of it. */
#include <errno.h>

#include "core/cborput.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/receipt_impl.h"

int receipt_sign(
	EVP_PKEY *key, const struct hash *root, uint8_t ret[RECEIPT_SIGNATURE])
{
	return cose_sign_bare(COSE_ES256, key,
		BYTES(RECEIPT_HEADER, RECEIPT_HEADER_LEN), HASH_BYTES(root),
		ret);
}

static int proof_encode(const struct receipt *r, struct buf *ret)
{
	struct cborput w = {0};
	size_t i;

	cborput_array(&w, 3);
	cborput_uint(&w, r->size);
	cborput_uint(&w, r->index);
	cborput_array(&w, r->path_len);
	for (i = 0; i < r->path_len; i++)
		cborput_bytes(&w, HASH_BYTES(&r->path[i]));
	return cborput_end(&w, ret);
}

int receipt_encode(const struct receipt *r, struct buf *ret)
{
	cleanup(buf) struct buf proof = {0};
	struct cborput w = {0};
	int rc;

	if (r->path_len < 1 || r->path_len > MLOG_DEPTH ||
		r->signature.n != RECEIPT_SIGNATURE)
		return -EINVAL;
	rc = proof_encode(r, &proof);
	if (rc != 0)
		return rc;
	cborput_head(&w, CBOR_TAG, 18);
	cborput_array(&w, 4);
	cborput_bytes(&w, BYTES(RECEIPT_HEADER, RECEIPT_HEADER_LEN));
	cborput_head(&w, CBOR_MAP, 1);
	cborput_uint(&w, COSE_LABEL_VDP);
	cborput_head(&w, CBOR_MAP, 1);
	cborput_head(&w, CBOR_NINT, -1 - COSE_VDP_INCLUSION);
	cborput_array(&w, 1);
	cborput_bytes(&w, BUF_BYTES(&proof));
	cborput_null(&w);
	cborput_bytes(&w, r->signature);
	return cborput_end(&w, ret);
}
