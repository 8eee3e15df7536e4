/*
 * retain: until when sealed files are kept, which holds they have, and how
 * they go when both are over.
 *
 * What counts are the records of the file (core/retention.h); the access time
 * of the plain file is only set to the date, so that ls -lu and whoever reads
 * files/ without us see it.
 *   K1  What may be deleted is decided by the chain's clock alone, which
 *       stands still while the chain does; what may be set, by the later of
 *       it and this machine's, since that can only keep a file longer.
 *   K2  A deletion is queued before the plain file goes, and the local value
 *       "mount.deleting" says that it is going: a start ends what a crash
 *       left half done, and no other file can be at the path before.
 *   K3  Nothing is deleted that a bucket may still have to be given.
 *   K4  A file's first name goes last: all records about it are under that.
 *   K5  Governance becomes compliance once its record is queued, under the same
 *       lock as what is deleted by order: no order counts behind it.
 * Changes of one mount come one after another, under mount->retain.
 */
#ifndef FS_RETAIN_H
#define FS_RETAIN_H

#include <sys/types.h>

#include "core/params.h"
#include "core/record.h"
#include "core/retention.h"

struct mount;
struct terms;

/* What holds for the sealed file at that path.  -ENOENT: nothing sealed is
 * there. */
int retain_get(struct mount *m, const char *path, struct retention *ret);
/* H(d) of the record that seals that very path.  -ENOENT. */
int retain_record(struct mount *m, const char *path, struct hash *ret);
/* Is it so already, or keeps it until then from now on: 0.  -EPERM: earlier
 * than now or than its date, out of the limits of its rule or the vault, or not
 * the caller's file; -EBUSY: not sealed yet. */
int retain_extend(struct mount *m, const char *path, uint64_t until,
	uid_t caller);
/* Places a hold; one of that case already is 0.  -EINVAL: not a case;
 * -ENOSPC: it has as many as there can be; else as above. */
int retain_hold(struct mount *m, const char *path, struct bytes name,
	uid_t caller);
/* The terms of the configuration, where no rule says others. */
struct terms retain_terms(struct mount *m);
/* The date for a file that is sealed now and kept so long; 0: none. */
uint64_t retain_default(struct mount *m, uint64_t span);
/* A sealed name in its folder. */
struct retain_place {
	const char *path, *last;
	int at;			/* descriptor of the folder */
};
/* An order (core/governance.h): a record, and its bytes as they came. */
struct retain_order {
	struct record r;
	struct bytes d;
};
struct retain_gone {
	uint64_t size;		/* bytes of the file */
	bool large;		/* in extents of its own in the buckets */
};
/* Removes a sealed name whose time is over (order NULL), or that is ordered to
 * go, and records it.  Tree held for writing.  -EPERM: its time is not over,
 * another name must go first, or the order is not by a governance key of a
 * vault in that mode; -EBUSY: K3.  For an order also -EKEYREJECTED: it is
 * held, -EMLINK: another name must go first, -ESTALE: it is about another
 * file. */
int retain_remove(struct mount *m, const struct retain_place *p,
	const struct retain_order *order, struct retain_gone *ret);
/* Ends a hold.  -EPERM: not by a governance key; -ESTALE: there is no such
 * hold; -ENOENT. */
int retain_release(struct mount *m, const struct retain_order *order);
/* Mode governance becomes compliance; 0 also when it is that already.  -EPERM:
 * not by a governance key, or a vault that keeps everything for ever. */
int retain_comply(struct mount *m, const struct retain_order *order);
/* The mode as it is now. */
enum retention_mode retain_mode(struct mount *m);
/* Before the first request: the mode; ends a deletion that a crash cut off. */
int retain_start(struct mount *m);
/* The sealer's thread, at a start: access times that a crash left behind. */
int retain_sweep(struct mount *m);

#endif
