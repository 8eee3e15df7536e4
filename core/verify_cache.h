/*
 * verify_cache: what verify_cached() remembers between certificates.
 *
 * Files of one block differ in record and path only; the rest of their
 * certificates is the same bytes, and is judged once.  Blocks of one epoch
 * share an attestation document, whose certificate path costs most of all.
 * Entries are found by a hash of the exact bytes judged, never by a name in
 * them; those of the last blocks by the bytes themselves, which is quicker.
 * Tables of fixed size: a newer entry takes an older one's place.
 */
#ifndef CORE_VERIFY_CACHE_H
#define CORE_VERIFY_CACHE_H

#include "core/bytes.h"
#include "core/verdict.h"
#include "core/verify.h"

/* What the parts beside record and path say, up to where they fail. */
struct evidence {
	enum verdict verdict;
	uint64_t after_ms, by_ms;
	uint64_t final_ms;
	uint8_t after, by, final; /* struct timestamp's signers */
	uint64_t height, k;
	uint64_t log_size; /* of key 11; 0: none */
	uint32_t epoch, recoveries;
};

/* All that judging evidence reads; the last is not bytes but what they are. */
enum { EVIDENCE_B, EVIDENCE_B0, EVIDENCE_PARAMS, EVIDENCE_UPPER,
	EVIDENCE_LOWER, EVIDENCE_S, EVIDENCE_DOC, EVIDENCE_ADDED, EVIDENCE_PARTS };
struct evidence_parts {
	struct bytes part[EVIDENCE_PARTS];
	uint64_t t_upper_type, t_lower_type;
};

/* Of one of the last blocks: H(b0), its parameters being good, and what was
 * judged. */
bool verify_cache_recent(struct verify_cache *c, const struct evidence_parts *p,
	struct hash *ret_anchor, struct evidence *ret);
/* Without memory nothing is remembered. */
void verify_cache_add_recent(struct verify_cache *c,
	const struct evidence_parts *p, const struct hash *anchor,
	const struct evidence *e);

/* A path near leaf i of the tree mh; n == 0: none. */
void verify_cache_path(struct verify_cache *c, const struct hash *mh,
	uint64_t i, struct merkle_known *ret);
void verify_cache_add_path(
	struct verify_cache *c, const struct merkle_known *known);

bool verify_cache_evidence(struct verify_cache *c, const struct hash *key,
	struct evidence *ret);
void verify_cache_add_evidence(struct verify_cache *c, const struct hash *key,
	const struct evidence *e);
bool verify_cache_document(struct verify_cache *c, const struct hash *key,
	enum verdict *ret);
void verify_cache_add_document(
	struct verify_cache *c, const struct hash *key, enum verdict v);

#endif
