/*
 * hash: SHA3-256 (the patent's H) and SHA-256 (main log, plain digests).
 *
 * Many messages at once go through hash_many(), behind which the wide kernels
 * stand; single messages go to OpenSSL, or where that has no memory to
 * keccak_plain().  So hashing cannot fail; making a hasher can.  Any thread.
 */
#ifndef CORE_HASH_H
#define CORE_HASH_H

#include "core/bytes.h"

/* One message. */
struct hash hash_sha3(struct bytes msg);
struct hash hash_sha256(struct bytes msg);

/* The concatenation of n parts, n <= 16, without copying them together. */
struct hash hash_sha3_parts(const struct bytes *parts, size_t n);
struct hash hash_sha256_parts(const struct bytes *parts, size_t n);

/* SHA3-256 of n messages of any lengths; ret has room for n.  The lanes of a
 * wide kernel stay busy: one whose message ended takes the next. */
void hash_many(const struct bytes *msgs, size_t n, struct hash *ret);
/* The same with the byte tag behind each message, if tag >= 0. */
void hash_tagged(
	const struct bytes *msgs, size_t n, int tag, struct hash *ret);

/* SHA3-256 of n messages of equal length len at p, p + stride, ..., each
 * followed by the byte tag if tag >= 0. */
void hash_stride(const uint8_t *p, size_t stride, size_t len, size_t n,
	int tag, struct hash *ret);

/* A running digest.  Free with hasher_free(), finished or not. */
enum hash_kind { HASH_SHA3_256, HASH_SHA256 };
struct hasher;
struct hasher *hasher_new(enum hash_kind kind); /* NULL: no memory */
/* Another one that stands where this does.  NULL: no memory. */
struct hasher *hasher_copy(const struct hasher *h);
void hasher_add(struct hasher *h, struct bytes part);
/* n zero bytes.  At the speed of the digest, for nothing is known of a run of
 * zeros behind other bytes; but nothing need be read. */
void hasher_add_zeros(struct hasher *h, uint64_t n);
struct hash hasher_end(struct hasher *h); /* may be called once */
void hasher_free(struct hasher *h);

#endif
