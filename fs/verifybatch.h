/*
 * verifybatch: some files of a tree, checked together: the small ones are
 * hashed over all lanes of the machine's vectors at once.
 *
 * One batch belongs to one thread at a time.  What is said about each file is
 * written into the batch, so that it can be printed in the order of the tree.
 */
#ifndef FS_VERIFYBATCH_H
#define FS_VERIFYBATCH_H

#include <stdatomic.h>

#include "core/text.h"
#include "fs/demands.h"

#define BATCH_FILES 64
#define BATCH_PATHS ((size_t)32 << 10)	/* bytes of paths; one longer one fits */
#define BATCH_SMALL ((size_t)64 << 10)	/* bytes of a file hashed with others */
#define BATCH_ARENA ((size_t)1 << 20)	/* bytes of files hashed together */
/* Bytes of lines from which on they are printed before the batch is done: a
 * record may have a long name, and a certificate any record. */
#define BATCH_OUT ((size_t)64 << 10)

struct verifybatch;

struct verifytree_counts {
	uint64_t valid, refused, incomplete;
	uint64_t renamed;	/* of the valid: recorded under another name */
	uint64_t others;	/* links and what else is no file: passed over */
	uint64_t latest_ms;	/* of the valid: all existed by then */
	enum vouched trust;	/* of their one chain */
};

/* Where the files and certificates are, and how to judge; for all batches. */
struct verifyplace {
	int dir;		/* of the tree */
	int certs;		/* --certs, or DIR/.certs, or -1 */
	bool certs_only;	/* nowhere else */
	bool json;
	const struct hash *anchor;
	const struct demands *demands;
	struct verify_cache *cache;
	_Atomic uint64_t files, bytes; /* done, for the progress */
	/* Waits for the batch's turn, prints what is said and empties it. */
	void (*spill)(void *ctx, struct verifybatch *b);
	void *spill_ctx;
};

struct verifybatch {
	size_t n;
	struct {
		uint32_t path;	/* in paths, with a NUL */
		const char *why; /* not NULL: it cannot be read, by the walk */
	} file[BATCH_FILES];
	struct buf paths;
	struct text said;	/* lines to print */
	struct verifytree_counts counts;
};

/* Adds up. */
void verifytree_count(
	struct verifytree_counts *sum, const struct verifytree_counts *more);

/* Adds a path; why, if not NULL, lives for ever.  -ENOMEM. */
int verifybatch_add(struct verifybatch *b, struct bytes path, const char *why);
bool verifybatch_full(const struct verifybatch *b);
/* Judges all files; arena has BATCH_ARENA bytes, aligned to 64.  Everything
 * that goes wrong with a file is told in out; -ENOMEM is all that ends it. */
int verifybatch_run(
	struct verifybatch *b, struct verifyplace *p, uint8_t *arena);
/* What is said of a file in JSON.  Keys are always there; report may be NULL,
 * and a refused certificate establishes nothing. */
int verifybatch_json(const char *path, const char *verdict, const char *why,
	const struct report *report, struct buf *ret);
/* Empty again, keeping its memory. */
void verifybatch_clear(struct verifybatch *b);
void verifybatch_done(struct verifybatch *b);

#endif
