/*
 * takeapart: the standard objects of a certificate as files in a folder, so
 * that other people's programs check them.
 */
#ifndef FS_TAKEAPART_H
#define FS_TAKEAPART_H

struct parts_list;

/* Makes dir and in it these parts (core/parts.h).  What was there before is
 * left alone: dir must not exist or be empty (-ENOTEMPTY).  -errno of making
 * them, and then what was made stays. */
int takeapart(const struct parts_list *list, const char *dir);

#endif
