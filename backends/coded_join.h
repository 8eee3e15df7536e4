/*
 * coded_join: an object's payload out of shares that agree in their geometry.
 *
 * Of each stripe the first k shares of an order whose cell is whole are
 * combined; so a damaged cell is made up for by another share's.
 */
#ifndef BACKENDS_CODED_JOIN_H
#define BACKENDS_CODED_JOIN_H

#include "backends/coded_read.h"
#include "core/replica.h"

struct coded_join {
	struct share_header geometry;
	const struct coded_share *share; /* by bucket */
	/* Which of them are to be used, best first. */
	unsigned order[REPLICA_MAX];
	unsigned n_order;
	uint8_t *payload;	/* whole stripes, the last padded */
	bool complete;		/* some k shares gave a payload */
	bool (*accept)(void *ctx, struct bytes payload);
	void *ctx;
};

/* Puts the payload together from the shares in this order of preference.  0
 * and accepted, -EBADMSG when it is not the object, -ENODATA. */
int coded_join_order(struct coded_join *j, const unsigned *order);
/* Every k of the set first, each time with the others behind them. */
int coded_join_all(struct coded_join *j);

#endif
