#include "fs/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPARE (RESERVE_SIZE / 8) /* left to others when it is short */

static uint64_t room(int fd)
{
	struct statvfs st;
	return fstatvfs(fd, &st) != 0 ? 0
		: (uint64_t)st.f_bavail * st.f_frsize;
}

int reserve_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

void reserve_let_go(int fd, bool always)
{
	if (fd >= 0 && (always || room(fd) < 2 * RESERVE_SIZE))
		(void)!ftruncate(fd, 0); /* else it stays: no harm done */
}

bool reserve_take(int fd)
{
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return true; /* there is none to be had */
	uint64_t held = (uint64_t)st.st_blocks * 512, all = held + room(fd);
	if (held >= RESERVE_SIZE)
		return true;
	uint64_t want = all >= 2 * RESERVE_SIZE ? RESERVE_SIZE
		: all > SPARE ? all - SPARE : 0;
	if (want > RESERVE_SIZE)
		want = RESERVE_SIZE;
	if (want > held)
		(void)posix_fallocate(fd, 0, (off_t)want);
	return want == RESERVE_SIZE;
}
