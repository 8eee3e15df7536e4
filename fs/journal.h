/*
 * journal: state/notaryfs.log, one line an event, each with its time.
 */
#ifndef FS_JOURNAL_H
#define FS_JOURNAL_H

#include <stdbool.h>

#include "core/clock.h"

struct journal;

int journal_open(const char *file, struct clock *clock, struct journal **ret);
/* Also to stderr from now on, or no longer. */
void journal_echo(struct journal *j, bool on);
/* Any thread; line without newline.  What cannot be written is lost. */
void journal_say(struct journal *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The same, and on stderr in any case: what whoever mounts should see. */
void journal_warn(struct journal *j, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void journal_close(struct journal *j);

#endif
