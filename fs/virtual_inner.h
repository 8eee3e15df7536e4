/*
 * virtual_inner: what the files of virtual.h share: virtual_name.c says what a
 * name stands for, virtual.c what is in it, virtual_list.c what a folder lists.
 */
#ifndef FS_VIRTUAL_INNER_H
#define FS_VIRTUAL_INNER_H

#include "core/parts.h"
#include "fs/logtree.h"
#include "fs/virtual.h"

/* Is it one that history.h knows about? */
bool virtual_is_history(enum virtual_kind k);
/* What `text` stands for in that folder.  A negative errno, of which -ENOENT is
 * the usual one. */
int virtual_what(struct mount *m, struct node *folder, const char *text,
	enum virtual_kind *ret);
/* The path that a virtual node speaks of, relative to files/; "" for what
 * speaks of none.  -ENOENT, -ENAMETOOLONG. */
int virtual_subject(struct mount *m, struct node *n, char ret[NODE_PATH]);
/* What .notary/log is made of. */
struct logtree virtual_log(struct mount *m);
/* The certificate taken apart; parts_done() in any case.  -EIO: it is not
 * valid. */
int virtual_take_apart(struct mount *m, struct bytes cert,
	struct parts_list *ret);

#endif
