/*
 * export: files of a mounted vault, their certificates and a page that tells a
 * stranger how to check them, in one folder that is ready to hand over.
 *
 *	DEST/files/PATH			as recorded: content, mode and time
 *	DEST/certificates/PATH.cert	(certificate_name())
 *	DEST/anchor			64 hex digits
 *	DEST/VERIFY.txt			what is proved, and the commands
 *	DEST/notary-verify		the program, if it was found
 *
 * PATH is the path in the vault, which is part of what a certificate proves.
 * Every copy is checked against its certificate before it gets its name.
 */
#ifndef FS_EXPORT_H
#define FS_EXPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/bytes.h"
#include "core/params.h"
#include "fs/outtree.h"

struct placed;
struct verify_cache;

struct export {
	/* the caller's */
	const char *root;	/* of the mount */
	struct hash anchor;
	void *ctx;
	/* A file that is left out, and why: no full stop. */
	void (*left_out)(void *ctx, const char *path, const char *why);
	/* One more is there. */
	void (*done)(void *ctx, const struct export *e);

	uint64_t files, bytes;	/* exported */
	uint64_t missing;	/* not final yet, or never */
	uint64_t refused;	/* do not verify, or cannot be read */
	/* its own */
	struct outtree out, certs;
	struct verify_cache *cache;
	int dest;
	enum vouched vouched;	/* the trust class of what was judged */
};

/* Makes dest, which must not exist or be empty (-ENOTEMPTY), with the folders
 * in it.  export_end() in any case. */
int export_begin(struct export *e, const char *dest);
/* Visits one file, folder or symbolic link of the mount, as place_walk() does;
 * folders before what is in them.  Others are said to be left out.  0, or -errno of
 * writing. */
int export_visit(void *export, const struct placed *p);
/* The page, the anchor and the program (NULL: none). */
int export_page(struct export *e, const char *program);
void export_end(struct export *e);

#endif
