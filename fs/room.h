/*
 * room: whether there is room for what somebody is about to write.
 *
 * The bytes of a file lie in files/ at once; but when it is sealed its shares
 * must go to the buckets, and then nobody is there any more to be told that
 * they have no room.  So write(2) says it:
 *   ENOSPC  when less than ROOM_KEPT would be left on the disk of files/ once
 *           all that is not final yet is in those buckets which lie on it too.
 *           What is kept is for records, tombstones and the end of a mount.
 *   EDQUOT  when files/ would hold more bytes of files than the quota.
 * Writing over what is there is never refused here; into a hole it is, and where
 * in a file with holes nothing was written yet is asked of the disk after each
 * write.  Extents of zeros, of which the holes of large files consist
 * (object.h), are stored once for all and take no room; so they are not counted
 * as owed.  To look
 * costs several calls, so some bytes more are granted each time, as long as
 * there are many.
 */
#ifndef FS_ROOM_H
#define FS_ROOM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/statvfs.h>

#include "core/bytes.h"

struct mount;
struct node;

#define ROOM_KEPT ((int64_t)8 << 20)	/* bytes */
#define ROOM_NAME 4096			/* bytes that a new name is taken for */

/* Of a large record that was not final when it was last looked at. */
struct hollow {
	uint64_t id;
	uint64_t bytes;		/* of extents of zeros */
};

struct room {
	pthread_mutex_t lock;	/* who looks */
	pthread_mutex_t hollow_lock; /* nothing is locked under it but local */
	struct hollow *hollow;
	size_t n, cap;
	atomic_llong granted;	/* bytes until somebody looks again */
	atomic_ullong sealed;	/* bytes of sealed files in files/ */
};

void room_init(struct room *r);
void room_done(struct room *r);
/* n bytes are about to be written to the unsealed file from off on: 0, or
 * -ENOSPC, -EDQUOT. */
int room_write(struct mount *m, struct node *file, uint64_t off, uint64_t n);
/* They were, to fd: how much of a file with holes is on the disk now. */
void room_wrote(struct mount *m, struct node *file, int fd);
/* The same of any file, of which parts were allocated or given back. */
void room_look(struct mount *m, struct node *file, int fd);
/* As room_write(), for a new name. */
int room_name(struct mount *m);
/* The file was cut to that size; lock held. */
void room_cut(struct node *file, uint64_t size);
/* A file of that size is sealed, or was and is gone. */
void room_sealed(struct mount *m, uint64_t size);
void room_gone(struct mount *m, uint64_t size);
/* A record with those extents is queued under that id; mount->queueing held,
 * so that nobody counts it before. */
void room_queued(struct mount *m, uint64_t id, struct bytes extents);
/* All that are queued, at a start. */
int room_start(struct mount *m);
/* Bytes that are sealed and not final, and will be stored. */
int room_owed(struct mount *m, uint64_t *ret);
/* What may still be written, in the numbers that df shows. */
void room_statfs(struct mount *m, struct statvfs *v);

#endif
