/*
 * keccak_plain: SHA3-256 (FIPS 202) of one message, in C, which takes no
 * memory: for whoever has none left.  Slower than OpenSSL.
 */
#ifndef CORE_KECCAK_PLAIN_H
#define CORE_KECCAK_PLAIN_H

#include "core/bytes.h"

/* Of the concatenation of n parts. */
struct hash keccak_plain(const struct bytes *parts, size_t n);

#endif
