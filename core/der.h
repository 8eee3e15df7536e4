/*
 * der: a strict look at DER (X.690) before libcrypto, whose reader also takes
 * BER, sees it; and a cursor over the items of one level.
 *
 * Refused: indefinite and overlong lengths, long tags, constructed strings,
 * overlong integers, other booleans than 00 and ff, set bits in padding, and
 * bytes behind the item.  Not looked at, for authorities do not keep them:
 * the order of a SET OF and values that equal their default.
 */
#ifndef CORE_DER_H
#define CORE_DER_H

#include "core/bytes.h"

#define DER_DEPTH 24	/* nesting; a token has 15, certificates included */

enum der_tag {
	DER_INTEGER = 0x02,
	DER_OCTETS = 0x04,
	DER_OID = 0x06,
	DER_SEQUENCE = 0x30,
};

/* One item and nothing behind it, strict at every level: 0 or -EBADMSG. */
int der_check(struct bytes in);

/* Takes the next item off *rest: its tag, its content, and it as a whole.
 * -EBADMSG also where nothing is left. */
int der_next(struct bytes *rest, uint8_t *ret_tag, struct bytes *ret_content,
	struct bytes *ret_whole);

#endif
