/*
 * gate: the enclave's side of the host's requests: a frame in, a frame out.
 *
 * It keeps the order that N4 (numbering.h) demands between the machine, the
 * platform and the host.  Between processes the platform is nsm_wire.h; tests
 * have their own.  One thread.
 */
#ifndef ENCLAVE_GATE_H
#define ENCLAVE_GATE_H

#include "enclave/nsm.h"
#include "enclave/numbering.h"
#include "enclave/wire.h"

struct gate {
	struct numbering *numbering;
	struct nsm *nsm;
	struct buf out[WIRE_ITEMS];	/* what the answer points at */
	struct hash tail;
};

/* Takes numbering over. */
void gate_init(struct gate *g, struct numbering *n, struct nsm *nsm);
void gate_done(struct gate *g);
/* *ret points into g, until the next call. */
void gate_answer(struct gate *g, const struct wire *ask, struct wire *ret);

#endif
