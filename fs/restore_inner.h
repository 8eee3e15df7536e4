/* restore_inner: what the files of restore.h share. */
#ifndef FS_RESTORE_INNER_H
#define FS_RESTORE_INNER_H

#include "core/certificate.h"
#include "core/merkle.h"
#include "core/record.h"
#include "fs/chronicle.h"
#include "fs/outtree.h"
#include "fs/restore.h"

#define RESTORE_CERTS ".certs/" /* certificates: DIR/.certs/PATH.cert */

/* Records that must wait for everything else, whole. */
struct later {
	struct buf d;
	size_t depth;		/* slashes in the path */
	uint64_t height;	/* where it is in the chain */
	uint32_t index;
};

struct restore {
	struct ledger *l;
	struct outtree out;
	struct outtree past;	/* root -1: not wanted */
	struct keeping *keeping;
	struct chronicle *chronicle;
	int growing;		/* folder of what grows, or -1 */
	struct later *folder, *link, *orphan, *past_link;
	size_t n_folders, n_links, n_orphans, n_past_links;
	struct restore_counts n;
	/* of the block at hand */
	uint64_t height;
	const struct meta *meta;
	struct merkle *tree;
	struct buf s, t_lower;
	uint64_t t_lower_type;
	struct certificate_final final;	/* b.n == 0: no later block */
	struct buf final_b, final_t;
	uint64_t final_height;		/* what these two are of */
};

/* -- restore.c */

/* A finding about what is not restored; not 0 if the next one would fare no
 * better. */
int restore_failed(struct restore *r, struct bytes path, int err);
/* A copy of d, the record at that index of the block at hand, for the end. */
int restore_later(struct restore *r, struct later **list, size_t *n,
	const struct record *d, size_t index);

/* The contents in the pack of the block at hand, whose records are m; *ret_have
 * false: it cannot be had. */
int restore_pack(struct restore *r, struct meta *m, struct buf *ret,
	bool *ret_have);

/* -- restore_orphan.c */

/* Further names whose first name has something else by now: the file that it
 * was when they were recorded, and links to that. */
int restore_orphans(struct restore *r);

/* -- restore_file.c: contents and certificates of the block at hand */

/* What is stored in that pack or extent. */
int restore_fetch(struct restore *r, const char *key,
	const struct hash *hmeta, bool (*accept)(void *, struct bytes),
	void *ctx, struct buf *ret);
/* The Merkle tree of the block, and the later block that certificates name. */
int restore_prepare(struct restore *r);
/* That of the record at that index of it; old: the one that it renews, or
 * n == 0. */
int restore_make_certificate(struct restore *r, size_t index, struct bytes old,
	struct buf *ret);
/* prefix, the folders of path, and the name of its certificate, behind what is
 * in *ret. */
int restore_certificate_name(const char *prefix, struct bytes path,
	struct buf *ret);
/* Has the vault something of that name itself, or a file where one of its
 * folders would be?  That comes first, wherever in the chain it is. */
bool restore_taken(const struct restore *r, struct bytes name);
/* A whole file; -EEXIST. */
int restore_write(struct outtree *t, struct bytes path, struct bytes data);
/* Its certificate, as prefix, the folders of path, and a name for it. */
int restore_certificate(struct restore *r, struct outtree *t,
	const char *prefix, struct bytes path, size_t index);
/* The file of a put or an append, under that name.  data: NULL if its pack
 * cannot be had. */
int restore_content(struct restore *r, struct outtree *t, struct bytes name,
	const struct record *d, size_t index, const struct bytes *data);
/* An earlier length of a file, for when the whole is to be written. */
int restore_grow(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data);
void restore_grown_end(struct restore *r);
/* The first bytes of fd, if they are what d says, under that name. */
int restore_copy(struct outtree *t, struct bytes name, const struct record *d,
	int fd);

/* -- restore_renewal.c */

/* The renewal d, at that index of the block at hand: the certificate of what
 * its path had there, if that is written, gets into its own. */
int restore_renewal(struct restore *r, const struct record *d, size_t index,
	const struct chronicle_entry *e);

/* -- restore_past.c: DIR2/history/PATH/N, DIR2/deleted/PATH */

#define RESTORE_HISTORY "history/"
#define RESTORE_DELETED "deleted/"
/* "PATH/N", behind what is in *ret. */
int restore_name_version(struct bytes path, uint32_t number, struct buf *ret);

int restore_past(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data, const struct chronicle_entry *e);
/* What was a further name, when all else is there. */
int restore_past_links(struct restore *r);

#endif
