/*
 * certlog: receipt and checkpoint of the main log in a certificate (key 11),
 * and lines of witnesses under the checkpoint.  They are additions: what the
 * certificate proves without them it proves with them.
 */
#ifndef FS_CERTLOG_H
#define FS_CERTLOG_H

#include "core/bytes.h"

/* Puts in those that the mount at root has of the epoch that numbered the
 * block, instead of any that are there.  Judged before *cert is changed.
 * -ENOENT: the log that was published then does not reach to the block;
 * -EBADMSG: they do not belong to it; or of reading. */
int certlog_add(const char *root, struct buf *cert);
/* Adds the lines under the note to the checkpoint that is in *cert.  -ENODATA: it
 * has none; -EBADMSG: note is no signed note, or has a line of the log's own key
 * that is wrong; -EINVAL: it is another checkpoint; -EFBIG: too many lines. */
int certlog_cosign(struct bytes note, struct buf *cert);

#endif
