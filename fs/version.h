/*
 * version: sealed files of the classes version and append, which may still
 * change.
 *
 * The name of a file of class version may be removed, moved, or bound to
 * another file, and the file may get other content and attributes.  A file of
 * class append may grow, and be renamed to a free name.
 *   X1  Before what a name has sealed may change, it is kept (versions.h).  So
 *       a name is sealed if its newest record says so and that record is not
 *       kept; what is kept may have changed, settles, and is recorded if it
 *       did.  A crash at any moment leaves nothing else to be done.
 *   X2  A name that goes leaves a tombstone before it does.  For one that is
 *       bound to another content the sealer makes it, in one commit with the
 *       new record.
 *   X3  Before bytes change that versions share, these get a copy.  Of what
 *       becomes a log they get it before it is sealed as one.
 *   X4  Below node->floor a file of class append is never written, nor does it
 *       get other attributes: growing needs no version, and what is longer than
 *       its newest record is not sealed, nor what was cut to that length and
 *       has another time by that: it gets its time back when it settles.  An
 *       empty one is sealed as of class version (settle.h).
 *       A folder that is renamed is a renaming of all in it (moving.h).
 *   X5  When the first of several names goes, under which a file is recorded,
 *       the file is sealed anew under the others.  Until then a link is of what
 *       its target was when it was recorded; so restore takes it, too.
 * A file that is being sealed in these classes may change, too: it is not
 * sealed then, unless its record is being committed, which is waited for, or
 * somebody has asked for the seal.
 */
#ifndef FS_VERSION_H
#define FS_VERSION_H

#include "fs/inner.h"
#include "fs/retain_inner.h"

/* What the records say of a path. */
struct version_seal {
	bool sealed;
	enum rules_class class;	/* as recorded */
	uint64_t floor;		/* X4; 0 in other classes */
	bool stores;		/* it is the file's own record */
};
/* files/ has st there.  0 with sealed false if there is no record. */
int version_look(struct mount *m, const char *path, const struct stat *st,
	struct version_seal *ret);
/* Is what that newest record of a path has sealed kept, or what it is a link
 * of?  1, 0. */
int version_kept(struct mount *m, const struct found *f);
/* May what is at that path be another content than it has sealed last?  1, 0. */
int version_pending(struct mount *m, const char *path);

/* Lock held: what is being sealed and may change is either sealed afterwards,
 * or not being sealed. */
void version_await(struct mount *m, struct node *n);
/* Neither lock nor tree held: whoever asked for the seal of a file that may change
 * was told that it is sealed, so what is done to it next is done to a sealed
 * file; for a second, though, no longer.  keeping: a date or a hold, for which any
 * file has to be sealed. */
void version_await_asked(struct mount *m, struct node *n, bool keeping);
/* The same of a name, and of all below a folder. */
void version_await_name(struct mount *m, struct node *folder, const char *text);
/* Lock held: is it sealed, in a class in which it may change? */
static inline bool version_may_change(const struct node *n)
{
	return n->item.state == ST_SEALED && n->item.class != CLASS_SEAL;
}
/* The same, asked without the lock; tree held for reading. */
bool version_sealed(struct mount *m, struct node *n);
/* A sealed file is to change where it is: X1, and it is sealed no more.  Tree
 * held for reading.  0 also if it is not sealed; -EPERM: its class of now would
 * protect it less. */
int version_unseal(struct mount *m, struct node *n);
/* Lock held: a version was kept, before the file got another class. */
static inline void version_shares(struct node *n)
{
	n->shared = true;
	n->whole = n->whole || n->item.class == CLASS_VERSION;
}
/* X3, for the file that fd stands for.  It may have to be copied. */
int version_part(struct mount *m, struct node *n, int fd);
/* Before the bytes from off on change: X3, X4.  1: it may grow in class append,
 * and version_wrote() must follow. */
int version_write(struct mount *m, struct handle *h, uint64_t off);
void version_wrote(struct mount *m, struct handle *h);

/* A name of a file, and what is to become of it. */
struct version_name {
	const char *path;
	enum record_change change;
	const char *target;	/* RECORD_RENAMED: the new path; else NULL */
	unsigned names;		/* of its file in files/ */
	bool spare;		/* another of them is of a class without seals */
	bool moves;		/* version_moved() follows: X1 for all of them */
};
/* Tree held for writing, in both.  Could version_leave() do that?  -EPERM; 1;
 * 0: nothing is sealed under that name.  It is X1 and X2; the file is not
 * immutable until retain_freeze().  *ret_first: it was the first of several
 * names, and version_moved() must follow (X5). */
int version_may_leave(struct mount *m, const struct version_name *v);
int version_leave(struct mount *m, const struct version_name *v,
	struct thawed *ret, bool *ret_first);
/* Tree held for writing: the file has another name now, and settles. */
void version_moved(struct mount *m, struct node *n);

#endif
