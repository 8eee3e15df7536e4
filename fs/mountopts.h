/*
 * mountopts: the options of a mount, as given to notaryfs mount -o and as
 * mount(8) and /etc/fstab give them: settings of notaryfs.conf, options of
 * FUSE, and what mount(8) and systemd say to themselves.
 */
#ifndef FS_MOUNTOPTS_H
#define FS_MOUNTOPTS_H

#include "core/bytes.h"
#include "fs/config.h"

/* Splits list (changed meanwhile) at its commas: settings go into c, FUSE's
 * options, comma separated and with a NUL behind them, into *ret_fuse, which
 * stays empty without any.  base as in config_set().  -EINVAL and a sentence
 * in *ret_why for what is not known or has a bad value; -EPERM and one for what
 * this user may not have. */
int mountopts_take(char *list, struct config *c, const char *base,
	struct buf *ret_fuse, char **ret_why);

#endif
