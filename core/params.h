/*
 * params: the chain's parameters, the one leaf of block zero's tree.
 *
 * H(b0) is all that a verifier must be given: b0 commits to this record, and
 * this record says by whom times and numbers are given, what code may give
 * numbers, and how contents are stored.  It never changes.
 *
 * CBOR map with unsigned keys, ascending (see core/FORMAT.md):
 *   0 "notaryfs-chain"   1 version (1)
 *   2 trust class        0 local software, 1 AWS Nitro
 *   3 K_S                SubjectPublicKeyInfo DER of the first sequencer key
 *   4 SHA3-256 of the payload of its first attestation document
 *   5 accepted images    null = any (class local only), or
 *                        [+ {PCR number: bytes48}]
 *   6 attestation roots  [+ SHA-256 of the root certificate's DER]
 *   7 timestamp authorities [+ [type, key or certificate bytes, name text]]
 *   8 quorum of them     (1..number of authorities)
 *   9 shares             [k, n, w, cell bytes], 1 <= k <= n, w = 8
 *  10 buckets            [n name texts]
 *  11 recovery keys      [1, [+ SubjectPublicKeyInfo DER]]: one of them signs
 *  12 retention mode     0 none, 1 governance, 2 compliance
 *  13 digests            [* names] written beside the content root, in the
 *                        order of a record's (shorter first, then bytewise)
 *  14 installation       16 random bytes
 *  15 governance keys    [+ SubjectPublicKeyInfo DER]: any one of them orders
 *                        what governance.h says
 * The first fifteen are present; 15 stands only where 12 is not 0.
 */
#ifndef CORE_PARAMS_H
#define CORE_PARAMS_H

#include "core/bytes.h"

#define PARAMS_VERSION 1
#define PARAMS_MAX 16384	/* bytes encoded */
#define PARAMS_KEY_MAX 512	/* bytes of one public key */
#define PARAMS_IMAGES_MAX 16
#define PARAMS_PCRS_MAX 32
#define PARAMS_BAG_MAX 16	/* certificates, each like an authority's */
#define PARAMS_ROOTS_MAX 8
#define PARAMS_AUTHORITIES_MAX 8
#define PARAMS_AUTHORITY_MAX 4096 /* bytes of a key or certificate */
#define PARAMS_CELL_MAX (1 << 20) /* bytes */
#define PARAMS_BUCKETS_MAX 16
#define PARAMS_RECOVERY_MAX 8
#define PARAMS_DIGESTS_MAX 8
#define PARAMS_NAME_MAX 255	/* bytes of a text, at least 1 */
#define PARAMS_GOVERNANCE_MAX 8

enum retention_mode {
	RETENTION_NONE = 0,	/* what is sealed is kept for ever */
	RETENTION_GOVERNANCE = 1, /* until its date, or a governance key's word */
	RETENTION_COMPLIANCE = 2, /* until its date */
};

enum trust_class { TRUST_LOCAL = 0, TRUST_NITRO = 1 };

struct params_pcr {
	uint8_t number;
	uint8_t value[48];
};

struct params_image {
	size_t n;
	struct params_pcr pcr[PARAMS_PCRS_MAX];	/* numbers ascending */
};

struct params_authority {
	uint8_t type;		/* enum timestamp_type */
	struct bytes key;	/* local: 32 bytes Ed25519; others: see type */
	struct bytes name;	/* text */
};

struct params {
	enum trust_class trust;
	struct bytes sequencer_key;
	struct hash first_document;
	bool any_image;
	size_t n_images;
	struct params_image image[PARAMS_IMAGES_MAX];
	size_t n_roots;
	struct hash root[PARAMS_ROOTS_MAX];
	size_t n_authorities;
	struct params_authority authority[PARAMS_AUTHORITIES_MAX];
	uint64_t quorum;
	uint8_t share_k, share_n, share_w;
	uint32_t share_cell;	/* bytes, a multiple of 64 */
	size_t n_buckets;
	struct bytes bucket[PARAMS_BUCKETS_MAX];
	uint64_t recovery_m;
	size_t n_recovery;
	struct bytes recovery_key[PARAMS_RECOVERY_MAX];
	enum retention_mode retention_mode;
	size_t n_governance;
	struct bytes governance_key[PARAMS_GOVERNANCE_MAX];
	size_t n_digests;
	struct bytes digest[PARAMS_DIGESTS_MAX];
	uint8_t installation[16];
	/* Not of the parameters: certificates that came with a token and may
	 * complete it (certificate.h, key 15).  Not trusted. */
	size_t n_bag;
	struct bytes bag[PARAMS_BAG_MAX];
};

/* By whom the sequencer is vouched for, as it is said to people: class 1 is the
 * word of AWS only where AWS's is the only root. */
enum vouched { VOUCHED_LOCAL, VOUCHED_AWS, VOUCHED_OTHER };
enum vouched params_vouched(const struct params *p);
/* "local", "nitro", "other"; and "local software", "AWS Nitro" and the like. */
const char *vouched_name(enum vouched v);
const char *vouched_text(enum vouched v);
/* Does a timestamp need the word of somebody else than the machine's owner: are
 * fewer of the authorities local than the quorum? */
bool params_time_elsewhere(const struct params *p);
/* Do they name this algorithm among those of the digests (key 13)? */
bool params_names_digest(const struct params *p, struct bytes algorithm);
/* "none", "governance", "compliance". */
const char *params_mode_name(enum retention_mode m);
/* Points into `in`.  -EBADMSG; -EOPNOTSUPP for a version or class unknown. */
int params_decode(struct bytes in, struct params *ret);
/* -EINVAL for what params_decode() would refuse.  (params_write.c) */
int params_encode(const struct params *p, struct buf *ret);

#endif
