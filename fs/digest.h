/*
 * digest: what a verifier must find out about a file: size, content root,
 * SHA-256.
 */
#ifndef FS_DIGEST_H
#define FS_DIGEST_H

#include "core/verify.h"

/* Reads the whole file once.  -EIO, -ENOMEM. */
int digest_file(int fd, struct content *ret);

#endif
