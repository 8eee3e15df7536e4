/*
 * nsm: what an enclave asks of the platform that runs it.  (Nitro's device
 * does the first; the local attestor does them all.)
 *
 * Each returns 0 or a negative errno; keep, take and drop hold one hand-over.
 */
#ifndef ENCLAVE_NSM_H
#define ENCLAVE_NSM_H

#include "core/bytes.h"

struct nsm;
struct nsm_ops {
	/* policy: empty or 48 bytes for PCR17. */
	int (*document)(struct nsm *n, struct bytes policy, struct bytes key,
		struct bytes user_data, struct buf *ret);
	/* Durable when it returns. */
	int (*keep)(struct nsm *n, struct bytes blob);
	int (*take)(struct nsm *n, struct buf *ret); /* -ENOENT */
	/* Gone for good when it returns; 0 also if there was none. */
	int (*drop)(struct nsm *n);
	/* Has a recovery record signed. */
	int (*record)(struct nsm *n, struct bytes payload, struct buf *ret);
};
struct nsm {
	const struct nsm_ops *ops;
};

#endif
