#include "fs/inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>

void folders_init(struct folders *f)
{
	pthread_mutex_init(&f->lock, NULL);
}

static void put(struct folder *d)
{
	if (d == NULL || --d->refs > 0)
		return;
	close(d->fd);
	free(d);
}

void folders_done(struct folders *f)
{
	size_t i;

	for (i = 0; i < FOLDERS; i++)
		put(f->slot[i]);
	pthread_mutex_destroy(&f->lock);
}

static struct folder **slot_of(struct folders *f, ino_t ino)
{
	return &f->slot[((uint64_t)ino * UINT64_C(0x9E3779B97F4A7C15) >> 32) %
		FOLDERS];
}

static int open_folder(struct mount *m, const char *path, struct folder *d)
{
	char name[BACKING_NAME];
	struct stat st;
	int fd = backing_open(m->files, path, O_PATH | O_DIRECTORY), rc;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) != 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	backing_name(fd, name);
	*d = (struct folder){.fd = fd, .ino = st.st_ino, .dev = st.st_dev,
		.default_acl = getxattr(name, "system.posix_acl_default",
			NULL, 0) > 0,
		.until_ms = mount_now(m) + FOLDERS_MS, .mount = m, .refs = 2};
	return 0;
}

int folder_hold(struct mount *m, struct node *n, struct folder **ret)
{
	struct folders *f = &m->folders;
	char path[NODE_PATH];
	struct folder *d, **slot;
	int rc = inode_path(m, n, path); /* it may be gone */

	if (rc < 0)
		return rc;
	{
		locked(&f->lock);
		d = *slot_of(f, n->ino);
		if (d != NULL && d->ino == n->ino &&
			mount_now(m) < d->until_ms) {
			d->refs++;
			*ret = d;
			return 0;
		}
	}
	d = malloc(sizeof(*d));
	rc = d == NULL ? -ENOMEM : open_folder(m, path, d);
	if (rc != 0) {
		free(d);
		return rc;
	}
	locked(&f->lock);
	slot = slot_of(f, d->ino);
	put(*slot);
	*slot = d;
	*ret = d;
	return 0;
}

void folder_release(struct folder *d)
{
	locked(&d->mount->folders.lock);
	put(d);
}

void folder_drop(struct mount *m, ino_t ino)
{
	struct folders *f = &m->folders;
	struct folder **slot;

	locked(&f->lock);
	slot = slot_of(f, ino);
	if (*slot != NULL && (*slot)->ino == ino) {
		put(*slot);
		*slot = NULL;
	}
}
