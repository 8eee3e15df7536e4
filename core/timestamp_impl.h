/*
 * timestamp_impl: what timestamp.c (one stamp) and timestamp_set.c (several)
 * share.
 */
#ifndef CORE_TIMESTAMP_IMPL_H
#define CORE_TIMESTAMP_IMPL_H

#include "core/timestamp.h"

/* One stamp by authority i: y and p_ms of *ret.  (timestamp.c) */
enum verdict timestamp_by(const struct params *p, size_t i, struct bytes t,
	struct bytes block, struct timestamp *ret);
/* A type 3.  (timestamp_set.c) */
enum verdict timestamp_set_validate(const struct params *p, struct bytes t,
	struct bytes block, struct timestamp *ret);

#endif
