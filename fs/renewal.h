/*
 * renewal: certificates that hold the one that they renew (core/FORMAT.md
 * 11.5).
 *
 * Such a certificate is made of what the chain has: the record of the renewal
 * names the old one by a digest, and the old one is made again.  It is of the
 * form that certfile.h gives (keys 0 to 10, with key 12 or still without), or
 * holds an older one itself.  So nothing but records has to be kept, and
 * whoever restores the vault has the same ones.
 */
#ifndef FS_RENEWAL_H
#define FS_RENEWAL_H

#include "core/record.h"

struct renewal_layers {
	size_t n;		/* certificates in one another; 1: not renewed */
	struct bytes innermost;	/* whole */
	struct hash about;	/* H(d) of that */
	size_t n_algorithms;	/* n - 1 */
	struct bytes algorithm[8]; /* of the renewals, outermost first */
};

/* What is in a certificate; points into it.  -EBADMSG: it is none, or has more
 * layers than are judged; -ENOMEM. */
int renewal_layers(struct bytes cert, struct renewal_layers *ret);
/* May it be renewed under that hash?  0; -EOPNOTSUPP: the chain's parameters do
 * not name it; -EINVAL: weaker than what it has; -EMLINK: renewed too often;
 * -EFBIG; else as above. */
int renewal_may(struct bytes cert, struct bytes algorithm);
/* The form of a certificate that the renewal r is of: as it is, or without its
 * key 12.  -ENOENT: of neither; else as above. */
int renewal_form(const struct record *r, struct bytes cert, struct buf *ret);

#endif
