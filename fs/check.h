/*
 * check: tries what a vault needs, end to end, without changing the vault.
 *
 * What stays behind is one object in each bucket, <chain>/check (a line of
 * text, the same for ever): whether a bucket can be written, and refuses to
 * be overwritten, cannot be known without writing to it.
 */
#ifndef FS_CHECK_H
#define FS_CHECK_H

#include <stddef.h>

struct assembly;
struct vault;

#define CHECK_KEY "check"
#define CHECK_ROWS 32	/* the buckets, and a dozen more */

enum check_how {
	CHECK_OK,
	CHECK_WARN,		/* works, but somebody should know */
	CHECK_FAILED,
	CHECK_UNKNOWN,		/* could not be tried */
};

struct check_row {
	char name[256];
	enum check_how how;
	char text[512];		/* what was found, and what to do */
};

struct check {
	size_t n;
	struct check_row row[CHECK_ROWS];
};

/* "ok", "warning", "FAILED", "unknown". */
const char *check_word(enum check_how how);
/* Fills ret.  The vault may be mounted. */
void check_vault(const struct assembly *a, const struct vault *v,
	struct check *ret);

#endif
