/*
 * share: the framing of one share of an object in a bucket.
 *
 *	128-byte header | META in clear | payload | CRC32C of each cell, be32
 *
 * Header, big endian: "NFSH" | version 1 u8 | w 8 u8 | k u8 | n u8 | index u16
 * | flags 0 u16 | cell u32 | object length u64 | META length u64 | payload
 * length u64 | H(META) 32 | coefficients 16 | zeros to 124 | CRC32C u32 of the
 * 124 bytes before it.
 * CRC32C finds accidents; that the bytes are the right ones is shown only by
 * the content roots, so a reader tries shares until those hold.
 */
#ifndef BACKENDS_SHARE_H
#define BACKENDS_SHARE_H

#include "core/bytes.h"
#include "backends/rlnc.h"

#define SHARE_HEADER 128
#define SHARE_LENGTH_MAX (1ull << 40) /* bytes of an object, and of META */

struct share_header {
	uint8_t k, n;
	uint16_t index;
	uint32_t cell;
	uint64_t length;	/* bytes of the object */
	uint64_t meta_length, payload_length;
	struct hash hy;
	uint8_t row[RLNC_K_MAX];
};

void share_header_encode(const struct share_header *h,
	uint8_t ret[SHARE_HEADER]);
/* -EBADMSG for anything inconsistent, a bad CRC included. */
int share_header_decode(const uint8_t in[SHARE_HEADER],
	struct share_header *ret);
/* Bytes of the whole share object. */
uint64_t share_size(const struct share_header *h);
uint32_t share_crc32c(uint32_t crc, struct bytes data); /* start with 0 */

#endif
