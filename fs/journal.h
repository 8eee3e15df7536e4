/*
 * journal: state/notaryfs.log, one event a line, for people and programs:
 *
 *   time=2026-11-24T10:00:00.000Z level=warn event=bucket-failed
 *	bucket=/srv/b/4 msg="No such file or directory; it gets ..."
 *
 * (on one line).  A value with anything but letters, digits and _./:@%+-
 * stands in double quotes, with \" and \\ inside; control characters become
 * "?"; a long one ends in "...".  Names of events and keys are stable, and
 * notaryfs(1) lists them; the words of msg are not.  Paths of files are told,
 * contents, keys and passwords never.
 */
#ifndef FS_JOURNAL_H
#define FS_JOURNAL_H

#include <stdbool.h>

#include "core/clock.h"

struct journal;

enum journal_event {
	JOURNAL_MOUNTED,		/* dir */
	JOURNAL_UNMOUNTED,		/* dir */
	JOURNAL_ENDED,			/* dir; with an error */
	JOURNAL_SIGNAL,			/* signal; that ends the mount */
	JOURNAL_CONFIG_READ,		/* file; at SIGHUP */
	JOURNAL_CONFIG_REFUSED,		/* file; the old settings stay */
	JOURNAL_STATUS,			/* numbers, at SIGUSR1 */
	JOURNAL_SERVICE_FAILED,		/* service */
	JOURNAL_SERVICE_WORKS,		/* service; again */
	JOURNAL_BUCKET_FAILED,		/* bucket */
	JOURNAL_BUCKET_WORKS,		/* bucket; again */
	JOURNAL_CLOCK_BEHIND,		/* vault */
	JOURNAL_VAULT_COPIED,		/* vault */
	JOURNAL_RECOVERING,		/* vault; the last end was none */
	JOURNAL_HANDOVER_FAILED,	/* vault */
	JOURNAL_SEQUENCER,		/* vault; what it says itself */
	JOURNAL_FILE,			/* path; trouble with a file */
	JOURNAL_METRICS_FAILED,		/* file */
	JOURNAL_ERASING_FAILED,		/* vault; of deleted files in buckets */
	JOURNAL_NO_ROOM,		/* vault; on the disk of its state */
	JOURNAL_ROOM,			/* vault; again */
	JOURNAL_EVENTS
};

int journal_open(const char *file, struct clock *clock, struct journal **ret);
/* Lines go to stderr too, without their time; to the system's journal with
 * the level that it knows. */
void journal_echo(struct journal *j, bool on);
/* Writes to a new file of the same name from now on, after a rotation.  What
 * cannot be opened leaves all as it is. */
void journal_reopen(struct journal *j);

/* Any thread.  about: the value of the event's own key.  What cannot be
 * written is lost. */
void journal_say(struct journal *j, enum journal_event e, const char *about,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The same, and the sentence on stderr: what whoever mounts should see. */
void journal_warn(struct journal *j, enum journal_event e, const char *about,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* An event whose keys are numbers; fields: "a=1 b=2", as it is. */
void journal_numbers(struct journal *j, enum journal_event e,
	const char *fields);
void journal_close(struct journal *j);

#endif
