/*
 * certificate: Blocky's f, what FILE.cert holds.
 *
 * Self-contained and checked offline; its size does not grow with the chain.
 * The parts are byte strings in their own encodings, so that a COSE library or
 * `openssl ts -verify` can check them without this code.
 *
 * CBOR 55799(map), unsigned keys ascending:
 *   0 "notaryfs-cert"   1 version (1)
 *   2 H(b0)             3 [b0 bytes, params bytes]
 *   4 d bytes           5 [index, n, [* hash]]   path, leaf upward
 *   6 b bytes           7 [type, bytes]  t_upper, over the block
 *   8 [type, bytes]     t_lower, the one that the block links to
 *   9 [1, s bytes]      order: the sequencer's statement
 *  10 [[1, doc bytes]]  enclave attestation of the key that signed s
 * May follow; 11 to 13 are additions: without them it stays valid:
 *  11 [note bytes, receipt bytes]   checkpoint (note.h) and receipt
 *                      (receipt.h) of the main log with this block in it
 *  12 [b bytes, [type, bytes], [* hash]]   final by: a later block that names a
 *                      main log, its timestamp, path of this block's entry
 *  13 anything         evidence of a sync group: nothing here judges it
 *  14 bytes            the certificate that this one renews, whole; d is then a
 *                      record of kind renewal (verify_renewal.c)
 *  15 [1*16 DER]       certificates that complete tokens; nobody vouches
 *                      for them
 *  17 range (range.h)  it is for a part of the file only
 * 16 and those above are kept for later parts (a verifier that
 * does not know one answers V_UNSUPPORTED); negative keys may be ignored.
 */
#ifndef CORE_CERTIFICATE_H
#define CORE_CERTIFICATE_H

#include "core/bytes.h"
#include "core/merkle.h"
#include "core/mlog.h"
#include "core/params.h"
#include "core/range.h"

#define CERTIFICATE_MAX ((size_t)256 << 10) /* bytes */
#define CERTIFICATE_VERSION 1

#define CERTIFICATE_SYNC_MAX 65536 /* bytes of key 13 */

struct certificate_final {
	struct bytes b;
	uint64_t t_type;
	struct bytes t;
	size_t path_len;
	struct hash path[MLOG_DEPTH];	/* leaf upward */
};

struct certificate_log {
	struct bytes note, receipt; /* both n == 0: none */
};

struct certificate {
	struct hash chain;	/* claimed H(b0) */
	struct bytes b0, params, d, b, s, doc;
	uint64_t index, n;
	size_t path_len;
	struct hash path[MERKLE_PATH_MAX];
	uint64_t t_upper_type, t_lower_type;
	struct bytes t_upper, t_lower;
	struct range range;	/* to == 0: none */
	struct certificate_log log;
	bool has_final;
	struct certificate_final final;
	size_t n_bag;
	struct bytes bag[PARAMS_BAG_MAX];
	struct bytes old;	/* key 14; n == 0: none */
	struct bytes sync;	/* the item, encoded; n == 0: none */
	bool ignored;		/* it has negative keys, of which nothing is kept */
	struct bytes added;	/* all keys above 10, encoded; read only */
};

/* Points into `in`.  -EBADMSG; -EOPNOTSUPP for a version or part unknown. */
int certificate_decode(struct bytes in, struct certificate *ret);
/* The patent's make_certificate: the parts must be consistent, and this only
 * puts them together.  (certificate_write.c) */
int make_certificate(const struct certificate *parts, struct buf *ret);

/* The file name of the certificate of a file of that name: NAME.cert; or, for
 * one that the suffix would make longer than CERTIFICATE_NAME_MAX, its first
 * 229 bytes, "~", the first 16 hex digits of H(NAME), ".cert". */
#define CERTIFICATE_NAME_MAX 255 /* bytes of a Linux file name */
#define CERTIFICATE_NAME_LONG 250 /* of a file; longer ones have a shortened one */
#define CERTIFICATE_NAME_CUT 246 /* bytes before ".cert" of a shortened one */
void certificate_name(struct bytes name, char ret[CERTIFICATE_NAME_MAX + 1]);

#endif
