/*
 * chronicle: what each path of a chain has had, one record after the other, and
 * what became of it.
 *
 * Paths are known by their hash, so a record costs 64 bytes however long its
 * path is.  Records are added in any order, then settled once, then looked up.
 */
#ifndef FS_CHRONICLE_H
#define FS_CHRONICLE_H

#include <stdbool.h>

#include "core/bytes.h"
#include "core/record.h"

enum chronicle_fate {
	CHRONICLE_NEWEST,	/* it is what the path has */
	CHRONICLE_PAST,		/* another came, or the name went */
	CHRONICLE_DELETED,	/* it was deleted for good */
};

struct chronicle_entry {
	struct hash path;
	uint64_t height;
	uint32_t index;
	enum record_kind kind;
	enum chronicle_fate fate; /* of a log that has grown: of all of it */
	uint32_t number;	/* of what the path has sealed, from 1 on */
	bool grown;		/* a longer one of the same file follows */
	bool last;		/* past, and nothing is at its path any more */
	uint32_t tag;		/* of content and attributes; a link has its
				   file's */
};

struct chronicle;

struct chronicle *chronicle_new(void);	/* NULL: no memory */
void chronicle_free(struct chronicle *c);
/* Not for what only adds to another record, nor for a tombstone that does not
 * end a path.  -ENOMEM. */
int chronicle_add(struct chronicle *c, const struct record *d, uint64_t height,
	uint32_t index);
void chronicle_settle(struct chronicle *c);
/* What a path had there, the record at that place included; NULL: nothing
 * yet. */
const struct chronicle_entry *chronicle_at(const struct chronicle *c,
	struct bytes path, uint64_t height, uint32_t index);
/* The record of the file or symbolic link which the link d, at that place, is a
 * link of; NULL: there is none.  That of a large file comes behind its links',
 * since its extents are stored first. */
const struct chronicle_entry *chronicle_file(const struct chronicle *c,
	const struct record *d, uint64_t height, uint32_t index);
/* Is what a folder of the path, which had something there, has now a file or a
 * symbolic link?  Then the path is gone, and a tombstone was still to come. */
bool chronicle_covered(const struct chronicle *c, struct bytes path,
	uint64_t height, uint32_t index);
/* Did a file or symbolic link have that name last, and has it gone? */
bool chronicle_gone(const struct chronicle *c, struct bytes path);

#endif
