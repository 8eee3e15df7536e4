#include "fs/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/cleanup.h"

int text_add(struct buf *b, const char *fmt, ...)
{
	cleanup(free) char *line = NULL;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (n < 0) {
		line = NULL;
		return -ENOMEM;
	}
	return buf_add(b, line, (size_t)n);
}

int text_add_path(struct buf *b, struct bytes path)
{
	int err = 0;
	for (size_t i = 0; i < path.n && err == 0; i++) {
		bool control = path.p[i] < 0x20 || path.p[i] == 0x7f;
		err = buf_add(b, control ? (const uint8_t *)"?" : &path.p[i], 1);
	}
	return err;
}

char *text_of(const char *fmt, ...)
{
	char *s;
	va_list ap;
	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	return n < 0 ? NULL : s;
}
