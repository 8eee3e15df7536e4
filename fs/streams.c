#include "fs/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

void streams_open(void)
{
	static const int mode[] = {
		[STDIN_FILENO] = O_RDWR,
		[STDOUT_FILENO] = O_RDONLY, /* a write fails */
		[STDERR_FILENO] = O_RDWR,
	};

	/* the lowest that is free is what open() takes */
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)open("/dev/null", mode[fd]);
}
