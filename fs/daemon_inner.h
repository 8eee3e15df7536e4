/*
 * daemon_inner: what the parts of the daemon share.
 *
 *   daemon.c		run, signals, end
 *   daemon_open.c	opens state, buckets, sequencer and pipeline
 *   daemon_report.c	how it is doing: status, journal, metrics
 */
#ifndef FS_DAEMON_INNER_H
#define FS_DAEMON_INNER_H

#include <pthread.h>
#include <stdatomic.h>

#include "fs/assembly.h"
#include "fs/backlog.h"
#include "fs/chainclock.h"
#include "fs/config.h"
#include "fs/daemon.h"
#include "fs/erasure.h"
#include "fs/journal.h"
#include "fs/status.h"
#include "fs/vault.h"

struct daemon {
	const struct assembly *a;
	struct vault *v;
	const struct daemon_options *o;
	struct journal *journal;
	uint64_t looked_ms;	/* the last word about a start */
	struct local *local;
	struct replica *replica;
	struct timestamper *tsa;
	struct sequencer *seq;
	struct content_store *content;
	struct notary *notary;
	struct drive *drive;
	struct mount *mount;
	struct backlog backlog;
	struct chainclock clock;
	struct erasure erasure;
	bool erasing_failed;		/* as the journal says */
	bool no_room;			/* as the journal says */
	int reserve;		/* the file (reserve.h); -1: none */
	_Atomic uint64_t final_height;	/* that the mount was told of */
	struct worm *bucket[CONFIG_BUCKETS_MAX]; /* the replica has them */
	/* The watcher's: what failed as the journal says, services first. */
	bool failed[STATUS_ROWS];
	bool metrics_failed;
	uint64_t metrics_ms;		/* when they are due; monotonic */
	pthread_t signals;
	bool signals_run;
	atomic_bool stopping;		/* the thread that takes them ends */
	char **why;
};

/* Says what could not be done, for whoever mounts; returns err. */
int daemon_fail(struct daemon *d, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Everything but the mount itself, in the order in which each can fail without
 * having spent a number of the sequencer. */
int daemon_open(struct daemon *d);

/* The text of .notary/status. */
int daemon_status(struct daemon *d, struct buf *ret);
/* The event "status". */
void daemon_log_status(struct daemon *d);
/* Looks at services and buckets, tells the journal what has changed, and
 * writes the metrics when they are due.  One thread. */
void daemon_watch(struct daemon *d);
/* Writes them now; at the end they say that nothing is mounted. */
void daemon_metrics(struct daemon *d, bool mounted);

#endif
