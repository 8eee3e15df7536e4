/*
 * offline: what a verifier reads: a file's content, a certificate, an anchor.
 *
 * Used by notary-verify, which links core's reading half and nothing else, and
 * by whoever checks in the same way.  Paths are relative to dir (AT_FDCWD for
 * the working folder).
 */
#ifndef FS_OFFLINE_H
#define FS_OFFLINE_H

#include <stdatomic.h>
#include <sys/types.h>

#include "core/verify.h"

/* A regular file for reading, and its size.  -ENOENT, -EISDIR, -ENOTSUP (a
 * device, a pipe), ... */
int offline_open(int dir, const char *path, int *ret_fd, uint64_t *ret_size);
/* Something below dir, for reading, with these further flags: no symbolic link
 * on the way, for whoever can change a tree meanwhile must not lead elsewhere.
 * Kernels before 5.6 look at the last name only.  The descriptor. */
int offline_below(int dir, const char *path, int flags);
/* What offline_open() says of a descriptor that is open already. */
int offline_regular(int fd, uint64_t *ret_size);
/* As much as there is, up to n bytes; how many, or a negative errno. */
ssize_t offline_some(int fd, uint8_t *p, size_t n);
/* All of a file that is `size` bytes long: p has room for one more, which
 * shows that it grew.  Does not ask again for an end where it is expected. */
ssize_t offline_all(int fd, uint8_t *p, size_t size);
/* Size, content root, SHA-256, and the digests that *ret already names, of all
 * that fd gives, in one pass over it; of a large file by two threads, as each
 * digest takes a core.  Memory does not depend on its size.  *done, if not
 * NULL, grows while it reads.  On failure *ret holds nothing. */
int offline_content(int fd, _Atomic uint64_t *done, struct content *ret);
/* Names in *ret the digests that the renewals of a certificate ask for; the
 * names stay in *r. */
void offline_want(const struct report *r, struct content *ret);
/* The digests that *ret names, of content that is in memory.  -ENOMEM. */
int offline_digests(struct bytes data, struct content *ret);
/* A piece of a file of file_size bytes: `size`, and of a piece as long as the
 * range the root that range_root() makes.  -EAGAIN: it changes meanwhile. */
int offline_piece(int fd, uint64_t size, const struct range *range,
	uint64_t file_size, struct content *ret);
/* "A-B", decimal, A < B: bytes [A, B) counted from 0.  -EINVAL. */
int offline_range(const char *text, uint64_t *ret_from, uint64_t *ret_to);
/* A time in ms since 1970: YYYY-MM-DD (its first moment) or
 * YYYY-MM-DDThh:mm:ss[.mmm]Z, in UTC, or @SECONDS.  -EINVAL. */
int offline_time(const char *text, uint64_t *ret_ms);
/* A range_source over a file; ctx is its int. */
int offline_read(void *fd, uint64_t off, uint8_t *ret, size_t n);
/* A whole file; -EFBIG if it has more than max bytes. */
int offline_small(int dir, const char *path, size_t max, struct buf *ret);
/* A whole certificate; -EFBIG if it is larger than any. */
int offline_certificate(int dir, const char *path, struct buf *ret);
/* May it be one, of whatever version?  What does not even decode is something
 * else, as the TLS certificate of somebody. */
bool offline_is_certificate(struct bytes raw);
/* 64 hex digits, or the name of a file that holds them and a newline.
 * -EINVAL if such a file holds something else. */
int offline_anchor(const char *text, struct hash *ret);

#endif
