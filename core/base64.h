/*
 * base64: RFC 4648 section 4, with its padding, and nothing else: no other
 * characters, no bits that stand for nothing.  So a text has one meaning and
 * bytes have one text.
 */
#ifndef CORE_BASE64_H
#define CORE_BASE64_H

#include "core/bytes.h"

#define BASE64_LEN(n) (((n) + 2) / 3 * 4) /* characters for n bytes */

/* ret has room for BASE64_LEN(n) + 1 characters. */
void base64_encode(struct bytes in, char *ret);
/* How many bytes the text stands for; -EBADMSG. */
int base64_check(struct bytes text, size_t *ret_n);
/* At most max bytes; -EBADMSG, also when there are more. */
int base64_decode(struct bytes text, uint8_t *ret, size_t max, size_t *ret_n);
/* The first n bytes of a text that base64_check() found to have that many. */
void base64_head(struct bytes text, uint8_t *ret, size_t n);

#endif
