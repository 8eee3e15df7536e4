/*
 * launch: starting a measured enclave.
 *
 * The enclave finds its socket to the host at LAUNCH_HOST and that to the
 * attestor at LAUNCH_ATTESTOR, and has nothing else.  It dies with the thread
 * that launched it.
 */
#ifndef ENCLAVE_LAUNCH_H
#define ENCLAVE_LAUNCH_H

#include <sys/types.h>

#include "enclave/measure.h"

#define LAUNCH_HOST 3
#define LAUNCH_ATTESTOR 4

struct launched {
	pid_t pid;
	int fd;			/* our end of the socket at LAUNCH_ATTESTOR */
};

/* host is the enclave's end; the caller closes its copy.  Both programs'
 * descriptors 0..2 are taken to be harmless. */
int launch(const struct image *i, int host, struct launched *ret);

#endif
