#include "core/certificate.h"

#include <errno.h>
#include <string.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cborread.h"
#include "core/hash.h"
#include "core/note.h"
#include "core/params.h"
#include "core/receipt.h"
#include "core/record.h"
#include "core/sequence.h"
#include "core/timestamp.h"

#define TAG_SELF_DESCRIBED 55799
#define MAGIC "notaryfs-cert"
#define PARTS 11	/* keys 0 .. 10, all there */
#define KEY_LOG 11
#define KEY_FINAL 12
#define KEY_SYNC 13
#define KEY_OLD 14
#define KEY_BAG 15
#define KEY_RANGE 17
#define KEYS_MAX 64	/* with those to be ignored */
#define TYPED 1		/* the one form of order, and of attestation */

/* The reader, and whether a well-formed part was of a form unknown here. */
struct parse {
	struct cborr r;
	bool unknown;
};

static void read_chain(struct parse *p, struct certificate *c)
{
	cborr_hash(&p->r, &c->chain);
}

static void read_genesis(struct parse *p, struct certificate *c)
{
	uint64_t n;

	cborr_array(&p->r, 2, 2, &n);
	cborr_bytes(&p->r, BLOCK_MAX, &c->b0);
	cborr_bytes(&p->r, PARAMS_MAX, &c->params);
}

static void read_record(struct parse *p, struct certificate *c)
{
	cborr_bytes(&p->r, RECORD_MAX, &c->d);
}

static void read_path(struct parse *p, struct certificate *c)
{
	uint64_t i, n = 0;

	cborr_array(&p->r, 3, 3, &n);
	cborr_uint(&p->r, &c->index);
	cborr_uint(&p->r, &c->n);
	n = 0;
	cborr_array(&p->r, 0, MERKLE_PATH_MAX, &n);
	for (i = 0; i < n; i++)
		cborr_hash(&p->r, &c->path[i]);
	c->path_len = (size_t)n;
}

static void read_block(struct parse *p, struct certificate *c)
{
	cborr_bytes(&p->r, BLOCK_MAX, &c->b);
}

static void read_pair(struct parse *p, size_t max, uint64_t *ret_type,
	struct bytes *ret)
{
	uint64_t n;

	cborr_array(&p->r, 2, 2, &n);
	cborr_uint(&p->r, ret_type);
	cborr_bytes(&p->r, max, ret);
}

static void read_upper(struct parse *p, struct certificate *c)
{
	read_pair(p, TIMESTAMP_MAX, &c->t_upper_type, &c->t_upper);
}

static void read_lower(struct parse *p, struct certificate *c)
{
	read_pair(p, TIMESTAMP_MAX, &c->t_lower_type, &c->t_lower);
}

/* [type, ...]: of another type than ours it is not looked into. */
static void read_typed(struct parse *p, size_t max, struct bytes *ret)
{
	struct cborr ahead = p->r;
	struct bytes item;
	uint64_t n, type = TYPED;

	cborr_array(&ahead, 1, KEYS_MAX, &n);
	cborr_uint(&ahead, &type);
	if (!ahead.bad && type != TYPED) {
		p->unknown = true;
		cborr_skip(&p->r, &item);
		return;
	}
	read_pair(p, max, &type, ret);
}

static void read_order(struct parse *p, struct certificate *c)
{
	read_typed(p, SEQUENCE_MAX, &c->s);
}

static void read_attestation(struct parse *p, struct certificate *c)
{
	uint64_t n;

	cborr_array(&p->r, 1, 1, &n);
	read_typed(p, ATTESTATION_MAX, &c->doc);
}

/* Keys 2 .. 10; magic and version come before. */
static void (*const parts[PARTS])(struct parse *p, struct certificate *c) = {
	NULL, NULL, read_chain, read_genesis, read_record, read_path,
	read_block, read_upper, read_lower, read_order, read_attestation,
};

static void read_log(struct parse *p, struct certificate *c)
{
	uint64_t n;

	cborr_array(&p->r, 2, 2, &n);
	cborr_bytes(&p->r, NOTE_MAX, &c->log.note);
	cborr_bytes(&p->r, RECEIPT_MAX, &c->log.receipt);
	if (c->log.note.n == 0 || c->log.receipt.n == 0)
		cborr_fail(&p->r);
}

static void read_final(struct parse *p, struct certificate *c)
{
	struct certificate_final *f = &c->final;
	uint64_t i, n = 0;

	cborr_array(&p->r, 3, 3, &n);
	cborr_bytes(&p->r, BLOCK_MAX, &f->b);
	read_pair(p, TIMESTAMP_MAX, &f->t_type, &f->t);
	n = 0;
	cborr_array(&p->r, 0, MLOG_DEPTH, &n);
	for (i = 0; i < n; i++)
		cborr_hash(&p->r, &f->path[i]);
	f->path_len = (size_t)n;
	c->has_final = true;
}

/* Passed over by whoever does not know it; kept, so that the certificate can
 * be written again. */
static void read_sync(struct parse *p, struct certificate *c)
{
	if (cborr_skip(&p->r, &c->sync) == 0 &&
		c->sync.n > CERTIFICATE_SYNC_MAX)
		cborr_fail(&p->r);
}

static void read_old(struct parse *p, struct certificate *c)
{
	if (cborr_bytes(&p->r, CERTIFICATE_MAX, &c->old) == 0 && c->old.n == 0)
		cborr_fail(&p->r);
}

static void read_bag(struct parse *p, struct certificate *c)
{
	uint64_t i, n = 0;

	cborr_array(&p->r, 1, PARAMS_BAG_MAX, &n);
	for (i = 0; i < n; i++)
		if (cborr_bytes(&p->r, PARAMS_AUTHORITY_MAX, &c->bag[i]) == 0 &&
			c->bag[i].n == 0)
			cborr_fail(&p->r);
	c->n_bag = (size_t)n;
}

static int expect_key(struct parse *p, struct cborr_keys *keys, uint64_t want)
{
	uint64_t key = UINT64_MAX;

	if (keys->left == 0 || cborr_key_uint(&p->r, keys, &key) != 0 ||
		key != want)
		return cborr_fail(&p->r);
	return 0;
}

/* -EOPNOTSUPP as soon as the version is another: the rest may be anything. */
static int read_opening(struct parse *p, struct cborr_keys *keys)
{
	uint64_t version = 0;

	cborr_tag(&p->r, TAG_SELF_DESCRIBED);
	cborr_map(&p->r, KEYS_MAX, keys);
	expect_key(p, keys, 0);
	cborr_text_is(&p->r, MAGIC);
	expect_key(p, keys, 1);
	if (cborr_uint(&p->r, &version) != 0)
		return -EBADMSG;
	return version == CERTIFICATE_VERSION ? 0 : -EOPNOTSUPP;
}

/* range.h says which of these fit together; the record knows the size. */
static void read_range(struct parse *p, struct range *r)
{
	uint64_t i, n = 0;

	cborr_array(&p->r, 5, 5, &n);
	cborr_uint(&p->r, &r->from);
	cborr_uint(&p->r, &r->to);
	cborr_bytes(&p->r, RANGE_EDGE_MAX, &r->left);
	cborr_bytes(&p->r, RANGE_EDGE_MAX, &r->right);
	n = 0;
	cborr_array(&p->r, 0, RANGE_HASHES_MAX, &n);
	for (i = 0; i < n; i++)
		cborr_hash(&p->r, &r->hash[i]);
	r->n = (size_t)n;
	if (r->to <= r->from)
		cborr_fail(&p->r);
}

/* What follows the parts known: positive keys matter, negative ones do not. */
static void read_rest(
	struct parse *p, struct cborr_keys *keys, struct certificate *c)
{
	const uint8_t *start = p->r.p;
	struct bytes item;
	int64_t key;

	while (keys->left > 0 && cborr_key_int(&p->r, keys, &key) == 0) {
		if (key == KEY_LOG) {
			read_log(p, c);
		} else if (key == KEY_FINAL) {
			read_final(p, c);
		} else if (key == KEY_SYNC) {
			read_sync(p, c);
		} else if (key == KEY_OLD) {
			read_old(p, c);
		} else if (key == KEY_BAG) {
			read_bag(p, c);
		} else if (key == KEY_RANGE) {
			read_range(p, &c->range);
		} else {
			p->unknown = p->unknown || key >= 0;
			c->ignored = c->ignored || key < 0;
			cborr_skip(&p->r, &item);
		}
	}
	c->added = BYTES(start, (size_t)(p->r.p - start));
}

int certificate_decode(struct bytes in, struct certificate *ret)
{
	struct certificate c = {0};
	struct cborr_keys keys = {0};
	struct parse p = {0};
	uint64_t key;
	int rc;

	if (in.n > CERTIFICATE_MAX)
		return -EBADMSG;
	cborr_init(&p.r, in);
	rc = read_opening(&p, &keys);
	if (rc != 0)
		return rc;
	for (key = 2; key < PARTS; key++)
		if (expect_key(&p, &keys, key) == 0)
			parts[key](&p, &c);
	read_rest(&p, &keys, &c);
	if (cborr_end(&p.r) != 0)
		return -EBADMSG;
	if (p.unknown)
		return -EOPNOTSUPP;
	*ret = c;
	return 0;
}

#define SUFFIX ".cert"
#define CUT_HASH 8	/* bytes of its hash, to tell a name from its likes */
/* bytes kept of a name that is too long */
#define CUT (CERTIFICATE_NAME_CUT - 1 - 2 * CUT_HASH)

void certificate_name(struct bytes name, char ret[CERTIFICATE_NAME_MAX + 1])
{
	struct hash h;

	if (name.n <= CERTIFICATE_NAME_LONG) {
		memcpy(ret, name.p, name.n);
		memcpy(ret + name.n, SUFFIX, sizeof(SUFFIX));
		return;
	}
	h = hash_sha3(name);
	memcpy(ret, name.p, CUT);
	ret[CUT] = '~';
	hex_encode(BYTES(h.b, CUT_HASH), ret + CUT + 1);
	memcpy(ret + CUT + 1 + 2 * CUT_HASH, SUFFIX, sizeof(SUFFIX));
}
