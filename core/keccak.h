/*
 * keccak: SHA3-256 of several messages at once, one in each 64-bit lane of the
 * machine's vectors.
 *
 *	8 lanes	AVX-512		4 lanes	AVX2
 *
 * The kernel is chosen at run time.  Before its first use it is held against
 * OpenSSL over lengths around every block border; one that disagrees is never
 * used.  Only hash.c calls this.
 */
#ifndef CORE_KECCAK_H
#define CORE_KECCAK_H

#include "core/bytes.h"

#define KECCAK_RATE 136		/* bytes absorbed by a permutation */
#define KECCAK_LANES_MAX 8

/* One message: `len` bytes, then the byte `tag` if it is >= 0. */
struct keccak_job {
	const uint8_t *p;
	size_t len;
	int tag;
	struct hash *out;
};

struct keccak_kernel {
	const char *name;
	unsigned lanes;
	/* Any number of messages of any lengths; a lane whose message ended
	 * takes the next.  Quickest when the long ones come first. */
	void (*run)(const struct keccak_job *jobs, size_t n);
};

/* The best kernel of this machine, or NULL: use OpenSSL. */
const struct keccak_kernel *keccak_best(void);
/* From now on keccak_best() gives k, or NULL.  For tests and benchmarks, while
 * no other thread hashes. */
void keccak_choose(const struct keccak_kernel *k);
/* The i-th kernel that this machine can run, for tests and benchmarks; NULL
 * past the last. */
const struct keccak_kernel *keccak_kernel(unsigned i);
/* Does it agree with OpenSSL? */
bool keccak_selftest(const struct keccak_kernel *k);

#endif
