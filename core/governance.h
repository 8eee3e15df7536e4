/*
 * governance: orders that only a governance key of the chain can give, as they
 * stand in a record: the release of a hold, a deletion by privilege, and that
 * governance becomes compliance.
 *
 * An order is a COSE_Sign1 (cose.h) over CBOR
 *	["notaryfs.govern.v1", chain32, kind, about32, reason]
 * with the kind, about and reason of its record, so it holds for this one
 * record of this one chain; what it is about names path and salt, and a hold
 * that is placed again is another record, so no order can be used twice for
 * something else.
 */
#ifndef CORE_GOVERNANCE_H
#define CORE_GOVERNANCE_H

#include <openssl/evp.h>

#include "core/bytes.h"

struct params;
struct record;

/* Signs the order of that hold, deletion or compliance; ES256 or ES384 as the key's curve
 * has it.  -EINVAL for another kind or without a reason; -EIO. */
int governance_sign(EVP_PKEY *key, const struct hash *chain,
	const struct record *r, struct buf *ret);
/* Is the record's authority by one of the chain's keys, and about exactly this
 * record?  A compliance must be about the chain.  0, -EKEYREJECTED. */
int governance_check(const struct params *p, const struct hash *chain,
	const struct record *r);

#endif
