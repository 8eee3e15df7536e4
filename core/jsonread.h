/*
 * jsonread: a strict reader of JSON (RFC 8259) that others have signed.
 *
 * A whole object or array at once, pointing into the text.  Refused: anything
 * behind it, a name twice in one object (at any depth; names with escapes
 * too, since they could hide that), nesting beyond JSONR_DEPTH, more than
 * JSONR_MEMBERS in one object or array, text that is not UTF-8, control
 * characters, and numbers, literals and escapes that are not of the grammar.
 * (json.h reads what we wrote ourselves, and is forgiving.)
 */
#ifndef CORE_JSONREAD_H
#define CORE_JSONREAD_H

#include "core/bytes.h"

#define JSONR_DEPTH 6
#define JSONR_MEMBERS 64

enum jsonr_kind {
	JSONR_NULL,
	JSONR_BOOL,
	JSONR_NUMBER,
	JSONR_TEXT,
	JSONR_ARRAY,
	JSONR_OBJECT,
};

struct jsonr_value {
	struct bytes name;	/* in an object */
	enum jsonr_kind kind;
	struct bytes raw;	/* text: between the quotes, as it stands */
};

struct jsonr {
	size_t n;
	struct jsonr_value value[JSONR_MEMBERS];
};

/* -EBADMSG. */
int jsonr_object(struct bytes text, struct jsonr *ret);
int jsonr_array(struct bytes text, struct jsonr *ret);

/* NULL if there is no such member. */
const struct jsonr_value *jsonr_find(const struct jsonr *o, const char *name);
/* -ENOENT; -EBADMSG if it is of another kind, or a text with escapes, or a
 * number that is no integer from 0 to 2^64 - 1. */
int jsonr_text(const struct jsonr *o, const char *name, struct bytes *ret);
int jsonr_uint(const struct jsonr *o, const char *name, uint64_t *ret);

#endif
