/*
 * nsm_wire: the platform as the enclave reaches it, through its socket to the
 * attestor.
 */
#ifndef ENCLAVE_NSM_WIRE_H
#define ENCLAVE_NSM_WIRE_H

#include "enclave/nsm.h"

struct nsm_wire {
	struct nsm nsm;
	int fd;
	struct buf keep;
};

void nsm_wire_init(struct nsm_wire *n, int fd);
void nsm_wire_done(struct nsm_wire *n);
/* Says what holds in the sandbox; the attestor waits for it. */
int nsm_wire_hello(struct nsm_wire *n, unsigned isolation);

#endif
