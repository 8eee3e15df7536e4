/*
 * entry: a name in a folder, and what is known of it, for an operation that
 * takes it away, moves it or makes it.
 *
 * All with the tree held for writing.  Results are 0 or a negative errno, where
 * nothing else is said.
 */
#ifndef FS_ENTRY_H
#define FS_ENTRY_H

#include "fs/inner.h"
#include "fs/retain.h"
#include "fs/version.h"

struct entry {
	struct mount *m;
	struct node *folder;
	const char *text;	/* the name; as long as the request */
	char path[NODE_PATH];
	struct node *node;	/* NULL: nothing there; held by a lookup */
	struct name *name;
	struct folder *in;	/* folder, held to work in */
	bool first;		/* it has left, and its file has others (X5) */
};
#define ENTRY(name) cleanup(entry) struct entry name = {0}
void cleanup_entry(struct entry *p);

/* 0 with p->node NULL if there is nothing at the name.  -EPERM: in a virtual
 * folder, or where a virtual file has the name. */
int entry_find(struct mount *m, fuse_ino_t parent, const char *text,
	struct entry *p);
/* What is said of an entry that is not there: -EPERM if a virtual file is,
 * else -ENOENT. */
int entry_missing(struct mount *m, struct entry *p);

/* May the name be removed, moved or replaced?  -EPERM; 1: what is sealed there
 * has to leave (version.h); else 0. */
int entry_may_go(struct mount *m, const struct entry *p,
	enum record_change change);
/* It does: 1, and *ret is to be frozen again, whatever comes of it; 0: nothing
 * had to.  target: where it goes, or what it is replaced by, NULL for neither;
 * moves: to that name.  Where p->first is set, version_moved() must follow once
 * the name is gone, and the file is not to be frozen. */
int entry_leave(struct mount *m, struct entry *p,
	enum record_change change, const char *target, bool moves,
	struct thawed *ret);

/* Unlinks the name; thaw: of an immutable file, which is so again after it. */
int entry_unlink(struct mount *m, const struct entry *p, bool thaw);
/* A file lost one of its names; lock held. */
void entry_fewer_names(struct mount *m, struct node *n);

#endif
