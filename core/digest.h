/*
 * digest: digests by their names (IANA Named Information), for the renewal of
 * a certificate under a hash that the chain itself does not use.
 *
 * sha-256, sha-384, sha-512, sha3-256, sha3-384, sha3-512.  Any thread.
 */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include "core/bytes.h"

#define DIGEST_MAX 64 /* bytes of one */

/* Bits of work that a collision takes: 128, 192 or 256; 0: not known here. */
unsigned digest_strength(struct bytes name);

/* A running digest; NULL: not known, or no memory. */
struct digester;
struct digester *digester_new(struct bytes name);
void digester_add(struct digester *d, struct bytes part);
void digester_add_zeros(struct digester *d, uint64_t n); /* n bytes of zero */
/* Ends it and frees it; returns its length, 0 if it failed. */
size_t digester_end(struct digester *d, uint8_t ret[DIGEST_MAX]);
/* Of one message; 0 likewise. */
size_t digest_of(struct bytes name, struct bytes msg, uint8_t ret[DIGEST_MAX]);

#endif
