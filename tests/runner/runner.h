/*
 * runner: compares the code with vector files, one TAP line per case.
 *
 * A kind knows a file by its shape, not by its name, so that a folder may hold
 * other files beside.  What disagrees is told with diag() before the line.
 */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include <jansson.h>

#include "core/bytes.h"

struct kind {
	const char *name;
	bool (*is)(const json_t *doc);
	/* Says ok() once or more, each line beginning with the file's name. */
	void (*run)(const char *file, const json_t *doc);
	/* The same, of a file that lists others in its folder. */
	void (*run_in)(const char *dir, const json_t *doc);
	/* Instead of all these, where the vectors are no JSON: runs the folder
	 * and returns how many files of the kind are there. */
	int (*folder)(const char *dir);
};

extern const struct kind kind_chain, kind_coding, kind_cose, kind_nitro,
	kind_rfc3161, kind_rfc9162;

/* Of a JSON object; NULL, or false and *ret untouched, if it is not there or
 * not of that form. */
const char *text_of(const json_t *o, const char *name);
bool uint_of(const json_t *o, const char *name, uint64_t *ret);
bool hash_of(const json_t *o, const char *name, struct hash *ret);
bool key_of(const json_t *o, const char *name, uint8_t ret[32]);
bool hex_of(const json_t *o, const char *name, struct buf *ret);
bool hash_text(const json_t *text, struct hash *ret);
bool hex_text(const json_t *text, struct buf *ret);
/* The whole file, of at most 1 MiB. */
bool file_of(const char *dir, const char *name, struct buf *ret);

#endif
