/*
 * json: a writer, and a reader that looks up one value.
 *
 * The writer's error is sticky: write all, then ask json_end() once.  Names
 * are file names and so bytes; what is not UTF-8 is written as U+FFFD.
 */
#ifndef CORE_JSON_H
#define CORE_JSON_H

#include "core/bytes.h"

#define JSON_DEPTH 16	/* nesting */

struct json {
	struct buf out;
	int err;		/* 0 or the first negative errno */
	unsigned depth;
	bool comma[JSON_DEPTH];	/* a comma before the next item there */
};

/* name: inside an object the member's name, inside an array NULL. */
void json_object(struct json *j, const char *name);
void json_array(struct json *j, const char *name);
void json_close_object(struct json *j);
void json_close_array(struct json *j);
void json_text(struct json *j, const char *name, const char *s); /* NULL: null */
void json_text_n(struct json *j, const char *name, struct bytes s);
void json_uint(struct json *j, const char *name, uint64_t v);
/* null where it is not known. */
void json_uint_or_null(
	struct json *j, const char *name, bool known, uint64_t v);
void json_bool(struct json *j, const char *name, bool v);
/* Hands the text over (no newline, no NUL counted) or returns the error. */
int json_end(struct json *j, struct buf *ret);

/* The raw text of the value at a path like "files.open" or "buckets.2.name";
 * -ENOENT, -EBADMSG.  Points into `text`. */
int json_find(struct bytes text, const char *path, struct bytes *ret);
/* That value as a number, a boolean or an unescaped string (NULL for null,
 * owned by the caller); -EBADMSG if it is of another kind. */
int json_find_uint(struct bytes text, const char *path, uint64_t *ret);
int json_find_bool(struct bytes text, const char *path, bool *ret);
int json_find_text(struct bytes text, const char *path, char **ret);

#endif
