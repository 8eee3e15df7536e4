/*
 * parts: the standard objects that a certificate holds, each as a file.
 *
 * A certificate is made of other people's formats: time-stamp tokens, identity
 * tokens, COSE messages, X.509 certificates.  This takes it apart into files
 * that their own programs read unchanged, with a README of the commands:
 *
 *   block.cbor record.cbor params.cbor block-zero.cbor   our own formats
 *   later-block.cbor       the block that shows by when this one was final
 *   t_upper.*, t_lower.*, t_final.*   the timestamps, as their authority made
 *        them; t_final is over the later block:
 *        .cbor local; .tsr TimeStampResp; .tst bare TimeStampToken; .jwt
 *   tsa.pem tsa-untrusted.pem tsa-key.pem jwks.json   whom they are checked
 *        against: pinned root, further certificates, local key, JWT keys
 *   s.cose leaf.cbor sequencer.pem                    the number
 *   log.vkey          the key of the log's checkpoints (note.h)
 *   attestation.cose attestation-{root,chain,leaf}.pem   the enclave
 *   README
 *
 * What a COSE_Sign1 or a local timestamp signs lies beside it as NAME.tbs, the
 * signature in the form that `openssl` takes as NAME.sig.  Where the chain has
 * several authorities, a name of theirs ends in "-" and their place in the
 * parameters, counted from 0: "tsa-1.pem"; and where a block has several
 * stamps, so does a stamp's: "t_upper-1.tsr", beside "t_upper.cbor", which
 * holds them all.
 */
#ifndef CORE_PARTS_H
#define CORE_PARTS_H

#include "core/bytes.h"

#define PARTS_MAX 128
#define PARTS_NAME_MAX 48 /* bytes, the NUL included */

struct report;

struct part {
	char name[PARTS_NAME_MAX]; /* of a-z A-Z 0-9 . _ and - */
	struct buf data;
};

struct parts_list {
	size_t n;
	struct part part[PARTS_MAX];
};

/* The parts of a certificate that verify() found V_VALID or V_NO_ANCHOR, the
 * README last; r and what it points into are not needed afterwards.
 * -EINVAL for any other verdict: a refused certificate has no parts that
 * would mean anything.  -ENOMEM, -E2BIG.  parts_done() in any case. */
int parts_make(const struct report *r, struct parts_list *ret);
/* The part of that name, or NULL. */
const struct part *parts_find(const struct parts_list *l, const char *name);
void parts_done(struct parts_list *l);

#endif
