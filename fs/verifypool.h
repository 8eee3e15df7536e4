/*
 * verifypool: batches checked by as many threads as there are cores, and
 * printed in the order in which they were given.
 *
 * A ring of batches: one thread, the walk's, fills the newest, workers take
 * the oldest not taken, and the walk prints from the oldest on when it needs
 * room.  So memory does not depend on how much there is to check.
 */
#ifndef FS_VERIFYPOOL_H
#define FS_VERIFYPOOL_H

#include <stdio.h>

#include "fs/verifybatch.h"

#define VERIFYPOOL_THREADS_MAX 16 /* each has an arena */

struct verifypool;

/* threads 0: one for each core this process may use.  progress: a terminal,
 * or NULL.  -ENOMEM, -EAGAIN. */
int verifypool_new(struct verifyplace *place, unsigned threads, FILE *out,
	FILE *progress, struct verifypool **ret);
/* One more file; waits while all batches are full. */
int verifypool_add(
	struct verifypool *p, struct bytes path, const char *why);
/* Waits for all, prints the rest and frees.  -ENOMEM if a batch failed. */
int verifypool_end(struct verifypool *p, struct verifytree_counts *ret);

#endif
