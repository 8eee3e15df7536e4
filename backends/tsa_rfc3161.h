/*
 * tsa_rfc3161: a timestamp service of RFC 3161 over HTTP (its section 3.4).
 *
 * Asks for a token over SHA3-256 of the block first, and over SHA-256 from then
 * on if the authority refuses that; with a nonce, and with its certificates.
 * An answer is judged as a verifier will judge it (core/tsp.h), and its nonce
 * too, before anybody takes it for a stamp.
 */
#ifndef BACKENDS_TSA_RFC3161_H
#define BACKENDS_TSA_RFC3161_H

#include "core/clock.h"
#include "core/params.h"
#include "core/timestamper.h"

/* authority: type TIMESTAMP_RFC3161, of the chain's parameters; copied, like
 * url.  entropy is used as long as it lives.  -EINVAL if it is not of that type;
 * -ENOMEM. */
int tsa_rfc3161_open(const char *url, const struct params_authority *authority,
	struct entropy *entropy, struct timestamper **ret);

#endif
