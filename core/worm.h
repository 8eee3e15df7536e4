/*
 * worm: one bucket whose objects are written once.
 *
 *   W1  A key holds nothing or one whole object; a reader never sees part.
 *   W2  When commit returns 0 the object is durable.
 *   W3  An object never changes: putting the same bytes again is 0, other
 *       bytes are refused with -EEXIST and change nothing.
 *   W4  Nothing here deletes but erase(), which is for what the chain says is
 *       deleted (fs/erasure.h), and for nothing else.
 *   W5  What was started and not committed leaves no trace that a reader or
 *       list can see, also after a crash.
 *   W6  Only replace() puts other bytes at a key that holds an object; that
 *       object is kept, where no key names it.  The key holds the one or the
 *       other at any moment.
 * Keys: 1..255 characters of [A-Za-z0-9._/-], no leading, trailing or doubled
 * slash, no component "." or ".."; -EINVAL otherwise.
 *
 * Any thread; calls may block.  -ENOENT no such key, -EIO, -ENOSPC, -EACCES,
 * -EROFS as the store says.
 */
#ifndef CORE_WORM_H
#define CORE_WORM_H

#include "core/bytes.h"

#define WORM_KEY_MAX 255

struct worm;
struct worm_put;

struct worm_ops {
	/* Begin an object of exactly `size` bytes. */
	int (*put)(struct worm *w, const char *key, uint64_t size,
		struct worm_put **ret);
	/* Append, in order. */
	int (*write)(struct worm_put *p, struct bytes data);
	/* Finish: -EINVAL if not exactly `size` bytes came.  p is gone. */
	int (*commit)(struct worm_put *p);
	void (*abort)(struct worm_put *p);	/* NULL is fine */

	int (*size)(struct worm *w, const char *key, uint64_t *ret);
	/* Exactly n bytes at off; -EINVAL beyond the end. */
	int (*get)(struct worm *w, const char *key, uint64_t off, void *ret,
		size_t n);
	/* Every key that begins with prefix, in ascending order, until visit
	 * returns non-zero, which is then returned. */
	int (*list)(struct worm *w, const char *prefix,
		int (*visit)(void *ctx, const char *key, uint64_t size),
		void *ctx);
	/* As put, for repair: what the key holds by commit was proved to be
	 * damaged.  Equal bytes stay as they are.  NULL: cannot be done. */
	int (*replace)(struct worm *w, const char *key, uint64_t size,
		struct worm_put **ret);
	/* The object is gone, durably, with whatever locked it here; readers
	 * that have begun may end.  -ENOENT; -EPERM where it is locked beyond
	 * our rights. */
	int (*erase)(struct worm *w, const char *key);
	void (*free)(struct worm *w);
};

struct worm {
	const struct worm_ops *ops;
	const char *name;	/* for status and messages */
};

bool worm_key_ok(const char *key);
/* put + write + commit of one piece. */
int worm_put_all(struct worm *w, const char *key, struct bytes data);
/* The whole object, of at most max bytes (-EFBIG). */
int worm_get_all(struct worm *w, const char *key, size_t max, struct buf *ret);

#endif
