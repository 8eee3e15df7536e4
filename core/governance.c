#include "core/governance.h"

#include <errno.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cleanup.h"
#include "core/cose.h"
#include "core/memory.h"
#include "core/params.h"
#include "core/record.h"

#define MAGIC "notaryfs.govern.v1"

static bool is_order(const struct hash *chain, const struct record *r)
{
	if (r->kind == RECORD_COMPLIANCE && !hash_equal(&r->about, chain))
		return false;
	return (r->kind == RECORD_HOLD || r->kind == RECORD_DELETION ||
		r->kind == RECORD_COMPLIANCE) && r->has_about &&
		r->reason.n > 0;
}

static int payload_of(const struct hash *chain, const struct record *r,
	struct buf *ret)
{
	struct cborput w = {0};

	cborput_array(&w, 5);
	cborput_text(&w, MAGIC);
	cborput_bytes(&w, HASH_BYTES(chain));
	cborput_uint(&w, r->kind);
	cborput_bytes(&w, HASH_BYTES(&r->about));
	cborput_head(&w, CBOR_TEXT, r->reason.n);
	cborput_raw(&w, r->reason);
	return cborput_end(&w, ret);
}

int governance_sign(EVP_PKEY *key, const struct hash *chain,
	const struct record *r, struct buf *ret)
{
	cleanup(buf) struct buf payload = {0};
	enum cose_alg alg = EVP_PKEY_get_bits(key) == 384 ? COSE_ES384 :
							    COSE_ES256;
	int rc = is_order(chain, r) ? payload_of(chain, r, &payload) : -EINVAL;

	return rc != 0 ? rc : cose_sign(alg, key, BUF_BYTES(&payload), ret);
}

int governance_check(const struct params *p, const struct hash *chain,
	const struct record *r)
{
	unsigned before = memory_failures();
	cleanup(buf) struct buf payload = {0};
	struct cose_sign1 c;
	EVP_PKEY *key;
	size_t i;
	int rc = -EKEYREJECTED;

	if (!is_order(chain, r) ||
		cose_decode(r->authority, RECORD_AUTHORITY_MAX, &c) != 0)
		return -EKEYREJECTED;
	if (payload_of(chain, r, &payload) != 0)
		return -ENOMEM;
	if (!bytes_equal(c.payload, BUF_BYTES(&payload)))
		return -EKEYREJECTED;
	for (i = 0; rc != 0 && i < p->n_governance; i++) {
		key = cose_key(p->governance_key[i]);
		if (key != NULL)
			rc = cose_check(&c, key);
		EVP_PKEY_free(key);
	}
	return rc != 0 && memory_failures() != before ? -ENOMEM : rc;
}
