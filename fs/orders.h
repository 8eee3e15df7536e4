/*
 * orders: how commands talk to the daemon of a mounted vault through
 * .notary/ctl, and make what only a governance key can order.
 */
#ifndef FS_ORDERS_H
#define FS_ORDERS_H

#include <openssl/evp.h>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/record.h"

struct cli;

/* One request (ctl.h); the answer without its last newline, or when it is
 * refused the reason.  root: of the mount.  The errno of the refusal; -EACCES:
 * ctl is not the caller's. */
int orders_ask(const char *root, const char *line, struct buf *ret_answer);

/* What all orders of a command have in common. */
struct orders {
	const struct cli *c;
	struct entropy *entropy;
	const char *key_file;	/* NULL: governance.key in the vault */
	const char *reason;
	EVP_PKEY *key;		/* read with the first order */
};
void orders_done(struct orders *o);
/* Signs and sends a record of that kind about `about`.  The answer as above;
 * -EKEYREVOKED: after a complaint about the key. */
int orders_give(struct orders *o, const char *root, enum record_kind kind,
	struct bytes path, const struct hash *about, struct buf *ret_answer);

#endif
