/*
 * report_impl: what the files of report share.
 */
#ifndef CORE_REPORT_IMPL_H
#define CORE_REPORT_IMPL_H

#include <stdbool.h>

#include "core/bytes.h"

struct report;
struct text;

/* Of any verdict but V_VALID: what was asked, claimed and found, and what to
 * do next.  (report_unproved.c) */
void report_unproved(struct text *t, const struct report *r);

/* A line of a label and what it is of; the path may be the root's. */
void report_line(struct text *t, const char *label, struct bytes name);
void report_hash(struct text *t, const char *label, const struct hash *h);
void report_path(struct text *t, const char *label, struct bytes path);
/* Is the record one of a file's content? */
bool report_has_content(const struct report *r);

#endif
