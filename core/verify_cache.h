/*
 * verify_cache: what verify_cached() remembers between certificates.
 *
 * Files of one block differ in record and path only; the rest of their
 * certificates is the same bytes, and is judged once.  Blocks of one epoch
 * share an attestation document, whose certificate path costs most of all.
 * Entries are found by a hash of the exact bytes judged, never by a name in
 * them.  Two tables of fixed size: a newer entry takes an older one's place.
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
	uint8_t after, by;	/* struct timestamp's signers */
	uint64_t height, k;
	uint32_t epoch, recoveries;
};

bool verify_cache_evidence(struct verify_cache *c, const struct hash *key,
	struct evidence *ret);
void verify_cache_add_evidence(struct verify_cache *c, const struct hash *key,
	const struct evidence *e);
bool verify_cache_document(struct verify_cache *c, const struct hash *key,
	enum verdict *ret);
void verify_cache_add_document(
	struct verify_cache *c, const struct hash *key, enum verdict v);

#endif
