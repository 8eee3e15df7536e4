/*
 * keeper: the attestor's two files in the vault's state folder.
 *
 *   attestor-root.pem  0600, made once, kept for ever: the chain's parameters
 *                      name it.  Lost, no new epoch can begin.
 *   handover           0600, between two runs: the key that numbers next.
 *                      It is gone before that key signs.
 *
 * What others could read or do not own is refused (-EPERM): whoever has the
 * root key can vouch for anything.
 */
#ifndef ENCLAVE_KEEPER_H
#define ENCLAVE_KEEPER_H

#include "core/bytes.h"

#define KEEPER_ROOT "attestor-root.pem"
#define KEEPER_HANDOVER "handover"
#define KEEPER_MAX 65536 /* bytes of either */

struct keeper {
	int dir;
};

int keeper_open(const char *state_dir, struct keeper *ret);
void keeper_close(struct keeper *k);

int keeper_read(const struct keeper *k, const char *name, struct buf *ret);
/* Whole or not at all, and durable when it returns.  exclusive: -EEXIST if
 * there is one. */
int keeper_write(const struct keeper *k, const char *name, struct bytes data,
	bool exclusive);
/* Durably gone; 0 also if it was not there. */
int keeper_drop(const struct keeper *k, const char *name);

#endif
