/* Reading folders. */
#include "fs/dispatch.h"
#include "fs/inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/certnames.h"

struct listing {
	struct node *node;
	DIR *d;			/* NULL: a virtual folder */
	off_t at;
	struct dirent *next;	/* read but not answered yet */
	struct certnames certs;	/* behind all that */
	pthread_mutex_t lock;
};

static struct listing *listing_of(const struct fuse_file_info *file)
{
	return (struct listing *)(uintptr_t)file->fh;
}

static void listing_free(struct listing *l)
{
	if (l->d != NULL)
		closedir(l->d);
	certnames_done(&l->certs);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int open_listing(struct mount *m, struct node *n, struct listing *l)
{
	char path[NODE_PATH];
	int rc, fd;

	TREE(m, false);
	rc = inode_path(m, n, path);
	if (rc < 0)
		return rc;
	fd = backing_open(m->files, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd;
	l->d = fdopendir(fd);
	if (l->d == NULL) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	struct mount *m = mount_of(req);
	struct node *n = node_of(m, ino);
	struct listing *l = calloc(1, sizeof(*l));
	int rc = l == NULL ? -ENOMEM : 0;

	if (l != NULL) {
		pthread_mutex_init(&l->lock, NULL);
		l->node = n;
		if (n->type != NODE_VIRTUAL)
			rc = open_listing(m, n, l);
		if (rc != 0)
			listing_free(l);
	}
	if (rc != 0) {
		fuse_reply_err(req, -rc);
		return;
	}
	file->fh = (uintptr_t)l;
	/* A certificate comes without a change of the folder. */
	file->cache_readdir = n->type != NODE_VIRTUAL &&
		!certnames_wanted(m, n);
	file->keep_cache = file->cache_readdir; /* the kernel sees changes */
	if (fuse_reply_open(req, file) != 0)
		listing_free(l);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *file)
{
	(void)ino;
	dispatch_reached();
	listing_free(listing_of(file));
	fuse_reply_err(req, 0);
}

/* One entry into the answer: its length, 0 if it has no room or is left out
 * (then *ret_skip). */
static size_t add_entry(fuse_req_t req, struct listing *l, bool plus, char *p,
	size_t room, bool *ret_skip)
{
	struct mount *m = mount_of(req);
	const struct dirent *d = l->next;
	struct stat st = {.st_ino = d->d_ino,
		.st_mode = (mode_t)DTTOIF(d->d_type)};
	struct fuse_entry_param e = {.attr = st};
	bool dot = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
	size_t n;

	*ret_skip = l->node == m->nodes.root &&
		strcmp(d->d_name, NOTARY_DIR) == 0;
	if (*ret_skip)
		return 0;
	if (!plus)
		return fuse_add_direntry(req, p, room, d->d_name, &st,
			d->d_off);
	/* Length first: a lookup is counted only if its entry fits. */
	n = fuse_add_direntry_plus(req, NULL, 0, d->d_name, NULL, 0);
	if (n > room)
		return n;
	if (!dot && inode_lookup(m, l->node, d->d_name, true, &e) != 0) {
		*ret_skip = true; /* gone meanwhile */
		return 0;
	}
	return fuse_add_direntry_plus(req, p, room, d->d_name, &e, d->d_off);
}

static int list(fuse_req_t req, struct listing *l, bool plus, char *p,
	size_t size, off_t off, size_t *ret)
{
	size_t used = 0, n;
	bool skip;
	int rc;

	if (off == 0)
		certnames_done(&l->certs); /* a new look */
	if (off != l->at && certnames_offset(off)) {
		while (readdir(l->d) != NULL)
			;
		l->next = NULL;
		l->at = off;
	} else if (off != l->at) {
		seekdir(l->d, off);
		l->next = NULL;
		l->at = off;
	}
	for (;;) {
		errno = 0;
		if (l->next == NULL)
			l->next = readdir(l->d);
		if (l->next == NULL) {
			if (errno != 0 && used == 0)
				return -errno;
			break;
		}
		n = add_entry(req, l, plus, p + used, size - used, &skip);
		if (!skip && n > size - used)
			break;
		used += skip ? 0 : n;
		l->at = l->next->d_off;
		l->next = NULL;
	}
	*ret = used;
	if (l->next != NULL || !certnames_wanted(mount_of(req), l->node))
		return 0;
	struct page page = {.p = p, .size = size, .used = used};
	rc = certnames_list(req, l->node, l->d, &l->certs, plus, &page, &l->at);
	*ret = page.used;
	return used > 0 ? 0 : rc;
}

static void read_folder(fuse_req_t req, size_t size, off_t off,
	struct fuse_file_info *file, bool plus)
{
	struct mount *m = mount_of(req);
	struct listing *l = listing_of(file);
	cleanup(free) char *p = malloc(size);
	size_t n = 0;
	int rc = 0;

	if (p == NULL) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (l->d == NULL) {
		struct page page = {.p = p, .size = size};
		rc = virtual_list(req, l->node, plus, &page, off);
		n = page.used;
	} else {
		TREE(m, false);
		locked(&l->lock);
		rc = list(req, l, plus, p, size, off, &n);
	}
	if (rc != 0)
		fuse_reply_err(req, -rc);
	else
		fuse_reply_buf(req, p, n);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *file)
{
	(void)ino;
	read_folder(req, size, off, file, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
	struct fuse_file_info *file)
{
	(void)ino;
	read_folder(req, size, off, file, true);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int data_only,
	struct fuse_file_info *file)
{
	struct listing *l = listing_of(file);

	(void)ino;
	(void)data_only;
	fuse_reply_err(req,
		l->d != NULL && fsync(dirfd(l->d)) != 0 ? errno : 0);
}
