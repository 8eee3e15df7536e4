#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>

void text_put(struct text *t, struct bytes v)
{
	if (t->err == 0)
		t->err = buf_add(&t->out, v.p, v.n);
}

void text_say(struct text *t, const char *fmt, ...)
{
	char line[TEXT_SAY_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		text_put(t, BYTES(line, (size_t)n < sizeof(line)
						? (size_t)n
						: sizeof(line) - 1));
}

void text_name(struct text *t, struct bytes name)
{
	size_t i;

	for (i = 0; i < name.n; i++) {
		uint8_t c = name.p[i];
		/* C1 controls come as 0xc2 0x80..0x9f */
		bool c1 = c == 0xc2 && i + 1 < name.n && name.p[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c == '\\' || c1)
			text_say(t, "\\x%02x", c);
		else
			text_put(t, BYTES(&name.p[i], 1));
		if (c1)
			text_say(t, "\\x%02x", name.p[++i]);
	}
}

void text_hex(struct text *t, struct bytes v)
{
	size_t i;

	for (i = 0; i < v.n; i++)
		text_say(t, "%02x", v.p[i]);
}

int text_end(struct text *t, struct buf *ret)
{
	int err = t->err;

	if (err == 0)
		*ret = t->out; /* the caller has it */
	else
		buf_free(&t->out);
	*t = (struct text){0};
	return err;
}
