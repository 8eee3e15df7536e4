/*
 * mount: the FUSE side of a running vault.
 */
#ifndef FS_MOUNT_H
#define FS_MOUNT_H

#include "core/clock.h"
#include "core/local.h"
#include "core/notary.h"
#include "core/params.h"
#include "fs/config.h"

/* Files by state, as status shows them. */
struct mount_counts {
	uint64_t open, settling, frozen, temp, scratch;
};

/* Large files that are being hashed or wait for it: how many, their bytes, and
 * how many of these are done. */
struct mount_hashing {
	uint64_t files, bytes, done;
};

/* Temporary names that were left alone for longer than temp_max (idle.h), and
 * for how long the first of them. */
struct mount_idle {
	uint64_t files, oldest_ms;
};

struct mount_services {
	const char *files_dir;		/* VAULT/files */
	const char *versions_dir;	/* VAULT/versions */
	const char *refused_log;	/* refusals.h; NULL: none is kept */
	const char *fsname;		/* shown in /proc/mounts: the vault */
	const struct config *config;
	struct local *local;
	struct clock *clock;
	struct entropy *entropy;
	struct bytes b0, params;	/* raw, for certificates */
	const struct params *chain;	/* the same parameters, decoded */
	struct hash anchor;
	/* Any shares_k buckets give a file back, and shares_here of all lie on
	 * the disk of files/; shares_k 0: there are none. */
	unsigned shares_k, shares_here;
	/* The disk may be full, and what comes must not fail: lets go of what
	 * is held for that.  May be NULL. */
	void (*make_room)(void *ctx);
	/* New records are in local; hurry: somebody waits for them. */
	void (*queued)(void *ctx, bool hurry);
	/* The text of .notary/status (JSON and a newline). */
	int (*status)(void *ctx, struct buf *ret);
	/* The extents of that large record are to be erased from the buckets
	 * when its deletion is final; noted durably.  May be NULL. */
	int (*erase)(void *ctx, uint64_t id);
	/* The chain's own time, ms since 1970 (chainclock.h). */
	int (*chain_time)(void *ctx, uint64_t *ret_ms);
	/* So many names have been looked at, at a start that takes a while.
	 * May be NULL. */
	void (*looked)(void *ctx, uint64_t names);
	/* Trouble with a file, for the journal; err 0 or a negative errno. */
	void (*say)(void *ctx, const char *what, const char *path, int err);
	void *ctx;
};

struct mount;

/* Reads files/, finds what is unsealed, starts the sealer, mounts.  On failure
 * a message is in *ret_why.  Options: FUSE's own, comma separated, or NULL. */
int mount_open(const struct mount_services *s, const char *mount_point,
	const char *fuse_options, struct mount **ret, char **ret_why);
/* Serves requests until the file system is unmounted or mount_exit(). */
int mount_serve(struct mount *m);
/* Ends mount_serve(); safe in a signal handler. */
void mount_exit(struct mount *m);
/* Both of one moment, so that no file is counted twice or not at all. */
int mount_counts(struct mount *m, struct mount_counts *ret,
	struct local_counts *ret_local);
void mount_hashing(struct mount *m, struct mount_hashing *ret);
void mount_idle(struct mount *m, struct mount_idle *ret);
/* What may become of sealed files now. */
enum retention_mode mount_mode(struct mount *m);
/* When a seal last succeeded, and failed for lack of room or the like. */
void mount_sealing(struct mount *m, struct notary_health *ret);
/* The newest block became final: wakes those who wait, drops stale views. */
void mount_progress(struct mount *m);
/* The times to settle in the configuration changed: they count from the next
 * change of a file on. */
void mount_settle(struct mount *m);
/* Gives memory back to the system, if the kernel forgot many files since the
 * last time; to be called now and then. */
void mount_trim(struct mount *m);
/* Stops the sealer after what it has begun and unmounts. */
void mount_close(struct mount *m);

#endif
