/*
 * tsa_local: the embedded timestamp service: Ed25519 over the system's clock.
 *
 * Never goes back: p is at least the last p given.  Trust class local: it
 * proves what the machine's owner says about time, no more.
 */
#ifndef BACKENDS_TSA_LOCAL_H
#define BACKENDS_TSA_LOCAL_H

#include "core/clock.h"
#include "core/timestamper.h"

/* key_file: 32-byte seed, mode 0600; refuses one that others may read
 * (-EPERM).  not_before_ms: the newest p already in the chain, or 0. */
int tsa_local_open(const char *key_file, struct clock *clock,
	uint64_t not_before_ms, struct timestamper **ret);
/* Makes the key file (O_EXCL, 0600, fsynced) and gives the public key. */
int tsa_local_create(const char *key_file, struct entropy *entropy,
	uint8_t ret_public[32]);

#endif
