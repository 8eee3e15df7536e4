/*
 * outtree: makes files, folders and links below one folder, never outside it,
 * whatever the paths say, and gives them what their records hold.
 */
#ifndef FS_OUTTREE_H
#define FS_OUTTREE_H

#include "core/record.h"

struct outtree {
	int root;		/* the folder */
	bool owners;		/* may we give files away? */
};

/* A file being written: it has a temporary name until outtree_keep(). */
struct outfile {
	int fd, folder;
	char temp[32];
	char name[256];		/* last component of its path */
};

/* The folders on the way are made (0755) where they are missing. */
int outtree_begin(struct outtree *t, struct bytes path, struct outfile *ret);
/* Attributes of the record (NULL: 0644 and nothing else), then the name; -EEXIST
 * if that is taken.  f is gone in either case. */
int outtree_keep(struct outtree *t, struct outfile *f, const struct record *d);
void outtree_drop(struct outfile *f);

int outtree_folder(struct outtree *t, struct bytes path);
/* What a record says of owner, extended attributes, mode and time. */
int outtree_attributes(struct outtree *t, int fd, const struct record *d);
/* The attributes of a folder: when nothing is made in it any more. */
int outtree_folder_attributes(struct outtree *t, const struct record *d);
int outtree_symlink(struct outtree *t, const struct record *d);
int outtree_link(struct outtree *t, const struct record *d);

#endif
