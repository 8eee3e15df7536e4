#include "core/params.h"

#include <errno.h>

#include "core/cborread.h"
#include "core/record.h"
#include "core/timestamp.h"

enum {
	KEY_MAGIC, KEY_VERSION, KEY_TRUST, KEY_SEQUENCER, KEY_DOCUMENT,
	KEY_IMAGES, KEY_ROOTS, KEY_AUTHORITIES, KEY_QUORUM, KEY_SHARES,
	KEY_BUCKETS, KEY_RECOVERY, KEY_RETENTION, KEY_DIGESTS,
	KEY_INSTALLATION, KEYS, KEY_GOVERNANCE = KEYS
};

static int expect_key(struct cborr *r, struct cborr_keys *keys, uint64_t want)
{
	uint64_t key = KEYS;

	if (cborr_key_uint(r, keys, &key) != 0 || key != want)
		return cborr_fail(r);
	return 0;
}

/* A byte string of 1..max bytes. */
static void read_some(struct cborr *r, size_t max, struct bytes *ret)
{
	if (cborr_bytes(r, max, ret) == 0 && ret->n == 0)
		cborr_fail(r);
}

static void read_name(struct cborr *r, struct bytes *ret)
{
	if (cborr_text(r, PARAMS_NAME_MAX, ret) == 0 && ret->n == 0)
		cborr_fail(r);
}

static void read_image(struct cborr *r, struct params_image *image)
{
	struct cborr_keys keys = {0};
	struct params_pcr *pcr;
	uint64_t number = 0;

	if (cborr_map(r, PARAMS_PCRS_MAX, &keys) != 0 || keys.left == 0) {
		cborr_fail(r);
		return;
	}
	while (keys.left > 0) {
		pcr = &image->pcr[image->n++];
		cborr_key_uint(r, &keys, &number);
		if (cborr_fixed(r, pcr->value, sizeof(pcr->value)) != 0)
			return;
		if (number >= PARAMS_PCRS_MAX) {
			cborr_fail(r);
			return;
		}
		pcr->number = (uint8_t)number;
	}
}

static void read_images(struct cborr *r, struct params *p)
{
	uint64_t n = 0, i;

	if (cborr_peek_null(r)) {
		p->any_image = true;
		cborr_null(r);
		if (p->trust != TRUST_LOCAL)
			cborr_fail(r); /* hardware without a measured image */
		return;
	}
	cborr_array(r, 1, PARAMS_IMAGES_MAX, &n);
	for (i = 0; i < n; i++)
		read_image(r, &p->image[i]);
	p->n_images = n;
}

static void read_roots(struct cborr *r, struct params *p)
{
	uint64_t n = 0, i;

	cborr_array(r, 1, PARAMS_ROOTS_MAX, &n);
	for (i = 0; i < n; i++)
		cborr_hash(r, &p->root[i]);
	p->n_roots = n;
}

static void read_authority(struct cborr *r, struct params_authority *a)
{
	uint64_t three, type = 0;

	cborr_array(r, 3, 3, &three);
	cborr_uint_max(r, TIMESTAMP_JWT, &type);
	read_some(r, PARAMS_AUTHORITY_MAX, &a->key);
	read_name(r, &a->name);
	a->type = (uint8_t)type;
	if (type == TIMESTAMP_LOCAL && a->key.n != 32)
		cborr_fail(r);
}

static void read_authorities(struct cborr *r, struct cborr_keys *keys,
	struct params *p)
{
	uint64_t n = 0, i;

	expect_key(r, keys, KEY_AUTHORITIES);
	cborr_array(r, 1, PARAMS_AUTHORITIES_MAX, &n);
	for (i = 0; i < n; i++)
		read_authority(r, &p->authority[i]);
	p->n_authorities = n;
	expect_key(r, keys, KEY_QUORUM);
	cborr_uint_max(r, n, &p->quorum);
	if (p->quorum == 0)
		cborr_fail(r);
}

static void read_shares(struct cborr *r, struct params *p)
{
	uint64_t four, k = 0, n = 0, w = 0, cell = 0;

	cborr_array(r, 4, 4, &four);
	cborr_uint(r, &k);
	cborr_uint_max(r, PARAMS_BUCKETS_MAX, &n);
	cborr_uint(r, &w);
	cborr_uint_max(r, PARAMS_CELL_MAX, &cell);
	if (k == 0 || k > n || w != 8 || cell == 0 || cell % 64 != 0)
		cborr_fail(r);
	p->share_k = (uint8_t)k;
	p->share_n = (uint8_t)n;
	p->share_w = (uint8_t)w;
	p->share_cell = (uint32_t)cell;
}

/* One name for each share. */
static void read_buckets(struct cborr *r, struct params *p)
{
	uint64_t n = 0, i;

	cborr_array(r, p->share_n, p->share_n, &n);
	for (i = 0; i < n; i++)
		read_name(r, &p->bucket[i]);
	p->n_buckets = n;
}

/* A recovery record has one signature.  More than one asked for would be a
 * promise that nobody keeps. */
static void read_recovery(struct cborr *r, struct params *p)
{
	uint64_t two, n = 0, i;

	cborr_array(r, 2, 2, &two);
	cborr_uint(r, &p->recovery_m);
	cborr_array(r, 1, PARAMS_RECOVERY_MAX, &n);
	for (i = 0; i < n; i++)
		read_some(r, PARAMS_KEY_MAX, &p->recovery_key[i]);
	p->n_recovery = n;
	if (p->recovery_m != 1)
		cborr_fail(r);
}

/* Each once, in the order in which records carry them. */
static void read_digest_names(struct cborr *r, struct params *p)
{
	struct cborr_keys order = {0};
	uint64_t n = 0, i;

	cborr_array(r, 0, PARAMS_DIGESTS_MAX, &n);
	order.left = n;
	for (i = 0; i < n; i++)
		if (cborr_key_text(r, &order, &p->digest[i]) == 0 &&
			!record_digest_name_ok(p->digest[i]))
			cborr_fail(r);
	p->n_digests = n;
}

static void read_services(struct cborr *r, struct cborr_keys *keys,
	struct params *p)
{
	expect_key(r, keys, KEY_SEQUENCER);
	read_some(r, PARAMS_KEY_MAX, &p->sequencer_key);
	expect_key(r, keys, KEY_DOCUMENT);
	cborr_hash(r, &p->first_document);
	expect_key(r, keys, KEY_IMAGES);
	read_images(r, p);
	expect_key(r, keys, KEY_ROOTS);
	read_roots(r, p);
	read_authorities(r, keys, p);
}

static void read_storage(struct cborr *r, struct cborr_keys *keys,
	struct params *p)
{
	uint64_t mode = 0;

	expect_key(r, keys, KEY_SHARES);
	read_shares(r, p);
	expect_key(r, keys, KEY_BUCKETS);
	read_buckets(r, p);
	expect_key(r, keys, KEY_RECOVERY);
	read_recovery(r, p);
	expect_key(r, keys, KEY_RETENTION);
	cborr_uint_max(r, RETENTION_COMPLIANCE, &mode);
	p->retention_mode = (enum retention_mode)mode;
	expect_key(r, keys, KEY_DIGESTS);
	read_digest_names(r, p);
	expect_key(r, keys, KEY_INSTALLATION);
	cborr_fixed(r, p->installation, sizeof(p->installation));
}

static void read_governance(struct cborr *r, struct cborr_keys *keys,
	struct params *p)
{
	uint64_t n = 0, i;

	expect_key(r, keys, KEY_GOVERNANCE);
	cborr_array(r, 1, PARAMS_GOVERNANCE_MAX, &n);
	for (i = 0; i < n; i++)
		read_some(r, PARAMS_KEY_MAX, &p->governance_key[i]);
	p->n_governance = n;
	if (p->retention_mode == RETENTION_NONE)
		cborr_fail(r); /* there is nothing that it could order */
}

/* SHA-256 of the root that AWS publishes (aws.nitro-enclaves, Root-G1, until
 * 2049).  Its partitions in China and GovCloud have others. */
static const struct hash aws_root = {{
	0x64, 0x1a, 0x03, 0x21, 0xa3, 0xe2, 0x44, 0xef, 0xe4, 0x56, 0x46, 0x31,
	0x95, 0xd6, 0x06, 0x31, 0x7e, 0xd7, 0xcd, 0xcc, 0x3c, 0x17, 0x56, 0xe0,
	0x98, 0x93, 0xf3, 0xc6, 0x8f, 0x79, 0xbb, 0x5b}};

enum vouched params_vouched(const struct params *p)
{
	size_t i;

	if (p->trust == TRUST_LOCAL)
		return VOUCHED_LOCAL;
	for (i = 0; i < p->n_roots; i++)
		if (!hash_equal(&p->root[i], &aws_root))
			return VOUCHED_OTHER;
	return VOUCHED_AWS;
}

static const struct {
	const char *name, *text;
} vouched[] = {
	[VOUCHED_LOCAL] = {"local", "local software"},
	[VOUCHED_AWS] = {"nitro", "AWS Nitro"},
	[VOUCHED_OTHER] = {"other", "in AWS Nitro's form, by a root that is not AWS's"},
};

const char *vouched_name(enum vouched v)
{
	return vouched[v].name;
}

const char *vouched_text(enum vouched v)
{
	return vouched[v].text;
}

bool params_time_elsewhere(const struct params *p)
{
	size_t local = 0, i;

	for (i = 0; i < p->n_authorities; i++)
		local += p->authority[i].type == TIMESTAMP_LOCAL;
	return local < p->quorum;
}

bool params_names_digest(const struct params *p, struct bytes algorithm)
{
	size_t i;

	for (i = 0; i < p->n_digests; i++)
		if (bytes_equal(p->digest[i], algorithm))
			return true;
	return false;
}

const char *params_mode_name(enum retention_mode m)
{
	static const char *const names[] = {
		[RETENTION_NONE] = "none",
		[RETENTION_GOVERNANCE] = "governance",
		[RETENTION_COMPLIANCE] = "compliance",
	};

	return names[m];
}

int params_decode(struct bytes in, struct params *ret)
{
	struct params p = {0};
	struct cborr r;
	struct cborr_keys keys = {0};
	uint64_t version = 0, trust = 0, pairs;

	if (in.n > PARAMS_MAX)
		return -EBADMSG;
	cborr_init(&r, in);
	cborr_map(&r, PARAMS_MAX, &keys);
	pairs = keys.left;
	expect_key(&r, &keys, KEY_MAGIC);
	cborr_text_is(&r, "notaryfs-chain");
	expect_key(&r, &keys, KEY_VERSION);
	if (cborr_uint(&r, &version) != 0)
		return -EBADMSG;
	if (version != PARAMS_VERSION)
		return -EOPNOTSUPP;
	if (pairs != KEYS && pairs != KEYS + 1)
		return -EBADMSG;
	expect_key(&r, &keys, KEY_TRUST);
	if (cborr_uint(&r, &trust) != 0)
		return -EBADMSG;
	if (trust > TRUST_NITRO)
		return -EOPNOTSUPP;
	p.trust = (enum trust_class)trust;
	read_services(&r, &keys, &p);
	read_storage(&r, &keys, &p);
	if (keys.left > 0)
		read_governance(&r, &keys, &p);
	if (cborr_end(&r) != 0)
		return -EBADMSG;
	*ret = p;
	return 0;
}
