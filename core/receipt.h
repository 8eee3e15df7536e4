/*
 * receipt: COSE Receipts (RFC 9942) of the main log, of the one kind used
 * here: ES256, verifiable data structure 1 (RFC9162_SHA256), one inclusion
 * proof, the root detached.
 *
 *	18([ << {1: -7, 395: 1} >>,
 *	     {396: {-1: [ << [size, index, [+ hash]] >> ]}},
 *	     null, signature ])
 *
 * The signature is over the root alone, which has to be computed from entry
 * and path; so whoever holds a root's signature can make the receipt of any
 * entry below it.  And so the size is only as good as the root: a path fits
 * several sizes.  What a receipt proves is that the entry stands at that index
 * below a root that the key signed.  The format has no empty path: a log of
 * one entry has no receipts.
 */
#ifndef CORE_RECEIPT_H
#define CORE_RECEIPT_H

#include <openssl/evp.h>

#include "core/bytes.h"
#include "core/mlog.h"

#define RECEIPT_MAX 4096	/* bytes; 64 hashes and some 110 more */
#define RECEIPT_SIGNATURE 64	/* bytes of r || s */

struct receipt {
	uint64_t size, index;	/* of the log, of the entry in it */
	size_t path_len;
	struct hash path[MLOG_DEPTH];
	struct bytes signature;
};

/* signature points into `in`.  -EBADMSG; -EOPNOTSUPP for a receipt with
 * another algorithm, data structure or header. */
int receipt_decode(struct bytes in, struct receipt *ret);
/* Does it prove that the entry stands in the log whose roots the key signs?
 * 0 and that root; -EBADMSG when the path does not fit size and index,
 * -EKEYREJECTED when the signature is not over the root it leads to. */
int receipt_check(const struct receipt *r, struct bytes entry, EVP_PKEY *key,
	struct hash *ret_root);

/* Making them, without libcbor: the enclave signs the root, anybody puts the
 * receipt together.  (receipt_sign.c)  -EIO. */
int receipt_sign(EVP_PKEY *key, const struct hash *root,
	uint8_t ret[RECEIPT_SIGNATURE]);
/* -EINVAL for what receipt_decode() would not take. */
int receipt_encode(const struct receipt *r, struct buf *ret);

#endif
