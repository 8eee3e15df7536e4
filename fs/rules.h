/*
 * rules: which class a name belongs to.
 *
 * A preset is an ordered list of globs.  A glob is held against every
 * component of a path, so that "locks" covers all that lies below it; the
 * first rule of the list that matches any component decides, and a path that
 * none matches is of class seal.
 *
 *	seal	write once: notarized, then name and content stay
 *	temp	kept here; notarized once it is renamed or linked to a name of
 *		class seal
 *	scratch	kept here, never notarized
 *
 * Presets that need the classes version or append are known by name and
 * refused: a class may never protect less than its name says.
 */
#ifndef FS_RULES_H
#define FS_RULES_H

#include <stddef.h>

enum rules_class { CLASS_SEAL, CLASS_TEMP, CLASS_SCRATCH };

#define RULES_NONE 255	/* the index of "no rule"; greater than any other */

struct rules;

/* The preset of that name.  -EOPNOTSUPP: it needs a class that is not built;
 * -EINVAL: there is none of that name.  *ret_why is then a sentence without a
 * full stop, owned by the caller. */
int rules_preset(const char *name, const struct rules **ret, char **ret_why);

/* Index of the first rule that matches one component, or RULES_NONE.  The
 * class of a path is that of the least index of its components. */
unsigned rules_component(const struct rules *r, const char *component);
enum rules_class rules_class(const struct rules *r, unsigned index);
/* The class of a whole path, "/" between components. */
enum rules_class rules_path(const struct rules *r, const char *path);
const char *rules_class_name(enum rules_class c);

#endif
