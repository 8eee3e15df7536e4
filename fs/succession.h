/*
 * succession: the numbers of a chain in their order, judged as a verifier
 * judges them: signed by the key of their epoch, linked head to head, without
 * gaps; each epoch entered by a hand-over or a signed recovery, and its key
 * vouched for by a document that the parameters accept.
 *
 * Not thread-safe.
 */
#ifndef FS_SUCCESSION_H
#define FS_SUCCESSION_H

#include "core/object.h"
#include "core/params.h"
#include "core/sequence.h"

struct succession {
	const struct params *params;
	struct hash chain;
	bool any;
	struct sequence last;
	struct buf key;		/* of the epoch, SPKI DER */
	uint32_t recoveries;
};

/* What a number changes, once it is accepted. */
struct succession_step {
	struct sequence s;
	struct bytes key;	/* of a new epoch, else n == 0 */
	struct bytes doc;	/* that entered it */
	uint32_t recoveries;
};

void succession_init(struct succession *s, const struct params *p,
	const struct hash *chain);
void succession_done(struct succession *s);
/* Could n be the next number?  0, or -EKEYREJECTED and why in a sentence
 * without a full stop, or -ENOMEM: it could not be judged.  Changes nothing;
 * *ret points into n. */
int succession_check(const struct succession *s, const struct number *n,
	struct succession_step *ret, const char **ret_why);
/* It is.  -ENOMEM changes nothing. */
int succession_go(struct succession *s, const struct succession_step *step);

#endif
