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

/* Does it stand where it is written, and can it be seen?  Not so controls, C1 among
 * them, ends of lines, marks that turn the direction of what follows, so that
 * "gpj.exe" is read "exe.jpg", and what has no width. */
static bool shows(uint32_t c)
{
	static const struct {
		uint32_t from, to;
	} hidden[] = {
		{0, 0x1f}, {'\\', '\\'}, {0x7f, 0x9f}, {0xad, 0xad},
		{0x61c, 0x61c}, {0x200b, 0x200b}, {0x200e, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff},
		{0xfff9, 0xfffb}, {0xe0000, 0xe007f},
	};
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (c >= hidden[i].from && c <= hidden[i].to)
			return false;
	return true;
}

void text_name(struct text *t, struct bytes name)
{
	uint32_t c = 0;
	size_t i, n;

	for (; name.n > 0; name = BYTES(name.p + n, name.n - n)) {
		n = bytes_utf8(name, &c);
		if (n > 0 && shows(c)) {
			text_put(t, BYTES(name.p, n));
			continue;
		}
		n = n > 0 ? n : 1;
		for (i = 0; i < n; i++)
			text_say(t, "\\x%02x", name.p[i]);
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
