#include "fs/takeapart.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/parts.h"

/* Is there nothing but "." and ".."?  0, or -ENOTEMPTY. */
static int is_empty(int folder)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	while (n < 3 && readdir(d) != NULL)
		n++;
	closedir(d);
	return n < 3 ? 0 : -ENOTEMPTY;
}

static int write_part(int folder, const struct part *p)
{
	cleanup(close) int fd = openat(folder, p->name,
		O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (done < p->data.n) {
		n = write(fd, p->data.p + done, p->data.n - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int takeapart(const struct parts_list *list, const char *dir)
{
	cleanup(close) int folder = -1;
	size_t i;
	int rc;

	if (mkdir(dir, 0755) != 0 && errno != EEXIST)
		return -errno;
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	rc = is_empty(folder);
	for (i = 0; rc == 0 && i < list->n; i++)
		rc = write_part(folder, &list->part[i]);
	return rc;
}
