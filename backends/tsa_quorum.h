/*
 * tsa_quorum: several timestamp services as one.
 *
 * Asks all of them at the same time and takes every answer, so that each block
 * bears as many stamps as could be had; fewer than the quorum are none
 * (-EAGAIN: the block waits).  As slow as the slowest: each has a time limit
 * of its own.
 */
#ifndef BACKENDS_TSA_QUORUM_H
#define BACKENDS_TSA_QUORUM_H

#include "core/timestamper.h"

/* member[i] is authority i of the parameters; 1 <= quorum <= n, n at most
 * PARAMS_AUTHORITIES_MAX.  They belong to the new one from then on. */
int tsa_quorum_open(struct timestamper *const *member, size_t n,
	uint64_t quorum, struct timestamper **ret);

#endif
