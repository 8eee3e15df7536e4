/*
 * timestamp: the attestation t that a trusted service T gives over H(b)
 * ([0021]).  The authority's bytes are kept verbatim and H(t) is over them.
 *
 * Wherever a timestamp is stored it is the pair [type, bytes]:
 *   type 0  local: CBOR [y32, p_ms, g64], g = Ed25519 over
 *           H(CBOR ["notaryfs.t.v1", y, p_ms]), p in milliseconds since 1970
 *   type 1  RFC 3161: a TimeStampResp or a TimeStampToken (tsp.h)
 *   type 2  an identity token, JWT (jwt.h)
 *   type 3  stamps by several authorities: CBOR [2*8 [authority, type,
 *           bytes]], each of one of the types above and over the same block,
 *           authority being its place in the parameters, ascending
 * What the authority in the parameters is for each:
 *   type 0  key: Ed25519 public key; any name
 *   type 1  key: certificates in DER, one behind the other, the trusted root
 *           first; name: "tsa " and the policy in dotted decimal, or "tsa *"
 *   type 2  key: JWKS; name: the issuer, exactly
 *
 * A chain whose quorum is q believes what q authorities say, so fewer than q
 * that lie must not matter.  Of the times of one block, the q-th smallest is
 * such that the block existed by it: of the q authorities that gave it or an
 * earlier one, one is honest.  The q-th largest is such that whatever names the
 * stamps' hash is younger, for the same reason.  Of exactly q stamps these are
 * the last and the first; each further stamp can only bring them closer.
 */
#ifndef CORE_TIMESTAMP_H
#define CORE_TIMESTAMP_H

#include "core/bytes.h"
#include "core/params.h"
#include "core/verdict.h"

#define TIMESTAMP_MAX 32768 /* bytes of t, whatever its type */
/* Last millisecond of the year 9999: later ones have no RFC 3339 form. */
#define TIMESTAMP_MS_MAX UINT64_C(253402300799999)

enum timestamp_type {
	TIMESTAMP_LOCAL = 0,
	TIMESTAMP_RFC3161 = 1,
	TIMESTAMP_JWT = 2,
	TIMESTAMP_SET = 3,
};

struct timestamp {
	/* What was stamped: H(b).  Zero if the block was not given and the
	 * token's imprint is not SHA3-256. */
	struct hash y;
	uint64_t p_ms;		/* the block existed by, ms since 1970 */
	uint64_t after_ms;	/* what names H(t) is younger; of one stamp
				 * the same time */
	uint8_t signers;	/* bit i: authority i of the parameters */
};

/* One of the stamps of a type 3. */
struct timestamp_one {
	uint64_t authority, type;
	struct bytes t;
};

/* Parses t and checks it against the authorities in p (the patent's
 * validate) and that it is over the block: V_VALID, V_TIMESTAMP_MALFORMED,
 * V_TIMESTAMP_TYPE, V_TIMESTAMP_SIGNATURE, V_TIMESTAMP_BLOCK,
 * V_TIMESTAMP_TWICE, V_TIMESTAMP_QUORUM; V_NO_MEMORY.  Of several stamps every one has to
 * hold.  block.p is NULL where the block is not at hand; then it is not looked
 * at whether t is over it.  *ret is filled on V_VALID only. */
enum verdict timestamp_validate(const struct params *p, uint64_t type,
	struct bytes t, struct bytes block, struct timestamp *ret);
struct hash timestamp_hash(struct bytes t); /* H(t) */
/* An authority for a person: its name, and of type 1 whom its root certificate
 * names, cut off where that is longer; how many bytes.  It comes from outside,
 * zeros and all: print it as such.  (timestamp_who.c) */
#define TIMESTAMP_WHO_MAX 528
size_t timestamp_who(const struct params_authority *a,
	char ret[TIMESTAMP_WHO_MAX]);
/* SHA-256 of the root certificate of an authority of type 1, as authorities
 * publish it: names can be chosen.  False for others. */
bool timestamp_root(const struct params_authority *a, struct hash *ret);
/* Of the name of an authority of type 1: "tsa 1.2.3", or "tsa *" for any policy;
 * then *ret is empty.  false: no such name. */
bool timestamp_tsa_policy(struct bytes name, struct bytes *ret);
/* Takes a type 3 apart; points into t.  -EBADMSG; -EEXIST if an authority
 * stands there twice.  (timestamp_set.c) */
int timestamp_set_decode(struct bytes t,
	struct timestamp_one ret[PARAMS_AUTHORITIES_MAX], size_t *ret_n);
/* -EINVAL for what that would refuse. */
int timestamp_set_encode(
	const struct timestamp_one *one, size_t n, struct buf *ret);

/* The local form.  key is a 32-byte Ed25519 seed.  -ENOMEM, -EIO;
 * -EINVAL beyond TIMESTAMP_MS_MAX. */
int timestamp_local_make(const uint8_t seed[32], const struct hash *y,
	uint64_t p_ms, struct buf *ret);
/* Public key of a seed. */
int timestamp_local_public(const uint8_t seed[32], uint8_t ret[32]);
/* H(CBOR ["notaryfs.t.v1", y, p]): what g is over. */
struct hash timestamp_local_message(const struct hash *y, uint64_t p_ms);
/* Reads the local form without checking its signature; -EBADMSG. */
int timestamp_local_decode(struct bytes t, struct hash *ret_y,
	uint64_t *ret_p_ms, struct bytes *ret_g);

#endif
