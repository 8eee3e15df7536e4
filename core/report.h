/*
 * report: what verify() found, for a person and for programs.
 *
 * A person reads whether it is valid, what exactly is proved, by when, on
 * whose word, and what is not proved; of what is refused, what was found
 * instead and what to do next.  Programs read one JSON object whose keys are
 * always there (notary-verify(1) has them).
 */
#ifndef CORE_REPORT_H
#define CORE_REPORT_H

#include "core/bytes.h"

struct report;

#define REPORT_TIME 32 /* bytes of a time's text, the NUL included */

/* Several lines: the verdict first, then the trust class. */
int report_text(const struct report *r, struct buf *ret);
/* One object, no newline. */
int report_json(const struct report *r, struct buf *ret);
/* The same object of what could not be judged: verdict "unread", and why. */
int report_json_unread(const char *why, struct buf *ret);
/* RFC 3339 with milliseconds, UTC. */
void report_time(uint64_t ms, char ret[REPORT_TIME]);
void report_seconds(uint64_t s, char ret[REPORT_TIME]);
/* Was all of the certificate found good, whatever was asked besides? */
bool report_known(const struct report *r);
/* The trust class as it is printed: "local software (...)", without a
 * newline; of a report that is V_VALID or V_NO_ANCHOR. */
struct text;
void report_trust(struct text *t, const struct report *r);

#endif
