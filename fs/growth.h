/*
 * growth: where the hashing of files that grow stands.
 *
 * A log is sealed again at each growth, and its root and digest are those of
 * the whole.  Both go on from where they stood, so that a growth costs what was
 * added.  Where they stood is a function of the content so far and is found by
 * the root of that, so it can never belong to another file or length; what is
 * forgotten (a restart, more than GROWTH_MAX files) is hashed anew.
 *   G1  What is taken from here is content that was hashed through fs/ once.
 *       That the plain file still has it is not looked at again: it cannot
 *       change through the mount, and scrub finds what came about elsewhere.
 * Any thread.
 */
#ifndef FS_GROWTH_H
#define FS_GROWTH_H

#include "core/bytes.h"

#define GROWTH_MAX 512	/* files; each takes some 11 KiB */

struct chunktree;
struct hasher;

/* NULL, both: at the beginning of a file. */
struct standing {
	struct chunktree *tree;	/* of the content root */
	struct hasher *sha;	/* of SHA-256 */
};

void standing_done(struct standing *s);
/* Another one; -ENOMEM. */
int standing_copy(const struct standing *s, struct standing *ret);
#define cleanup_standing standing_done

struct growth;
struct growth *growth_new(void);	/* NULL: no memory */
void growth_free(struct growth *g);
/* A copy of what stands behind the content with that root: 0, -ENOENT,
 * -ENOMEM. */
int growth_find(struct growth *g, const struct hash *root,
	struct standing *ret);
/* Takes *s over; the one that was not used for longest may go. */
void growth_keep(struct growth *g, const struct hash *root,
	struct standing *s);
/* It will not be asked for again. */
void growth_drop(struct growth *g, const struct hash *root);

#endif
