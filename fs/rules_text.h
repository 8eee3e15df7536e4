/*
 * rules_text: the rules that hold in a place, as text, from the daemon to the
 * program that asks it (notaryfs rules).
 */
#ifndef FS_RULES_TEXT_H
#define FS_RULES_TEXT_H

#include "core/bytes.h"
#include "fs/terms.h"

struct rules;

/* Who bound them ("folder", "configuration", "vault") to which path, and the
 * vault's retention mode and terms. */
struct rules_place {
	const char *by, *path, *mode;
	struct terms vault;
};
/* Appends these, a line each, and "PRESET CLASS GLOB" lines, for rules_parse().
 * -ENOMEM. */
int rules_text(const struct rules *r, const struct rules_place *where,
	struct buf *ret);

struct rules_bound {
	struct presets *presets;	/* owns what rules points to */
	const struct rules *rules;
	char *preset, *by, *path, *mode;
	struct terms vault;
};
/* What rules_text() made; text is cut up.  rules_bound_done() afterwards.
 * -EBADMSG: it did not make that; -ENOMEM. */
int rules_parse(char *text, struct rules_bound *ret);
void rules_bound_done(struct rules_bound *b);

#endif
