/*
 * mkchain: a small complete chain with real keys, made in memory: genesis, one
 * block of files, hand-over or recovery to a later epoch, and a certificate of
 * each file.
 */
#ifndef TESTS_MKCHAIN_H
#define TESTS_MKCHAIN_H

#include <openssl/evp.h>

#include "core/attestor.h"
#include "core/block.h"
#include "core/certificate.h"
#include "core/params.h"
#include "core/sequence.h"
#include "core/verify.h"

#define MKCHAIN_FILES 5
#define MKCHAIN_AT UINT64_C(1790000000000)

struct mkchain {
	uint8_t seed[32];	/* of the timestamp service */
	EVP_PKEY *key;		/* of the epoch that numbers the block */
	struct attestor *attestor;
	struct params params;
	struct buf key0, params_raw, b0, t0;
	struct hash anchor;
	struct buf doc;		/* of that epoch */
	struct buf file[MKCHAIN_FILES], d[MKCHAIN_FILES];
	struct hash dh[MKCHAIN_FILES];
	struct block block;
	struct buf b, t;
	struct sequence seq;
	struct buf s;
	uint8_t pub[32];
	EVP_PKEY *log_key;	/* signs checkpoints, in every epoch */
	uint8_t log_pub[32];
};

/* epoch 0 or later; ends the test program when something fails. */
void mkchain_init(struct mkchain *c, uint32_t epoch);
void mkchain_done(struct mkchain *c);
/* The parts of file i's certificate, pointing into c. */
void mkchain_parts(
	const struct mkchain *c, size_t i, struct certificate *ret);
void mkchain_cert(const struct mkchain *c, size_t i, struct buf *ret);
struct content mkchain_content(const struct mkchain *c, size_t i);
/* File 0 is of that name instead, and so many zeros, which no file holds. */
void mkchain_zeros(struct mkchain *c, struct bytes path, uint64_t size);
/* Records in the place of file 0 one of so many zeros, under the longest name
 * that a record can have, each byte of which takes six in JSON. */
void mkchain_large(struct mkchain *c, uint64_t size);

/* For forgeries: make one thing again, everything else staying as it is. */
void mkchain_sign(struct mkchain *c, const struct sequence *s, EVP_PKEY *key,
	struct buf *ret);
void mkchain_stamp(const uint8_t seed[32], struct bytes b, uint64_t p_ms,
	struct buf *ret);
void mkchain_document(struct mkchain *c, EVP_PKEY *key,
	const struct attestation_data *data, struct buf *ret);
/* Block, timestamp and number again after c->block or c->doc were changed. */
void mkchain_seal(struct mkchain *c);
/* Block zero again after c->params were changed, and the block upon it. */
void mkchain_refound(struct mkchain *c);
struct attestation_data mkchain_data(const struct mkchain *c);

#endif
