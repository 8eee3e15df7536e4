/*
 * text: sentences for a person, put together with one check at the end.
 *
 * What comes from outside (a name in a record, a path of a tree) may hold any
 * byte; shown by text_name() none of them moves a terminal's cursor or begins
 * a line.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/bytes.h"

struct text {
	struct buf out;
	int err; /* the first failure; nothing is added behind it */
};

/* Longer than TEXT_SAY_MAX is cut off: for words of ours and for numbers. */
#define TEXT_SAY_MAX 1024 /* bytes */
void text_say(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_put(struct text *t, struct bytes v);
/* As \xHH, byte by byte: controls, C1 among them, backslashes, marks of direction
 * and what else cannot be seen, and what is not UTF-8. */
void text_name(struct text *t, struct bytes name);
void text_hex(struct text *t, struct bytes v);
/* The caller has the text; -ENOMEM.  Either way t is empty again. */
int text_end(struct text *t, struct buf *ret);

#endif
