/*
 * fuzz: what the libFuzzer targets share.  One target a decoder: it must
 * return, never crash, and accept only what encodes to the same bytes again.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The decoder took `in` and the encoder made `again` of it. */
static inline void must_agree(int rc, struct bytes in, struct buf *again)
{
	if (rc != 0 || !bytes_equal(in, BUF_BYTES(again)))
		abort();
	buf_free(again);
}

#endif
