#include "core/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct json *j, const char *s, size_t n)
{
	if (j->err == 0)
		j->err = buf_add(&j->out, s, n);
}

static void put_quoted(struct json *j, struct bytes s)
{
	put(j, "\"", 1);
	while (s.n > 0) {
		uint32_t code;
		size_t n = bytes_utf8(s, &code);
		char esc[8];
		if (n == 0)
			put(j, "\\ufffd", 6);
		else if (*s.p == '"' || *s.p == '\\') {
			esc[0] = '\\';
			esc[1] = (char)*s.p;
			put(j, esc, 2);
		} else if (*s.p < 0x20 || *s.p == 0x7f) {
			snprintf(esc, sizeof esc, "\\u%04x", *s.p);
			put(j, esc, 6);
		} else if (code >= 0x80 && code < 0xa0) {
			/* C1 controls, which a terminal obeys as well */
			snprintf(esc, sizeof esc, "\\u%04x", (unsigned)code);
			put(j, esc, 6);
		} else
			put(j, (const char *)s.p, n);
		s.p += n == 0 ? 1 : n;
		s.n -= n == 0 ? 1 : n;
	}
	put(j, "\"", 1);
}

static void begin(struct json *j, const char *name)
{
	if (j->comma[j->depth])
		put(j, ",", 1);
	j->comma[j->depth] = true;
	if (name != NULL) {
		put_quoted(j, BYTES(name, strlen(name)));
		put(j, ":", 1);
	}
}

static void open_with(struct json *j, const char *name, const char *bracket)
{
	begin(j, name);
	put(j, bracket, 1);
	if (j->depth + 1 == JSON_DEPTH) {
		j->err = j->err != 0 ? j->err : -E2BIG;
		return;
	}
	j->comma[++j->depth] = false;
}

static void close_with(struct json *j, const char *bracket)
{
	put(j, bracket, 1);
	if (j->depth > 0)
		j->depth--;
}

void json_object(struct json *j, const char *name)
{
	open_with(j, name, "{");
}

void json_array(struct json *j, const char *name)
{
	open_with(j, name, "[");
}

void json_close_object(struct json *j)
{
	close_with(j, "}");
}

void json_close_array(struct json *j)
{
	close_with(j, "]");
}

void json_text_n(struct json *j, const char *name, struct bytes s)
{
	begin(j, name);
	put_quoted(j, s);
}

void json_text(struct json *j, const char *name, const char *s)
{
	if (s != NULL) {
		json_text_n(j, name, BYTES(s, strlen(s)));
		return;
	}
	begin(j, name);
	put(j, "null", 4);
}

void json_uint(struct json *j, const char *name, uint64_t v)
{
	char s[24];
	begin(j, name);
	int n = snprintf(s, sizeof s, "%" PRIu64, v);
	put(j, s, (size_t)n);
}

void json_uint_or_null(
	struct json *j, const char *name, bool known, uint64_t v)
{
	if (known)
		json_uint(j, name, v);
	else
		json_text(j, name, NULL);
}

void json_bool(struct json *j, const char *name, bool v)
{
	begin(j, name);
	put(j, v ? "true" : "false", v ? 4 : 5);
}

int json_end(struct json *j, struct buf *ret)
{
	int err = j->err;
	if (err == 0)
		*ret = j->out; /* the caller has it */
	else
		buf_free(&j->out);
	*j = (struct json){0};
	return err;
}

/* -- reading: a cursor that skips over whole values */

struct cursor {
	const uint8_t *p, *end;
};

static void blanks(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\n' ||
			*c->p == '\t' || *c->p == '\r'))
		c->p++;
}

static bool take(struct cursor *c, char want)
{
	blanks(c);
	if (c->p == c->end || *c->p != (uint8_t)want)
		return false;
	c->p++;
	return true;
}

/* The raw text between the quotes. */
static int skip_string(struct cursor *c, struct bytes *ret)
{
	if (!take(c, '"'))
		return -EBADMSG;
	const uint8_t *from = c->p;
	for (; c->p < c->end && *c->p != '"'; c->p++)
		if (*c->p == '\\' && ++c->p == c->end)
			return -EBADMSG;
	if (c->p == c->end)
		return -EBADMSG;
	*ret = BYTES(from, (size_t)(c->p - from));
	c->p++;
	return 0;
}

static int skip_value(struct cursor *c, unsigned depth);

/* Members or items up to the closing bracket; looks for one of them. */
static int walk(struct cursor *c, bool object, unsigned depth,
	const char *want, size_t want_n, struct cursor *ret_at)
{
	char closing = object ? '}' : ']';
	char index[24];
	if (take(c, closing))
		return 0;
	for (size_t i = 0;; i++) {
		struct bytes name;
		if (!object) {
			int n = snprintf(index, sizeof index, "%zu", i);
			name = BYTES(index, (size_t)n);
		} else if (skip_string(c, &name) != 0 || !take(c, ':'))
			return -EBADMSG;
		struct cursor here = *c;
		int err = skip_value(c, depth + 1);
		if (err != 0)
			return err;
		if (want != NULL && bytes_equal(name, BYTES(want, want_n))) {
			here.end = c->p;
			*ret_at = here;
			return 1;
		}
		if (take(c, closing))
			return 0;
		if (!take(c, ','))
			return -EBADMSG;
	}
}

static int skip_value(struct cursor *c, unsigned depth)
{
	struct bytes s;
	blanks(c);
	if (c->p == c->end || depth > JSON_DEPTH)
		return -EBADMSG;
	if (*c->p == '"')
		return skip_string(c, &s);
	if (take(c, '{'))
		return walk(c, true, depth, NULL, 0, NULL);
	if (take(c, '['))
		return walk(c, false, depth, NULL, 0, NULL);
	const uint8_t *from = c->p;
	while (c->p < c->end && strchr("+-.0123456789aeflnrstuE", *c->p) !=
			NULL && *c->p != '\0')
		c->p++;
	return c->p > from ? 0 : -EBADMSG;
}

int json_find(struct bytes text, const char *path, struct bytes *ret)
{
	struct cursor c = {text.p, text.p + text.n};
	while (*path != '\0') {
		size_t n = strcspn(path, ".");
		bool object = take(&c, '{');
		if (!object && !take(&c, '['))
			return -ENOENT;
		struct cursor at;
		int r = walk(&c, object, 0, path, n, &at);
		if (r <= 0)
			return r == 0 ? -ENOENT : r;
		c = at;
		path += n + (path[n] == '.');
	}
	blanks(&c);
	*ret = BYTES(c.p, (size_t)(c.end - c.p));
	return 0;
}

int json_find_uint(struct bytes text, const char *path, uint64_t *ret)
{
	struct bytes raw;
	int err = json_find(text, path, &raw);
	if (err != 0)
		return err;
	uint64_t v = 0;
	if (raw.n == 0 || raw.n > 20)
		return -EBADMSG;
	for (size_t i = 0; i < raw.n; i++) {
		uint64_t digit = (uint64_t)raw.p[i] - '0';
		if (digit > 9 || v > (UINT64_MAX - digit) / 10)
			return -EBADMSG;
		v = v * 10 + digit;
	}
	*ret = v;
	return 0;
}

int json_find_bool(struct bytes text, const char *path, bool *ret)
{
	struct bytes raw;
	int err = json_find(text, path, &raw);
	if (err != 0)
		return err;
	bool yes = bytes_equal(raw, BYTES("true", 4));
	if (!yes && !bytes_equal(raw, BYTES("false", 5)))
		return -EBADMSG;
	*ret = yes;
	return 0;
}

static int add_utf8(struct buf *b, unsigned v)
{
	uint8_t s[3];
	size_t n = v < 0x80 ? 1 : v < 0x800 ? 2 : 3;
	if (n == 1)
		s[0] = (uint8_t)v;
	else if (n == 2) {
		s[0] = (uint8_t)(0xc0 | v >> 6);
		s[1] = (uint8_t)(0x80 | (v & 0x3f));
	} else {
		s[0] = (uint8_t)(0xe0 | v >> 12);
		s[1] = (uint8_t)(0x80 | (v >> 6 & 0x3f));
		s[2] = (uint8_t)(0x80 | (v & 0x3f));
	}
	return buf_add(b, s, n);
}

/* One escape behind its backslash; returns how many characters it has. */
static size_t unescape(const uint8_t *p, size_t left, struct buf *b, int *err)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *known = *p == '\0' ? NULL : strchr(from, *p);
	if (known != NULL) {
		*err = buf_add(b, to + (known - from), 1);
		return 1;
	}
	uint8_t v[2];
	char hex[5] = {0};
	if (*p == 'u' && left >= 5) {
		memcpy(hex, p + 1, 4);
		if (hex_decode(hex, v, 2) == 0) {
			*err = add_utf8(b, (unsigned)v[0] << 8 | v[1]);
			return 5;
		}
	}
	*err = -EBADMSG;
	return 1;
}

int json_find_text(struct bytes text, const char *path, char **ret)
{
	struct bytes raw;
	int err = json_find(text, path, &raw);
	if (err != 0)
		return err;
	if (bytes_equal(raw, BYTES("null", 4))) {
		*ret = NULL;
		return 0;
	}
	if (raw.n < 2 || raw.p[0] != '"')
		return -EBADMSG;
	struct buf b = {0};
	for (size_t i = 1; i + 1 < raw.n && err == 0;) {
		if (raw.p[i] != '\\')
			err = buf_add(&b, &raw.p[i++], 1);
		else {
			i++;
			i += unescape(raw.p + i, raw.n - 1 - i, &b, &err);
		}
	}
	if (err == 0)
		err = buf_add(&b, "", 1);
	if (err == 0)
		*ret = (char *)b.p; /* the caller has it */
	else
		buf_free(&b);
	return err;
}
