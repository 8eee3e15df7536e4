/*
 * replica_coded: replicate() by coded shares over n buckets.
 *
 * Each bucket has a worker thread, so that their fsyncs overlap.  Share i of
 * an object goes to bucket i.  Memory is a few stripes per call, whatever the
 * object's size.
 */
#ifndef BACKENDS_REPLICA_CODED_H
#define BACKENDS_REPLICA_CODED_H

#include "core/replica.h"
#include "core/worm.h"

/* prefix: the chain's H(b0) in hex.  bucket[i] may be NULL (not there: every
 * call counts it as unreachable).  Takes the buckets over, also on failure.
 * quorum: buckets that must hold an object before a put counts. */
int replica_coded_new(struct worm **bucket, unsigned n, unsigned k,
	unsigned quorum, const char *prefix, struct replica **ret);

#endif
