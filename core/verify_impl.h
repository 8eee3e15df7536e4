/*
 * verify_impl: the steps of verify.c that have files of their own.
 */
#ifndef CORE_VERIFY_IMPL_H
#define CORE_VERIFY_IMPL_H

#include "core/sequence.h"
#include "core/verify.h"
#include "core/verify_cache.h"

/* Key 12: a later block, stamped, that names a log which holds this one.  s
 * has been checked.  V_VALID also without key 12; final, final_ms of *e.
 * (verify_final.c) */
enum verdict verify_final(const struct params *p, const struct certificate *c,
	const struct sequence *s, struct evidence *e);

#endif
