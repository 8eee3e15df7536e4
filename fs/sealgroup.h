/*
 * sealgroup: what is sealed together, from what was taken to what is recorded.
 *
 * A group belongs to one thread of the sealer; several groups are in work at a
 * time.  A node is in one, or also in older ones that were cancelled (settle.h)
 * and have not come to their end yet.
 */
#ifndef FS_SEALGROUP_H
#define FS_SEALGROUP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define RETRY_MS 2000	/* at least, until what failed is tried again */

struct job;
struct mount;
struct node;

struct group {
	struct group *after;	/* these two are those of large.c */
	uint64_t bytes;
	struct job *job;	/* cap of them, the caller's, zeroed */
	size_t n, cap;
	atomic_size_t next;	/* job to be hashed next */
};

/* How many jobs the node may need; mount->lock held. */
size_t sealgroup_room(const struct node *n);
/* Jobs for a node that was just taken (settle_take()): for its names that have
 * no record, or for the folder itself.  The node is held.  On failure it is due
 * again later.  Tree held for reading, mount->lock held. */
int sealgroup_add(struct mount *m, struct group *g, struct node *n);
/* S1: content and names are durable; what is not has a job->rc. */
void sealgroup_sync(struct mount *m, struct group *g);
/* When the jobs have their records: all that could be made in one commit, then
 * their files are sealed.  What failed is due again later.  What the commit
 * returned. */
int sealgroup_end(struct mount *m, struct group *g);
void sealgroup_free(struct group *g);

/* The name at path is durable in its folder. */
int sealgroup_sync_parent(struct mount *m, const char *path);

#endif
