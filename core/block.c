#include "core/block.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "core/cborread.h"
#include "core/hash.h"

enum { KEY_LOG = 1, KEY_ATTESTATION = 2 };

static void read_extensions(struct cborr *r, struct block *b)
{
	struct cborr_keys keys = {0};
	uint64_t key = 0, two;

	if (cborr_map(r, 2, &keys) != 0 || keys.left == 0) {
		cborr_fail(r); /* no map is written rather than an empty one */
		return;
	}
	while (keys.left > 0 && cborr_key_uint(r, &keys, &key) == 0) {
		if (key == KEY_LOG) {
			b->has_log = true;
			cborr_array(r, 2, 2, &two);
			cborr_uint(r, &b->log_size);
			cborr_hash(r, &b->log_root);
		} else if (key == KEY_ATTESTATION) {
			b->has_attestation = true;
			cborr_hash(r, &b->attestation);
		} else {
			cborr_fail(r);
		}
	}
}

int block_decode(struct bytes in, struct block *ret)
{
	struct block b = {0};
	struct cborr r;
	uint64_t items = 0;

	if (in.n > BLOCK_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_array(&r, 3, 4, &items);
	cborr_fixed(&r, b.u, BLOCK_U);
	cborr_hash(&r, &b.mh);
	cborr_hash(&r, &b.th);
	if (items == 4)
		read_extensions(&r, &b);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	*ret = b;
	return 0;
}

/* Written by hand: the enclave checks blocks too and has no libcbor. */
struct out {
	uint8_t p[BLOCK_MAX];
	size_t n;
};

static void put_head(struct out *o, enum cbor_major major, uint64_t v)
{
	assert(o->n + CBOR_HEAD_MAX <= sizeof(o->p));
	o->n += cbor_head(o->p + o->n, major, v);
}

static void put_bytes(struct out *o, const uint8_t *p, size_t n)
{
	put_head(o, CBOR_BYTES, n);
	assert(o->n + n <= sizeof(o->p));
	memcpy(o->p + o->n, p, n);
	o->n += n;
}

static void put_extensions(struct out *o, const struct block *b)
{
	put_head(o, CBOR_MAP, (uint64_t)b->has_log + b->has_attestation);
	if (b->has_log) {
		put_head(o, CBOR_UINT, KEY_LOG);
		put_head(o, CBOR_ARRAY, 2);
		put_head(o, CBOR_UINT, b->log_size);
		put_bytes(o, b->log_root.b, HASH_LEN);
	}
	if (b->has_attestation) {
		put_head(o, CBOR_UINT, KEY_ATTESTATION);
		put_bytes(o, b->attestation.b, HASH_LEN);
	}
}

int block_encode(const struct block *b, struct buf *ret)
{
	bool extended = b->has_log || b->has_attestation;
	struct out o = {.n = 0};

	put_head(&o, CBOR_ARRAY, extended ? 4 : 3);
	put_bytes(&o, b->u, BLOCK_U);
	put_bytes(&o, b->mh.b, HASH_LEN);
	put_bytes(&o, b->th.b, HASH_LEN);
	if (extended)
		put_extensions(&o, b);
	return buf_copy(BYTES(o.p, o.n), ret);
}

struct hash block_hash(struct bytes raw)
{
	return hash_sha3(raw);
}
