/*
 * cborhead: the head of a CBOR item, shortest form (RFC 8949 4.2.1).
 *
 * For the few places that must write CBOR without libcbor: Sig_structure in
 * the verifier, and the enclave's statements.  Everything else is written
 * through cborwrite.h; a test holds the two equal.
 */
#ifndef CORE_CBORHEAD_H
#define CORE_CBORHEAD_H

#include <stddef.h>
#include <stdint.h>

enum cbor_major {
	CBOR_UINT = 0,
	CBOR_NINT = 1,
	CBOR_BYTES = 2,
	CBOR_TEXT = 3,
	CBOR_ARRAY = 4,
	CBOR_MAP = 5,
	CBOR_TAG = 6,
	CBOR_SIMPLE = 7,
};

#define CBOR_NULL 0xf6
#define CBOR_HEAD_MAX 9

/* Writes 1..9 bytes and returns how many. */
static inline size_t cbor_head(
	uint8_t ret[CBOR_HEAD_MAX], enum cbor_major major, uint64_t v)
{
	uint8_t m = (uint8_t)((unsigned)major << 5);
	size_t i, w;

	if (v < 24) {
		ret[0] = (uint8_t)(m | v);
		return 1;
	}
	w = v <= 0xff ? 1 : v <= 0xffff ? 2 : v <= 0xffffffff ? 4 : 8;
	ret[0] = (uint8_t)(m | (w == 1 ? 24 : w == 2 ? 25 : w == 4 ? 26 : 27));
	for (i = 0; i < w; i++)
		ret[1 + i] = (uint8_t)(v >> (8 * (w - 1 - i)));
	return 1 + w;
}

#endif
