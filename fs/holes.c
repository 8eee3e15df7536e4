#include "fs/holes.h"

#include <errno.h>
#include <unistd.h>

#define LOOKED_AT ((uint64_t)1 << 20) /* bytes of a run of data that need not
					 be longer */

static uint64_t next_data(int fd, uint64_t at, uint64_t size)
{
	off_t got = lseek(fd, (off_t)at, SEEK_DATA);

	if (got < 0)
		return errno == ENXIO ? size : at; /* nothing but a hole */
	return (uint64_t)got < size ? (uint64_t)got : size;
}

static uint64_t next_hole(int fd, uint64_t at, uint64_t size)
{
	off_t got = lseek(fd, (off_t)at, SEEK_HOLE);

	return got < 0 || (uint64_t)got > size ? size : (uint64_t)got;
}

struct run holes_run(int fd, uint64_t at, uint64_t size)
{
	uint64_t data = next_data(fd, at, size), end;

	if (data - at >= HOLE_MIN || data == size)
		return (struct run){data - at, true};
	do {
		end = next_hole(fd, data, size);
		data = next_data(fd, end, size);
	} while (end - at < LOOKED_AT && data < size &&
		data - end < HOLE_MIN);
	if (end <= at) /* punched between the two questions */
		end = size;
	return (struct run){end - at, false};
}
