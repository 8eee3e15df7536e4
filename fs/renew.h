/*
 * renew: a record that renews the certificate of a sealed file under another
 * hash (core/FORMAT.md 11.5).
 *
 * The certificate is made again here and compared.  The file is not: its
 * digest is the word of whoever mounted the vault, who has checked the file
 * against its certificate in the same pass.
 *
 * Nothing but the record is kept, in one commit.  What is killed before that
 * has asked for nothing, and renew_file() again is safe after it.
 */
#ifndef FS_RENEW_H
#define FS_RENEW_H

#include "core/bytes.h"
#include "core/digest.h"

struct mount;

struct renew_request {
	struct bytes algorithm;		/* points into the text */
	size_t n;			/* bytes of each digest */
	uint8_t file[DIGEST_MAX], cert[DIGEST_MAX];
	const char *path;		/* there, too */
};

/* "HASH FILE CERT PATH", digests in hex.  -EINVAL. */
int renew_parse(const char *text, struct renew_request *ret);
/* -EBUSY: it is not final, or not sealed again yet; -EALREADY: a renewal of it
 * is on its way; -ESTALE: that is not its certificate; -ENOENT: nothing sealed
 * is there; and what renewal_may() says. */
int renew_file(struct mount *m, const struct renew_request *r);

#endif
