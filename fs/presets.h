/*
 * presets: the lists of rules (rules.h) that there are, by name.
 *
 * Built in are those of the tools that were traced; the configuration may add
 * others.  A struct rules lives as long as its struct presets, those built in
 * as long as the program.
 */
#ifndef FS_PRESETS_H
#define FS_PRESETS_H

#include "core/bytes.h"
#include "fs/terms.h"

#define PRESETS_MAX 64		/* made in a configuration */

struct rules;
struct presets;

/* NULL for p: only those built in. */
struct presets *presets_new(void);
void presets_free(struct presets *p);
/* One more rule for a preset that is not built in, which is made by its first
 * one; class "include" takes in another preset, and comes first.  Behind a
 * class may stand terms, like "seal,retain=7y,min=1y".  -EINVAL with a sentence
 * without a full stop in *ret_why, owned by the caller. */
int presets_add(struct presets *p, const char *preset, const char *class,
	const char *glob, char **ret_why);
/* Do the terms of all its rules go with the vault's?  -EINVAL as above. */
int presets_terms(const struct presets *p, const struct terms *vault,
	char **ret_why);
/* NULL: there is none of that name. */
const struct rules *presets_find(const struct presets *p, const char *name);
/* "a, b and c": their names. */
int presets_names(const struct presets *p, struct buf *ret);

/* As presets_find(), for somebody who names it: -EINVAL with a sentence in
 * *ret_why. */
int presets_use(const struct presets *p, const char *name,
	const struct rules **ret, char **ret_why);

#endif
