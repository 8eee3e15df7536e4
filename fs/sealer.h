/*
 * sealer: makes what is due durable, hashes it, and records it.
 *
 * One thread takes all that is due as a group; files of a group are hashed by
 * two.  A group's records are queued in one commit, then its files get the
 * immutable flag, then they are sealed.  What fails is due again later.  Large
 * files are groups of their own beside these (large.h).
 *   S1  Contents and names are durable before their records.
 *   S2  Content, size and times do not change between hashing and queueing;
 *       they are looked at again after hashing.
 *   S3  A record is made once: what is queued is never made again.
 */
#ifndef FS_SEALER_H
#define FS_SEALER_H

#include <stdbool.h>

struct buf;
struct mount;
struct mount_hashing;
struct node;
struct sealer;

int sealer_new(struct mount *m, struct sealer **ret);
int sealer_start(struct sealer *s);
/* Ends the group in work and seals what was asked for; all else stays
 * settling, and so does a large file that is not hashed yet. */
void sealer_stop(struct sealer *s);
void sealer_free(struct sealer *s);
/* Something was asked to be sealed now, or somebody waits. */
void sealer_wake(struct sealer *s);

/* As large_look(). */
int sealer_large(struct sealer *s, struct mount_hashing *ret,
	struct buf *names);

/* Records `to` as another name of the sealed file at `from`, at once. */
int sealer_link(struct sealer *s, const char *from, const char *to);
/* A sealed file has names without a record; mount->lock held.  Names of class
 * seal get theirs with the next group. */
void sealer_late(struct sealer *s, struct node *n);
/* The immutable flag, if it is wanted and can be had. */
void sealer_protect(struct sealer *s, const char *path, bool check);

#endif
