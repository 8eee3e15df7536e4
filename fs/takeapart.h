/*
 * takeapart: the standard objects of a certificate as files in a folder, so
 * that other people's programs check them.
 */
#ifndef FS_TAKEAPART_H
#define FS_TAKEAPART_H

struct report;

/* Makes dir and in it the parts (core/parts.h) of a certificate that is valid
 * or lacks nothing but an anchor.  What was there before is left alone: dir
 * must not exist or be empty (-ENOTEMPTY).  -EINVAL: the verdict is another;
 * -errno of making them, and then what was made stays. */
int takeapart(const struct report *r, const char *dir);

#endif
