/*
 * certnames: the certificates that a listing of a folder shows behind its
 * files, where the configuration wants that (list_certs).  They have offsets of
 * their own, which no file system gives to a name.
 */
#ifndef FS_CERTNAMES_H
#define FS_CERTNAMES_H

#include <dirent.h>

#include "fs/virtual.h"

struct certnames {
	char **name;
	size_t n, cap;
	bool known;		/* they were looked for */
};

void certnames_done(struct certnames *c);
bool certnames_wanted(struct mount *m, const struct node *folder);
/* Is it one of their offsets? */
bool certnames_offset(off_t off);
/* Adds to the page as many as have room behind that offset, or from the first
 * one on; *ret_off: of the last.  dir: the plain folder.  Tree held for
 * reading.  0, -ENOMEM, or another errno. */
int certnames_list(fuse_req_t req, struct node *folder, DIR *dir,
	struct certnames *c, bool plus, struct page *p, off_t *ret_off);

#endif
