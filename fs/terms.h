/*
 * terms: how long what is sealed is kept, as a configuration says it for the
 * vault and a rule of a preset (rules.h) for the files that it decides about.
 */
#ifndef FS_TERMS_H
#define FS_TERMS_H

#include <stdint.h>

#include "core/bytes.h"

#define TERMS_UNSAID UINT64_MAX

/* Seconds; 0: none; TERMS_UNSAID: another's counts. */
struct terms {
	uint64_t usual;		/* from the seal on */
	uint64_t least, most;	/* from now to a date that is set later */
};
#define TERMS_NOT_SAID                                                         \
	((struct terms){TERMS_UNSAID, TERMS_UNSAID, TERMS_UNSAID})

/* "retain=7y,min=1y,max=10y", each at most once, in any order; "none" is no
 * time.  text is cut up.  -EINVAL. */
int terms_parse(char *text, struct terms *ret);
/* Adds them in that form; nothing for what is not said. */
int terms_text(const struct terms *t, struct buf *ret);
/* What own does not say is as the vault has it. */
struct terms terms_over(const struct terms *own, const struct terms *vault);
/* What of them, all of which are said, cannot be at once: a sentence without
 * its full stop, or NULL. */
const char *terms_contradiction(const struct terms *t);

#endif
