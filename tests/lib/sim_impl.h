/* sim_impl: what the simulated services share.  Theirs alone. */
#ifndef TESTS_LIB_SIM_IMPL_H
#define TESTS_LIB_SIM_IMPL_H

#include <stddef.h>

#include "tests/lib/sim_services.h"

#define OF(member, p) ((struct sim *)((char *)(p) - offsetof(struct sim, member)))

extern const struct sequencer_ops sim_sequencer;

/* The next event: 0 go on, 1 do it and then fail, or fail at once. */
int sim_event(struct sim *s);
/* Notes that a rule was broken, if it is the first. */
void sim_broken(struct sim *s, const char *rule);

/* W3 over the buckets; the answer of a put. */
int sim_put(struct sim *s, const char *key, const struct sim_object *want,
	struct bytes data, struct replica_report *report);
/* Does a quorum hold the number's object?  That of block zero lies there. */
bool sim_has_number(struct sim *s, uint64_t k);
static inline bool sim_at_quorum(const struct sim_object *o)
{
	return __builtin_popcount(o->buckets) >= SIM_QUORUM;
}

/* Block zero gets number 0 and stands in local. */
void sim_genesis(struct sim *s);

#endif
