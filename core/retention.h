/*
 * retention: how long one sealed file is kept, as the records about it say.
 *
 * A state starts with the file's own record and takes the records about it in
 * the order of the chain.
 *   R1  The date only moves on: of several the latest counts, whatever their
 *       order, so a record that would shorten it has no effect.
 *   R2  Holds do not touch the date nor the date them.  A hold ends by an
 *       order about the record that placed it, and not otherwise.
 *   R3  A file without a date is kept for ever.
 */
#ifndef CORE_RETENTION_H
#define CORE_RETENTION_H

#include "core/bytes.h"
#include "core/record.h"

#define RETENTION_HOLDS_MAX 32	/* on one file at a time */

struct retention_hold {
	struct hash placed;	/* H(d) of the record that placed it */
	uint8_t name[RECORD_CASE_MAX]; /* the case */
	size_t n;
};

struct retention {
	uint64_t until;		/* seconds since 1970; 0: none */
	size_t n_holds;
	struct retention_hold hold[RETENTION_HOLDS_MAX];
};

/* The state with nothing but the file's own record. */
void retention_start(struct retention *t, const struct record *file);
/* A retention or hold about that file; dh is its H(d).  Orders were checked
 * (governance.h).  Had it any effect? */
bool retention_add(struct retention *t, const struct hash *dh,
	const struct record *r);
/* The hold of that case, or NULL. */
const struct retention_hold *retention_find(const struct retention *t,
	struct bytes name);
/* May the file go at that time of the chain (ms since 1970), by itself? */
bool retention_over(const struct retention *t, uint64_t chain_ms);

/* A time as people give it: seconds since 1970, or a date of RFC 3339 with or
 * without its time of day, which then is 00:00 UTC; parts of a second count as
 * a whole one, for a file is never kept shorter than was said.  -EINVAL; 0 is
 * no time, nor is one after the year 9999. */
int retention_time(const char *text, uint64_t *ret_s);
/* RFC 3339 in UTC: "2033-05-18T03:33:20Z". */
#define RETENTION_TEXT 24
void retention_text(uint64_t s, char ret[RETENTION_TEXT]);
/* A span of time in seconds: "7y", "90d", "12h", "30m", "10s"; a year is 366
 * days, lest seven of them be shorter than those of the calendar. */
int retention_span(const char *text, uint64_t *ret_s);
/* The same in the largest unit that it is a whole number of; "none" for 0. */
#define RETENTION_SPAN 24
void retention_span_text(uint64_t s, char ret[RETENTION_SPAN]);

#endif
