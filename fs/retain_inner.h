/* retain_inner: what the files of retain.h share. */
#ifndef FS_RETAIN_INNER_H
#define FS_RETAIN_INNER_H

#include "core/record.h"
#include "core/retention.h"

struct mount;

/* A record that seals a path. */
struct found {
	struct buf d;
	struct hash dh;		/* H(d) */
	struct record r;	/* points into d */
	uint64_t id, height;
	bool large;		/* it has extents */
	bool final;
	int rc;
};
static inline void cleanup_found(struct found *f)
{
	buf_free(&f->d);
}
#define FOUND(name) cleanup(found) struct found name = {0}

/* -ENOENT: nothing sealed is there. */
int retain_find(struct mount *m, struct bytes path, struct found *f);
/* The file's own record: that of its first name if this one is a link. */
int retain_find_file(struct mount *m, const char *path, struct found *f);
int retain_state(struct mount *m, const struct found *file,
	struct retention *ret);
/* 0 when the chain's clock is not known: then nothing is over. */
uint64_t retain_chain_ms(struct mount *m);
/* Gives r its salt. */
int retain_encode(struct mount *m, struct record *r, struct buf *ret);
int retain_queue(struct mount *m, const struct record *r, struct bytes d);

/* A file without its immutable flag for a moment; if it does not get it
 * again, it does at the next start. */
struct thawed {
	int fd;
	bool flag;
};
int retain_thaw(struct mount *m, const char *path, struct thawed *t);
void retain_freeze(struct thawed *t);

#endif
