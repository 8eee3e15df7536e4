#include "fs/contentfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "core/record.h"
#include "fs/backing.h"

struct contentfs {
	struct content_store store;
	int root;
};

static int pread_all(int fd, uint64_t off, uint8_t *p, size_t n)
{
	ssize_t got;

	while (n > 0) {
		got = pread(fd, p, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		p += got;
		off += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int contentfs_read(struct content_store *c, struct bytes path,
	uint64_t off, void *ret, size_t n)
{
	struct contentfs *f = (struct contentfs *)c;
	char text[RECORD_PATH_MAX + 1];

	if (path.n == 0 || path.n > RECORD_PATH_MAX)
		return -EIO;
	memcpy(text, path.p, path.n);
	text[path.n] = '\0';
	cleanup(close) int fd = backing_open_read(f->root, text);
	if (fd == -ENFILE || fd == -EMFILE || fd == -ENOMEM)
		return fd;
	return fd < 0 ? -EIO : pread_all(fd, off, ret, n);
}

static const struct content_store_ops ops = {contentfs_read};

int contentfs_open(const char *files_dir, struct content_store **ret)
{
	struct contentfs *f = calloc(1, sizeof(*f));
	int rc;

	if (f == NULL)
		return -ENOMEM;
	f->store.ops = &ops;
	f->root = open(files_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (f->root < 0) {
		rc = -errno;
		free(f);
		return rc;
	}
	*ret = &f->store;
	return 0;
}

void contentfs_free(struct content_store *c)
{
	struct contentfs *f = (struct contentfs *)c;

	if (f == NULL)
		return;
	close(f->root);
	free(f);
}
