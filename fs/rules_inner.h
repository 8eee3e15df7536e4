/*
 * rules_inner: what a list of rules is made of, for rules.c, presets.c and
 * rules_text.c.
 */
#ifndef FS_RULES_INNER_H
#define FS_RULES_INNER_H

#include "fs/presets.h"
#include "fs/rules.h"

struct rule {
	enum rules_class class;
	const char *glob;
	const struct terms *terms;	/* NULL: it says none */
	bool files;	/* a folder of that name is one like any other */
};

struct rules {
	const char *name;
	const struct rules *include;	/* its rules come first */
	const struct rule *rule;	/* ends with a glob of NULL */
};

/* One made here, not built in. */
struct made {
	struct rules rules;	/* first: they are cast */
	size_t n;
	struct rule rule[RULES_MAX + 1];
};

struct presets {
	struct made *made[PRESETS_MAX];
	size_t n;
};

/* Components of a path or a glob. */
size_t rules_parts(const char *text);
/* The rule of that index and the list that it stands in; NULL: there is none.
 */
const struct rule *rules_at(const struct rules *r, unsigned index,
	const struct rules **ret_in);

/* What stands before a glob: "CLASS", "CLASS,TERMS" or "CLASS,files". */
struct kind {
	enum rules_class class;
	bool files;
	bool has_terms;
	struct terms terms;
};

/* -EINVAL: no class; -ERANGE: no terms; -EDOM: what is never sealed has none;
 * -ENOMEM. */
int presets_kind(const char *text, struct kind *ret);
/* Can names be held against it? */
bool presets_glob_ok(const char *glob);
/* The preset of that name, made if it is new.  -ENOSPC: there are too many. */
int presets_make(struct presets *p, const char *name, struct made **ret);
/* One more rule, for which there is room.  -ENOMEM. */
int presets_add_rule(struct made *m, const struct kind *k, const char *glob);

#endif
