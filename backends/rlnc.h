/*
 * rlnc: random linear network coding over GF(2^8), polynomial 0x11d ([0034]).
 *
 * An object is cut into stripes of k cells; share i of a stripe is the linear
 * combination of its cells with coefficient row i.  Rows are drawn from
 * SHAKE128("notaryfs.rlnc.v1" || H(y) || k || n || systematic || attempt be32)
 * and redrawn until every k of the n rows are independent, so the same object
 * always gets the same shares.  Systematic: the first k rows are the identity.
 *
 * The arithmetic is jerasure's.  Cells must be 64-byte aligned in memory.  Its
 * tables are made by the first call of any of these in a process, which dies if
 * there is no memory for them: the making of a replica draws rows, before
 * anything was taken.
 */
#ifndef BACKENDS_RLNC_H
#define BACKENDS_RLNC_H

#include "core/bytes.h"

#define RLNC_K_MAX 16
#define RLNC_N_MAX 16
#define RLNC_CELL 65536		/* bytes of a full cell */
#define RLNC_CELL_MAX (1u << 20) /* bytes; k of them are held in memory */
/* Most k-subsets of n.  About one in 255 of them is dependent in a random
 * draw, so with more of them rows that fit all would hardly ever turn up. */
#define RLNC_SUBSETS_MAX 1000

struct rlnc_rows {
	unsigned k, n;
	uint8_t row[RLNC_N_MAX][RLNC_K_MAX];
};

/* Draws the rows of an object named by hy.  -EINVAL for k, n out of range
 * (1 <= k <= n <= 16, C(n, k) <= RLNC_SUBSETS_MAX); -ENOMEM.  *ret_attempt
 * may be NULL. */
int rlnc_draw(const struct hash *hy, unsigned k, unsigned n, bool systematic,
	struct rlnc_rows *ret, unsigned *ret_attempt);
/* Are every k of these rows independent? */
bool rlnc_any_k(const struct rlnc_rows *r);
/* Are these k rows (k bytes each) independent? */
bool rlnc_independent(unsigned k, const uint8_t (*rows)[RLNC_K_MAX]);

/* Bytes of one share of an object: full stripes of `cell`, the last one
 * ceil(rest / k) rounded up to 64. */
uint64_t rlnc_share_length(uint64_t length, unsigned k, uint32_t cell);

/* One stripe: out[i] = sum over j of row[i][j] * in[j], n_out rows.  cell is a
 * multiple of 64; out overlaps no in. */
void rlnc_encode(unsigned k, unsigned n_out,
	const uint8_t (*rows)[RLNC_K_MAX], const uint8_t *const *in,
	uint8_t *const *out, size_t cell);
/* The inverse matrix of k rows; -EINVAL when they are dependent. */
int rlnc_invert(unsigned k, const uint8_t (*rows)[RLNC_K_MAX],
	uint8_t (*ret)[RLNC_K_MAX]);

#endif
