/*
 * bytes: runs of bytes.
 *
 * `struct bytes` points at memory that somebody else owns and must outlive it.
 * `struct buf` owns its memory; buf_free() gives it back and may be called
 * twice or on a zeroed struct.  `struct hash` is 32 bytes by value.
 *
 * Errors here, as in all of core: 0 or a negative errno; outputs named ret...
 * are untouched on failure.
 */
#ifndef CORE_BYTES_H
#define CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_LEN 32	/* bytes of SHA3-256 and of SHA-256 */
#define HASH_HEX 64	/* characters of a hash in lower-case hex */

struct hash {
	uint8_t b[HASH_LEN];
};

struct bytes {
	const uint8_t *p;
	size_t n;
};

struct buf {
	uint8_t *p;
	size_t n;	/* bytes in use */
	size_t cap;	/* bytes allocated */
};

#define BYTES(ptr, len) ((struct bytes){(const uint8_t *)(ptr), (len)})
#define BUF_BYTES(buf) ((struct bytes){(buf)->p, (buf)->n})
#define HASH_BYTES(h) ((struct bytes){(h)->b, HASH_LEN})

/* Append n bytes.  -ENOMEM; -E2BIG when the sum would overflow. */
int buf_add(struct buf *b, const void *p, size_t n);
/* Make room for `more` bytes beyond n, without changing n. */
int buf_reserve(struct buf *b, size_t more);
/* A fresh copy of v in *ret, which must be empty or zeroed. */
int buf_copy(struct bytes v, struct buf *ret);
void buf_free(struct buf *b);

bool bytes_equal(struct bytes a, struct bytes b);
bool hash_equal(const struct hash *a, const struct hash *b);
bool hash_is_zero(const struct hash *h);

/* The character of UTF-8 that s begins with: its length, and *ret; 0 if that is
 * none (overlong, a surrogate, above U+10FFFF, cut off), or s is empty. */
size_t bytes_utf8(struct bytes s, uint32_t *ret);

/* Lower-case hex; ret has room for 2 * n + 1 characters. */
void hex_encode(struct bytes v, char *ret);
/* Exactly n bytes from exactly 2 * n hex digits of either case; -EINVAL. */
int hex_decode(const char *s, uint8_t *ret, size_t n);

#endif
