#include "core/sequence.h"

#include <errno.h>
#include <string.h>

#include "core/cborput.h"
#include "core/cborread.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/mlog.h"

#define STATEMENT_VERSION 1
#define STATEMENT_ITEMS 11
#define LOG_ENTRY_ITEMS 5
#define RECOVERY_MAGIC "notaryfs.recovery.v1"
#define U 16 /* bytes of y before the hash */

/* What goes together: only a block has a height, and what is no block has no
 * u in its y. */
static bool consistent(const struct sequence *s)
{
	static const uint8_t no_u[U];

	if (s->type == SEQUENCE_BLOCK)
		return true;
	return s->type <= SEQUENCE_RECOVERY && !s->has_height &&
	       memcmp(s->y, no_u, U) == 0;
}

int sequence_encode(const struct sequence *s, struct buf *ret)
{
	struct cborput w = {0};

	if (!consistent(s))
		return -EINVAL;
	cborput_array(&w, STATEMENT_ITEMS);
	cborput_uint(&w, STATEMENT_VERSION);
	cborput_bytes(&w, HASH_BYTES(&s->chain));
	cborput_uint(&w, s->epoch);
	cborput_uint(&w, s->k);
	cborput_uint(&w, s->type);
	cborput_bytes(&w, BYTES(s->y, SEQUENCE_Y));
	cborput_bytes(&w, HASH_BYTES(&s->prev_head));
	if (s->has_height)
		cborput_uint(&w, s->height);
	else
		cborput_null(&w);
	cborput_bytes(&w, BYTES(s->r, SEQUENCE_R));
	cborput_uint(&w, s->log_size);
	cborput_bytes(&w, HASH_BYTES(&s->log_root));
	return cborput_end(&w, ret);
}

int sequence_decode(struct bytes payload, struct sequence *ret)
{
	struct sequence s = {0};
	uint64_t n, epoch = 0, type = 0;
	struct cborr r;

	cborr_init(&r, payload);
	cborr_array(&r, STATEMENT_ITEMS, STATEMENT_ITEMS, &n);
	if (cborr_uint(&r, &n) != 0 || n != STATEMENT_VERSION)
		return -EBADMSG;
	cborr_hash(&r, &s.chain);
	cborr_uint_max(&r, UINT32_MAX, &epoch);
	cborr_uint(&r, &s.k);
	cborr_uint_max(&r, SEQUENCE_RECOVERY, &type);
	cborr_fixed(&r, s.y, SEQUENCE_Y);
	cborr_hash(&r, &s.prev_head);
	s.has_height = !cborr_peek_null(&r);
	if (s.has_height)
		cborr_uint(&r, &s.height);
	else
		cborr_null(&r);
	cborr_fixed(&r, s.r, SEQUENCE_R);
	cborr_uint(&r, &s.log_size);
	cborr_hash(&r, &s.log_root);
	s.epoch = (uint32_t)epoch;
	s.type = (enum sequence_type)type;
	if (cborr_end(&r) != 0 || !consistent(&s))
		return -EBADMSG;
	*ret = s;
	return 0;
}

static int statement(
	struct bytes s, struct cose_sign1 *ret_cose, struct sequence *ret)
{
	struct cose_sign1 c;

	if (s.n > SEQUENCE_MAX || cose_decode(s, SEQUENCE_MAX, &c) != 0 ||
		c.alg != COSE_ES256 || sequence_decode(c.payload, ret) != 0)
		return -EBADMSG;
	*ret_cose = c;
	return 0;
}

enum verdict sequence_open(
	struct bytes s, struct bytes key_spki, struct sequence *ret)
{
	unsigned before = memory_failures();
	struct cose_sign1 c;
	struct sequence opened;
	EVP_PKEY *key;
	int rc;

	if (statement(s, &c, &opened) != 0)
		return V_SEQUENCE_MALFORMED;
	key = cose_key(key_spki);
	rc = cose_check(&c, key);
	EVP_PKEY_free(key);
	if (rc != 0)
		return memory_verdict(V_SEQUENCE_SIGNATURE, before);
	*ret = opened;
	return V_VALID;
}

int sequence_peek(struct bytes s, struct sequence *ret)
{
	struct cose_sign1 c;

	return statement(s, &c, ret);
}

static void big_endian(uint64_t v, uint8_t *ret, size_t n)
{
	for (; n > 0; v >>= 8)
		ret[--n] = (uint8_t)v;
}

struct hash sequence_head(const struct sequence *s)
{
	uint8_t epoch[4], k[8], type = (uint8_t)s->type;
	struct bytes parts[] = {BYTES("head", 4), HASH_BYTES(&s->prev_head),
		BYTES(epoch, sizeof(epoch)), BYTES(k, sizeof(k)),
		BYTES(&type, 1), BYTES(s->y, SEQUENCE_Y)};

	big_endian(s->epoch, epoch, sizeof(epoch));
	big_endian(s->k, k, sizeof(k));
	return hash_sha3_parts(parts, sizeof(parts) / sizeof(parts[0]));
}

void sequence_y_block(
	const uint8_t u[16], const struct hash *ht, uint8_t ret[SEQUENCE_Y])
{
	memcpy(ret, u, U);
	memcpy(ret + U, ht->b, HASH_LEN);
}

void sequence_y_other(const struct hash *h, uint8_t ret[SEQUENCE_Y])
{
	memset(ret, 0, U);
	memcpy(ret + U, h->b, HASH_LEN);
}

/* Appends to memory that is large enough; without an allocation there is
 * nothing that could fail. */
static size_t item(
	uint8_t *ret, enum cbor_major major, uint64_t v, const uint8_t *data)
{
	size_t n = cbor_head(ret, major, v);

	if (major != CBOR_BYTES)
		return n;
	memcpy(ret + n, data, (size_t)v);
	return n + (size_t)v;
}

_Static_assert(SEQUENCE_LOG_ENTRY_MAX >=
		6 * CBOR_HEAD_MAX + 2 * HASH_LEN + SEQUENCE_R, "six items");

size_t sequence_log_entry(uint64_t height, uint64_t k, const struct hash *hb,
	const struct hash *ht, const uint8_t r[16],
	uint8_t ret[SEQUENCE_LOG_ENTRY_MAX])
{
	size_t n = 0;

	n += item(ret + n, CBOR_ARRAY, LOG_ENTRY_ITEMS, NULL);
	n += item(ret + n, CBOR_UINT, height, NULL);
	n += item(ret + n, CBOR_UINT, k, NULL);
	n += item(ret + n, CBOR_BYTES, HASH_LEN, hb->b);
	n += item(ret + n, CBOR_BYTES, HASH_LEN, ht->b);
	n += item(ret + n, CBOR_BYTES, SEQUENCE_R, r);
	return n;
}

struct hash sequence_log_leaf(uint64_t height, uint64_t k,
	const struct hash *hb, const struct hash *ht, const uint8_t r[16])
{
	uint8_t e[SEQUENCE_LOG_ENTRY_MAX];

	return mlog_leaf(BYTES(e, sequence_log_entry(height, k, hb, ht, r, e)));
}

int recovery_encode(const struct recovery *r, struct buf *ret)
{
	struct cborput w = {0};

	cborput_array(&w, 6);
	cborput_text(&w, RECOVERY_MAGIC);
	cborput_bytes(&w, HASH_BYTES(&r->chain));
	cborput_uint(&w, r->epoch);
	cborput_uint(&w, r->k);
	cborput_bytes(&w, HASH_BYTES(&r->prev_head));
	cborput_bytes(&w, HASH_BYTES(&r->key));
	return cborput_end(&w, ret);
}

int recovery_decode(struct bytes payload, struct recovery *ret)
{
	struct recovery v = {0};
	struct cborr r;
	uint64_t n, epoch = 0;

	cborr_init(&r, payload);
	cborr_array(&r, 6, 6, &n);
	cborr_text_is(&r, RECOVERY_MAGIC);
	cborr_hash(&r, &v.chain);
	cborr_uint_max(&r, UINT32_MAX, &epoch);
	cborr_uint(&r, &v.k);
	cborr_hash(&r, &v.prev_head);
	cborr_hash(&r, &v.key);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	v.epoch = (uint32_t)epoch;
	*ret = v;
	return 0;
}
