/*
 * daemon: a mounted vault: opens every service, serves, and puts all away in
 * the order that loses nothing.
 *
 * At the end: no more requests, the sealer and the pipeline stop after what
 * they have begun, the sequencer hands over to the next mount, everything is
 * closed, and only then the vault's lock is released.
 */
#ifndef FS_DAEMON_H
#define FS_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

struct assembly;
struct vault;

struct daemon_options {
	const char *mount_point;	/* absolute */
	const char *fuse_options;	/* FUSE's own, or NULL */
	const char *options;		/* all, for mountopts_take(), or NULL */
	bool foreground;		/* the journal also on stderr */
	bool moved;			/* a copy goes on as the only one */
	/* Called once when the mount answers; in the background it lets the
	 * parent go.  May be NULL. */
	void (*ready)(void *ctx);
	/* A start has looked at so many names of about so many.  May be NULL. */
	void (*looked)(void *ctx, uint64_t names, uint64_t of);
	void *ctx;
};

/* Returns after the unmount, 0 if everything was put away.  The vault must not
 * be locked; no other thread may exist.  What went wrong is in *ret_why. */
int daemon_run(const struct assembly *a, struct vault *v,
	const struct daemon_options *o, char **ret_why);

#endif
