/*
 * text: formatted lines into a buffer.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "core/bytes.h"

/* Appends; -ENOMEM. */
int text_add(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A path for a terminal: control characters become "?". */
int text_add_path(struct buf *b, struct bytes path);
/* A new string; NULL: no memory. */
char *text_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
