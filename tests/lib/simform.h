/*
 * simform: the simulated encodings of the chain vectors, read strictly.
 *
 *	b = [u16, mH32, tH32]
 *	t = [y32, p, g]			g by K_T over H(["notaryfs.t.v1", y, p])
 *	a = [[y48, k, g], K, I, p, ga]	g by K over H(["notaryfs.s.v1", y, k]),
 *		ga by K_A over H(["notaryfs.a.v1", [y, k, g], K, I, p])
 *
 * All keys and signatures are Ed25519.  They are for the vectors alone: the
 * product knows its own formats only.
 */
#ifndef TESTS_LIB_SIMFORM_H
#define TESTS_LIB_SIMFORM_H

#include "core/bytes.h"

struct sim_params {
	struct hash b0;
	uint8_t ks[32], kt[32], ka[32], image[32];
};

struct sim_block {
	struct hash hb, mh, th;
	uint8_t u[16];
};

struct sim_stamp {
	struct hash ht, y;
	bool valid;	/* signed by K_T */
};

struct sim_number {
	uint64_t k;
	uint8_t y[48];
	bool valid;	/* check(): platform, image, key and signature */
};

/* 0, or -EBADMSG for what is malformed. */
int sim_block_read(struct bytes raw, struct sim_block *ret);
int sim_stamp_read(const struct sim_params *p, struct bytes raw,
	struct sim_stamp *ret);
int sim_number_read(const struct sim_params *p, struct bytes raw,
	struct sim_number *ret);

#endif
