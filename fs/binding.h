/*
 * binding: which preset holds where in the mount.
 *
 * The nearest folder above a name that has a preset decides: one given to it
 * (user.notary.preset, kept as that attribute of the folder in files/ and in
 * its record), or one that a `bind` of the configuration gives to folders of
 * its path; else the vault's.  A folder's own comes before the configuration's.
 * A sealed file keeps the class that its record names, whatever is bound later.
 */
#ifndef FS_BINDING_H
#define FS_BINDING_H

#include "fs/inner.h"

#define BINDING_NAME "user.notary.preset"

/* The configuration's part, before any name is known. */
int binding_open(struct mount *m, char **ret_why);
void binding_close(struct mount *m);
/* What the folder that fd stands for has; at a start, when its path comes up. */
int binding_seen(struct mount *m, struct node *folder, const char *path,
	int fd);
/* Gives a folder the preset of that name; "" takes its own away.  Takes the
 * tree for writing.  -EINVAL: there is none of that name; -EPERM: the caller is
 * neither the folder's owner nor root, or something is sealed below (neither
 * for what changes nothing); -ENOSPC: too many. */
int binding_set(struct mount *m, struct node *folder, const char *name,
	uid_t caller);
/* The preset that holds below the folder, and as rules_text() has it with its
 * rules.  -ENOMEM. */
int binding_name(struct mount *m, struct node *folder, struct buf *ret);
int binding_rules(struct mount *m, struct node *folder, struct buf *ret);

#endif
