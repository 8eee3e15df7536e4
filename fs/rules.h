/*
 * rules: which class a name belongs to.
 *
 * A preset is an ordered list of rules, a class and a glob each.  A glob is
 * held against every component of a path below the folder that the preset is
 * bound to, so that "locks" covers all that lies below it; one with "/" against
 * as many components as it has.  The first rule of the list that matches
 * anywhere decides, and a path that none matches is of class seal.  A rule may
 * be for files alone: then no folder matches it, nor what lies in one.
 *
 *	seal	write once: notarized, then name and content stay
 *	append	notarized; what is sealed stays, more may come behind it
 *	version	notarized; content is kept, the name may go or be bound anew
 *	temp	kept here; notarized once it is renamed or linked to a name of
 *		one of the classes above
 *	scratch	kept here, never notarized
 *
 * A rule may also say how long what it decides about is kept (terms.h).
 *
 * Which presets there are says presets.h; a struct rules lives as long as the
 * struct presets that it came from.
 */
#ifndef FS_RULES_H
#define FS_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/bytes.h"
#include "fs/terms.h"

/* The stronger first. */
enum rules_class { CLASS_SEAL, CLASS_APPEND, CLASS_VERSION, CLASS_TEMP,
	CLASS_SCRATCH };

#define RULES_NONE 0xffffu	/* the index of "no rule"; above any other */
#define RULES_MAX 64		/* of one preset, included ones not counted */
#define RULES_GLOB_MAX 255	/* bytes */
#define RULES_PARTS_MAX 8	/* components of a glob */

/* Is what has that class recorded and stored? */
static inline bool class_seals(enum rules_class c)
{
	return c <= CLASS_VERSION;
}

/* What is sealed there may change, and what it was stays. */
static inline bool class_changes(enum rules_class c)
{
	return c == CLASS_VERSION || c == CLASS_APPEND;
}
const char *rules_class_name(enum rules_class c);
/* -EINVAL. */
int rules_class_parse(const char *name, enum rules_class *ret);

struct rules;

const char *rules_name(const struct rules *r);
/* How many components at the end of a path any of its globs looks at. */
size_t rules_depth(const struct rules *r);
/* The index of the first rule that matches the last component of path, which
 * is a folder or not, seen together with those before it; or RULES_NONE.  The
 * class of a path is that of the least index of all its components. */
unsigned rules_component(const struct rules *r, const char *path, bool folder);
/* The same over every component of the path: the least index.  *ret_n, if not
 * NULL: how many bytes of the path end with the component that decided. */
unsigned rules_path(const struct rules *r, const char *path, bool folder,
	size_t *ret_n);
enum rules_class rules_class(const struct rules *r, unsigned index);
/* The terms that a rule says, over the vault's. */
struct terms rules_terms(const struct rules *r, unsigned index,
	const struct terms *vault);
/* The glob of a rule, and the preset that it stands in; NULL: no such rule. */
const char *rules_glob(const struct rules *r, unsigned index,
	const char **ret_preset);
/* Is there such a rule, and is it for files alone? */
bool rules_files(const struct rules *r, unsigned index);
/* Does the glob match the whole path, component by component? */
bool rules_glob_path(const char *glob, const char *path);

#endif
