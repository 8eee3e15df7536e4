/*
 * holes: where a file has bytes of its own, and where it only reads as zeros.
 *
 * What the file system says by SEEK_DATA and SEEK_HOLE; one that says nothing
 * has no holes.  Short holes are taken as data: reading them costs less than
 * finding them.
 */
#ifndef FS_HOLES_H
#define FS_HOLES_H

#include <stdbool.h>
#include <stdint.h>

#define HOLE_MIN ((uint64_t)256 << 10) /* bytes of a hole, unless it is the
					   file's end */

struct run {
	uint64_t n;	/* bytes, at least one */
	bool hole;
};

/* What begins at `at`, in a file of `size` bytes, at < size.  A run of data may
 * be followed by another.  If the file has become shorter than `size`, its end
 * looks like a hole: look at its size afterwards.  Moves the position of fd. */
struct run holes_run(int fd, uint64_t at, uint64_t size);

#endif
