/*
 * said: what a struct local has, as a line of text, and records and blocks to
 * put into one.
 *
 * The lines are in static memory, each good until the next call of the same
 * function; "error" is what failed.
 */
#ifndef TESTS_LIB_SAID_H
#define TESTS_LIB_SAID_H

#include "core/local.h"

/* What visits gave, as text: "id:path[ height.index][ final][ waiting];" */
struct said {
	char line[4096];
	size_t n;
	int count, stop_after;	/* visits; 0: never stop */
};

/* Adds to the line. */
void said_add(struct said *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* A visit; ctx is the struct said.  Returns 7 when it has seen enough. */
int said_see(void *ctx, const struct local_record *r);

/* Records in the queue; of the block at a height; of a path ("none": there is
 * none); of a folder and all below it. */
const char *said_queued(struct local *l, bool ready, uint64_t after);
const char *said_records(struct local *l, uint64_t height);
const char *said_find(struct local *l, const char *path);
const char *said_below(struct local *l, const char *folder, bool only_open);
/* A test (tap.h): all the counts are so. */
void said_counts_are(struct local *l, const char *want, const char *what);

/* The bytes of a string, without its end. */
struct bytes said_text(const char *s);
/* A file's record, ready, whose d is its path. */
struct local_record said_put(const char *path, uint64_t size);
/* Block zero, of no sense, whole. */
int said_genesis(struct local *l);
/* A block of these ids, brought as far as `to`, numbered k. */
int said_block(struct local *l, uint64_t height, const uint64_t *ids,
	size_t n, enum local_state to, uint64_t k);

#endif
