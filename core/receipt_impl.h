/*
 * receipt_impl: what receipt.c and receipt_sign.c share.
 */
#ifndef CORE_RECEIPT_IMPL_H
#define CORE_RECEIPT_IMPL_H

#include "core/receipt.h"

#define COSE_LABEL_VDS 395	/* RFC 9942, IANA COSE header parameters */
#define COSE_LABEL_VDP 396
#define COSE_VDP_INCLUSION -1

/* {1: -7, 395: 1} */
#define RECEIPT_HEADER "\xa2\x01\x26\x19\x01\x8b\x01"
#define RECEIPT_HEADER_LEN 7

#endif
