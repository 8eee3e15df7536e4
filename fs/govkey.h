/*
 * govkey: a governance key as a file: one private key (P-256 or P-384) in PEM
 * (PKCS #8, not encrypted), which belongs to its owner alone.
 */
#ifndef FS_GOVKEY_H
#define FS_GOVKEY_H

#include <openssl/evp.h>

#include "core/bytes.h"

/* A new P-256 key into a new file of mode 0600; its public part as
 * SubjectPublicKeyInfo.  -EEXIST; -EIO. */
int govkey_create(const char *path, struct buf *ret_spki);
/* Free with EVP_PKEY_free().  -EPERM: others than its owner may read the file,
 * or the owner is neither the caller nor root; -EBADMSG: no such key. */
int govkey_read(const char *path, EVP_PKEY **ret);

#endif
