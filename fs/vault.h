/*
 * vault: a folder that holds everything of one notaryfs.
 *
 *	notaryfs.conf	commented configuration		the user's
 *	anchor		64 hex digits of H(b0), newline	written once by init
 *	files/		the plain files under their own names
 *	buckets/0..5	unless --bucket named others
 *	state/		notary.db, genesis, keys/, sequencer/, lock,
 *			notaryfs.log, refused.log, reserve
 *	damaged/	plain files that a repair replaced
 *
 * Who may delete what: files/ only through the mount (unsealed files only);
 * buckets never; state/ may be rebuilt from buckets and files/ (restore), but
 * what was queued and not yet in the buckets is then lost.
 */
#ifndef FS_VAULT_H
#define FS_VAULT_H

#include "core/bytes.h"
#include "core/params.h"
#include "fs/config.h"

struct vault {
	char *path;		/* absolute */
	struct config config;
	struct hash anchor;
	struct buf b0, params_raw;	/* from state; empty before genesis */
	struct params params;
	int lock_fd;		/* -1 unless locked */
};

/* Is a folder that has state and no anchor what an init left that was cut off,
 * with nothing in it yet? */
bool vault_unfinished(const char *path);
/* Was it never mounted, and has no file?  So it may be unfinished, whatever else
 * is there. */
bool vault_unused(const char *path);
/* Opens an existing vault and checks its configuration whole.  On failure a
 * message for the user is in *ret_why (owned by the caller). */
int vault_open(const char *path, struct vault **ret, char **ret_why);
void vault_close(struct vault *v);
struct genesis;
/* Does this genesis object belong to the anchor, and its parameters to it? */
bool vault_genesis_ok(const struct genesis *g, const struct hash *anchor);
/* 64 hex digits and blanks or a newline; -EBADMSG. */
int vault_anchor_read(const char *file, struct hash *ret);
/* The key in state/sequencer without which no enclave's document is believed:
 * is it there, whole, and the one that block zero names?  -ENOENT, -EBADMSG, or
 * what reading it said. */
int vault_attestor_root(const struct vault *v);
/* "<vault>/<rest>", owned by the caller; NULL: no memory. */
char *vault_path(const struct vault *v, const char *rest);

/* state/lock: held (fcntl, OFD) while a daemon runs or a repair ("" for a mount
 * point); its text names pid and mount point.  Waits for a holder whose mount is
 * gone, or not there yet, up to half a minute.  -EBUSY: *ret_holder says who
 * ("mounted at DIR by process N"). */
int vault_lock(struct vault *v, const char *mount_point, char **ret_holder);
/* Is it mounted now?  Fills what the lock says.  0, -ENOENT when not. */
int vault_mounted(const struct vault *v, int *ret_pid, char **ret_mount_point);

#endif
