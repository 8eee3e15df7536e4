/*
 * settle: when a file has been left alone long enough to be sealed.
 *
 * One `struct item` lives in every node that can be sealed (regular files and
 * symlinks) and in every folder.  The caller holds one lock around all calls;
 * there are no threads and no clock here: `now` is monotonic milliseconds.
 *
 *   state      means                                         next
 *   NONE       not ours: a folder, a device, or not looked at  OPEN SETTLING
 *              yet                                             TEMP SCRATCH SEALED
 *   OPEN       at least one handle that can write            SETTLING FROZEN
 *   SETTLING   closed; the timer runs                        OPEN FROZEN SEALING
 *   FROZEN     content fixed (chmod a-w), name not yet       SETTLING SEALING
 *   SEALING    taken: nothing may change any more            SEALED SETTLING FROZEN
 *   SEALED     recorded                                      OPEN SETTLING
 *   TEMP       kept, not sealed under this name              OPEN SETTLING FROZEN SCRATCH
 *   SCRATCH    kept, never sealed                            the same, TEMP
 * OPEN, SETTLING and FROZEN also go to TEMP and SCRATCH (rename) and all but
 * SEALING to NONE (unlink).  SEALING goes back when sealing failed, and in the
 * classes version and append; these alone leave SEALED, too.  chmod a-w freezes
 * in class seal only.
 *
 * What has grown in class append is taken though writers are there, if all of
 * them can only put something behind it: SEALING then goes back to OPEN.  An
 * empty file of class append is sealed in class version: nothing is behind which
 * more could come, and what comes first may come in any way.
 *
 * Timer: last change + settle, at the latest first close + settle_max.  An
 * empty file has empty_settle instead of both, for an empty file is more often
 * a placeholder than a content.  A folder that changed is due like a file and
 * is then recorded, not sealed: its state stays NONE.
 */
#ifndef FS_SETTLE_H
#define FS_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/rules.h"

enum seal_state {
	ST_NONE, ST_OPEN, ST_SETTLING, ST_FROZEN, ST_SEALING, ST_SEALED,
	ST_TEMP, ST_SCRATCH,
	ST_STATES
};

enum item_kind { ITEM_FILE, ITEM_SYMLINK, ITEM_FOLDER };

struct item {
	enum item_kind kind;
	enum seal_state state;
	enum rules_class class;
	uint32_t writers;	/* handles that can write */
	uint32_t adders;	/* those of them that can only append */
	uint32_t turn;		/* counts settle_cancel() */
	bool asked;		/* settle_ask(), until it is sealed, or somebody
				   opens it to write */
	bool part, grown;	/* class append: what was there when it was last
				   sealed is; there is more since it was taken */
	uint32_t busy;		/* changes of attributes in progress */
	bool frozen;		/* content is fixed */
	bool freeze_at_close;	/* chmod a-w while a writer was there */
	bool empty;
	bool as_version;	/* SEALING in class version, but of class append */
	bool unclean;		/* its writer may have been cut off */
	bool dirty, taken;	/* folder: changed; being recorded */
	uint64_t first_ms, last_ms; /* first close, last change */
	uint64_t due_ms;
	size_t heap;		/* place in the heap + 1; 0: not in it */
	struct item *next, *prev; /* all that is pending */
	bool listed;
};

struct settle {
	uint64_t settle_ms, settle_max_ms, empty_ms;
	struct item **heap;
	size_t n, cap;
	size_t n_items;		/* that exist; cap is never less */
	struct item *pending;	/* every item that is not at rest */
	uint64_t count[ST_STATES]; /* regular files by state */
};

void settle_done(struct settle *s);

/* One more item exists, at rest; -ENOMEM.  Room is made for all of them to be
 * pending, so that nothing below can fail for want of memory. */
int settle_reserve(struct settle *s);
/* An item at rest, or whatever it was, goes away. */
void settle_release(struct settle *s, struct item *i);

/* An unsealed file or symlink has come to be known. */
void settle_join(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now);
/* It is sealed already, in that class. */
void settle_known(struct settle *s, struct item *i, enum rules_class class);
/* It is sealed no more, in class version or append; its class is that one. */
void settle_unseal(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now);
/* What is SEALING shall not be sealed now. */
void settle_cancel(struct settle *s, struct item *i);
/* Something came behind a file of class append; much: enough to be sealed. */
void settle_grow(struct settle *s, struct item *i, uint64_t now, bool much);
/* May content be written; may name and attributes change?  0 or -EPERM. */
int settle_may_write(const struct item *i);
int settle_may_change(const struct item *i);
/* A handle that can write, or only append, was opened; closed. */
void settle_open(struct settle *s, struct item *i, bool adds);
void settle_close(struct settle *s, struct item *i, bool adds, uint64_t now);
/* Attributes are being changed: it is not taken before settle_changed(). */
void settle_change(struct settle *s, struct item *i);
void settle_changed(struct settle *s, struct item *i, uint64_t now);
/* chmod that took every w bit away, or gave one back. */
void settle_chmod(struct settle *s, struct item *i, bool writable);
/* It was renamed or linked: the timer starts again, under this class. */
void settle_renamed(struct settle *s, struct item *i, enum rules_class class,
	uint64_t now);
/* A folder's content or attributes changed. */
void settle_folder(struct settle *s, struct item *i, uint64_t now);
/* The last name is gone. */
void settle_gone(struct settle *s, struct item *i);

/* Due now, whatever the timer says (a folder, if it changed): 0, -EBUSY
 * (writers), -EINVAL (temp or scratch). */
int settle_ask(struct settle *s, struct item *i, uint64_t now);
/* Takes at most max items that are due: files become SEALING. */
size_t settle_take(struct settle *s, uint64_t now, struct item **ret,
	size_t max);
/* Milliseconds until the next one is due; UINT64_MAX: none. */
uint64_t settle_next(const struct settle *s, uint64_t now);
/* What was taken is recorded; failed and is due again in wait_ms. */
void settle_sealed(struct settle *s, struct item *i);
void settle_failed(struct settle *s, struct item *i, uint64_t now,
	uint64_t wait_ms);

/* Waits for a record: everything that wait and umount wait for. */
bool settle_owed(const struct item *i);
/* As user.notary.state shows it; NULL for NONE. */
const char *settle_state_name(enum seal_state s);

#endif
