/*
 * verify_impl: the steps of verify.c that have files of their own.
 */
#ifndef CORE_VERIFY_IMPL_H
#define CORE_VERIFY_IMPL_H

#include "core/block.h"
#include "core/sequence.h"
#include "core/verify.h"
#include "core/verify_cache.h"

/* The parts opened: everything that the steps look at. */
struct verify_parts {
	const struct certificate *cert;
	const struct params *params;
	struct block b0, b;
	struct hash anchor; /* H(b0), computed */
	struct attestation doc;
	struct bytes doc_payload;
	struct attestation_data data;
	bool recent; /* judged before, parameters included */
	struct evidence evidence;
};

/* All that the certificate says beside record, path and content: times, number,
 * enclave, and what was added.  data_read: parts.data could be read.
 * (verify_evidence.c) */
struct evidence verify_evidence(const struct verify_parts *p,
	struct verify_cache *cache, bool data_read);

/* Key 12: a later block, stamped, that names a log which holds this one.  s
 * has been checked.  V_VALID also without key 12; final, final_ms of *e.
 * (verify_final.c) */
enum verdict verify_final(const struct params *p, const struct certificate *c,
	const struct sequence *s, struct evidence *e);

/* Key 11: receipt and checkpoint of the log with this block in it, by the keys
 * of the document.  s, public_key and data have been checked.  V_VALID also
 * without key 11; log_size of *e.  (verify_log.c) */
enum verdict verify_log(const struct certificate *c, const struct sequence *s,
	struct bytes public_key, const struct attestation_data *data,
	struct evidence *e);

/* One layer: the certificate by itself, whatever it holds in key 14.  0 or
 * -ENOMEM. */
int verify_layer(struct verify_cache *cache, struct bytes cert,
	const struct hash *anchor, struct report *ret);
/* The content against the digests that renewals named.  (verify_renewal.c) */
enum verdict verify_renewed(const struct report *r, const struct content *c);

#endif
