/*
 * parts_impl: what parts.c and parts_stamp.c share: the list in the making.
 */
#ifndef CORE_PARTS_IMPL_H
#define CORE_PARTS_IMPL_H

#include "core/parts.h"
#include "core/verify.h"

/* The error is sticky: add all, then ask once. */
struct parts_maker {
	const struct report *r;
	struct parts_list *out;
	struct buf readme;
	int err;
};

/* A file of that name with a copy of these bytes.  A second one of the same
 * name is left out: it is the same authority's. */
__attribute__((format(printf, 3, 4))) void parts_add(
	struct parts_maker *m, struct bytes data, const char *fmt, ...);
/* A line, or several, of the README. */
__attribute__((format(printf, 2, 3))) void parts_say(
	struct parts_maker *m, const char *fmt, ...);
/* DER items as PEM, one behind the other, in one file. */
void parts_add_pem(struct parts_maker *m, const char *name, const char *label,
	const struct bytes *der, size_t n);

/* Upper and lower timestamp and whom they are checked against.
 * (parts_stamp.c) */
void parts_add_stamps(struct parts_maker *m);
/* The key of checkpoints; checkpoint and receipt, if there are.  (parts_log.c) */
void parts_add_log(struct parts_maker *m);

#endif
