#include "core/jsonread.h"

#include <errno.h>
#include <string.h>

#include "core/cborread.h"

struct cursor {
	const uint8_t *p, *end;
};

static int take_value(struct cursor *c, unsigned depth,
	struct jsonr_value *ret);

static void blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' ||
					*c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* The character itself, without blanks before it. */
static bool here(struct cursor *c, char want)
{
	if (c->p == c->end || *c->p != (uint8_t)want)
		return false;
	c->p++;
	return true;
}

static bool take(struct cursor *c, char want)
{
	blanks(c);
	return here(c, want);
}

static bool is_hex(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

/* What may follow a backslash; c is behind it. */
static bool escape(struct cursor *c)
{
	unsigned i;

	if (c->p == c->end || *c->p == '\0' ||
		strchr("\"\\/bfnrtu", *c->p) == NULL)
		return false;
	if (*c->p++ != 'u')
		return true;
	for (i = 0; i < 4; i++, c->p++)
		if (c->p == c->end || !is_hex(*c->p))
			return false;
	return true;
}

static int take_text(struct cursor *c, struct bytes *ret)
{
	struct bytes v;
	const uint8_t *from = c->p;

	while (c->p < c->end && *c->p != '"') {
		if (*c->p < 0x20)
			return -EBADMSG;
		if (*c->p++ == '\\' && !escape(c))
			return -EBADMSG;
	}
	v = BYTES(from, (size_t)(c->p - from));
	if (!here(c, '"') || !cborr_utf8(v))
		return -EBADMSG;
	*ret = v;
	return 0;
}

static bool digits(struct cursor *c)
{
	const uint8_t *from = c->p;

	while (c->p < c->end && *c->p >= '0' && *c->p <= '9')
		c->p++;
	return c->p > from;
}

static bool take_number(struct cursor *c)
{
	here(c, '-');
	if (!here(c, '0') && !digits(c))
		return false;
	if (here(c, '.') && !digits(c))
		return false;
	if (here(c, 'e') || here(c, 'E')) {
		if (!here(c, '+'))
			here(c, '-');
		return digits(c);
	}
	return true;
}

static bool take_word(struct cursor *c, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(c->end - c->p) < n || memcmp(c->p, word, n) != 0)
		return false;
	c->p += n;
	return true;
}

static bool stands_twice(const struct jsonr *o, struct bytes name)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (bytes_equal(o->value[i].name, name))
			return true;
	return false;
}

static int take_name(struct cursor *c, const struct jsonr *o,
	struct bytes *ret)
{
	if (!take(c, '"') || take_text(c, ret) != 0 || !take(c, ':') ||
		memchr(ret->p, '\\', ret->n) != NULL || stands_twice(o, *ret))
		return -EBADMSG;
	return 0;
}

/* What stands between the brackets, and the closing one. */
static int take_members(struct cursor *c, bool object, unsigned depth,
	struct jsonr *ret)
{
	char closing = object ? '}' : ']';
	struct bytes name = {0};

	ret->n = 0;
	if (depth > JSONR_DEPTH)
		return -EBADMSG;
	if (take(c, closing))
		return 0;
	do {
		if (ret->n == JSONR_MEMBERS ||
			(object && take_name(c, ret, &name) != 0) ||
			take_value(c, depth, &ret->value[ret->n]) != 0)
			return -EBADMSG;
		ret->value[ret->n++].name = name;
	} while (take(c, ','));
	return take(c, closing) ? 0 : -EBADMSG;
}

static int take_nested(struct cursor *c, bool object, unsigned depth)
{
	struct jsonr members;

	return take_members(c, object, depth + 1, &members);
}

static int take_value(struct cursor *c, unsigned depth, struct jsonr_value *ret)
{
	const uint8_t *from;
	int rc = 0;

	blanks(c);
	from = c->p;
	if (here(c, '"')) {
		ret->kind = JSONR_TEXT;
		return take_text(c, &ret->raw);
	}
	if (here(c, '{')) {
		ret->kind = JSONR_OBJECT;
		rc = take_nested(c, true, depth);
	} else if (here(c, '[')) {
		ret->kind = JSONR_ARRAY;
		rc = take_nested(c, false, depth);
	} else if (take_word(c, "null")) {
		ret->kind = JSONR_NULL;
	} else if (take_word(c, "true") || take_word(c, "false")) {
		ret->kind = JSONR_BOOL;
	} else {
		ret->kind = JSONR_NUMBER;
		rc = take_number(c) ? 0 : -EBADMSG;
	}
	ret->raw = BYTES(from, (size_t)(c->p - from));
	return rc;
}

static int read_whole(struct bytes text, bool object, struct jsonr *ret)
{
	struct cursor c = {text.p, text.p + text.n};

	if (!take(&c, object ? '{' : '[') ||
		take_members(&c, object, 1, ret) != 0)
		return -EBADMSG;
	blanks(&c);
	return c.p == c.end ? 0 : -EBADMSG;
}

int jsonr_object(struct bytes text, struct jsonr *ret)
{
	return read_whole(text, true, ret);
}

int jsonr_array(struct bytes text, struct jsonr *ret)
{
	return read_whole(text, false, ret);
}

const struct jsonr_value *jsonr_find(const struct jsonr *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (bytes_equal(o->value[i].name, BYTES(name, strlen(name))))
			return &o->value[i];
	return NULL;
}

int jsonr_text(const struct jsonr *o, const char *name, struct bytes *ret)
{
	const struct jsonr_value *v = jsonr_find(o, name);

	if (v == NULL)
		return -ENOENT;
	if (v->kind != JSONR_TEXT || memchr(v->raw.p, '\\', v->raw.n) != NULL)
		return -EBADMSG;
	*ret = v->raw;
	return 0;
}

int jsonr_uint(const struct jsonr *o, const char *name, uint64_t *ret)
{
	const struct jsonr_value *v = jsonr_find(o, name);
	uint64_t n = 0, digit;
	size_t i;

	if (v == NULL)
		return -ENOENT;
	if (v->kind != JSONR_NUMBER)
		return -EBADMSG;
	for (i = 0; i < v->raw.n; i++) {
		digit = (uint64_t)v->raw.p[i] - '0'; /* or far above 9 */
		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		n = n * 10 + digit;
	}
	*ret = n;
	return 0;
}
