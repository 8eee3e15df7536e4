/*
 * plain: a vault's plain files, held against what was recorded of them.
 *
 * What is sealed must lie in files/ as its newest record says: the content of
 * a file to the last byte, its mode, owner and time; where a symbolic link
 * points; that a hard link is the file which it is a link of, as long as that
 * is sealed.  Folders may go and change.  What has grown has to begin as its newest record says, and where
 * another content is on its way, it is what was sealed before that must lie in
 * versions/; there must be also what paths had sealed before, in the classes in
 * which that is kept.
 *
 * One thread.  A daemon may run: what it changed meanwhile is looked at again.
 */
#ifndef FS_PLAIN_H
#define FS_PLAIN_H

#include "core/local.h"
#include "fs/ledger.h"

#define PLAIN_MAX 65536	/* kept in a list; more are told by `more` */

enum plain_state {
	PLAIN_GOOD,
	PLAIN_MISSING,
	PLAIN_DAMAGED,		/* another content, target or file */
	PLAIN_ATTRIBUTES,	/* another mode, owner or time */
	PLAIN_UNREADABLE,	/* not wrong, only not known */
};
const char *plain_state_text(enum plain_state s);

/* One that is not as it was recorded. */
struct plain_bad {
	enum plain_state state;
	struct buf d;		/* its record, the newest of its path unless: */
	bool kept;		/* it has to lie in versions/, under H(d) */
	bool final;		/* in the buckets, in this block: */
	uint64_t height;
	uint32_t index;
	struct buf extents;	/* tops, of a large file */
};

struct plain_list {
	struct plain_bad *bad;	/* ascending by path, then what is kept */
	size_t n;
	bool more;		/* there are further ones */
	uint64_t checked;	/* all that were looked at */
};

/* Looks at everything recorded.  l: for progress and pace; findings come with
 * plain_find(). */
int plain_check(struct ledger *l, struct local *local, const char *files_dir,
	const char *versions_dir, struct plain_list *ret);
void plain_done(struct plain_list *p);
/* The finding of one of them. */
void plain_find(struct ledger *l, const struct plain_bad *b);

#endif
