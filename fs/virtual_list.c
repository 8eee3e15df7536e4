#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "fs/history.h"
#include "fs/virtual_inner.h"

bool virtual_entry(fuse_req_t req, bool plus, struct page *p, const char *name,
	struct stat st, off_t off)
{
	struct fuse_entry_param e = {.attr = st}; /* no lookup */
	size_t n = plus ? fuse_add_direntry_plus(req, p->p + p->used,
			p->size - p->used, name, &e, off) :
		fuse_add_direntry(req, p->p + p->used, p->size - p->used, name,
			&st, off);

	if (n > p->size - p->used)
		return false;
	p->used += n;
	return true;
}

static int list_parts(fuse_req_t req, struct node *folder, bool plus,
	struct page *p, size_t i)
{
	cleanup(free) struct parts_list *list = malloc(sizeof(*list));
	cleanup(buf) struct buf cert = {0};
	struct mount *m = mount_of(req);
	char path[NODE_PATH];
	int rc = list == NULL ? -ENOMEM : virtual_subject(m, folder, path);

	if (rc == 0)
		rc = virtual_cert(m, path, &cert);
	if (rc != 0)
		return rc == -EAGAIN ? -ENOENT : rc;
	rc = virtual_take_apart(m, BUF_BYTES(&cert), list);
	for (i = i < 2 ? 0 : i - 2; rc == 0 && i < list->n; i++) {
		struct stat st = {.st_ino = folder->ino + i + 2,
			.st_mode = S_IFREG};
		if (!virtual_entry(req, plus, p, list->part[i].name, st,
			    (off_t)i + 3))
			break;
	}
	parts_done(list);
	return rc;
}

static int list_log(fuse_req_t req, struct node *folder, bool plus,
	struct page *p, size_t i)
{
	struct mount *m = mount_of(req);
	struct logtree log = virtual_log(m);
	char path[NODE_PATH], name[LOGTREE_NAME];
	bool is_dir = false;
	int rc = virtual_subject(m, folder, path);

	for (; rc == 0; i++) {
		rc = logtree_name(&log, path, i - 2, name, &is_dir);
		struct stat st = {.st_ino = folder->ino + i,
			.st_mode = is_dir ? S_IFDIR : S_IFREG};
		if (rc == 0 && !virtual_entry(req, plus, p, name, st,
				       (off_t)i + 1))
			break;
	}
	return rc == -ENOENT ? 0 : rc;
}

struct history_page {
	fuse_req_t req;
	struct page *p;
	ino_t ino;
	bool plus;
	size_t i;
};

static bool emit(void *ctx, const char *name, bool folder)
{
	struct history_page *h = ctx;
	struct stat st = {.st_ino = h->ino + h->i,
		.st_mode = folder ? S_IFDIR : S_IFREG};

	return virtual_entry(h->req, h->plus, h->p, name, st,
		(off_t)h->i++ + 1);
}

static int list_history(fuse_req_t req, struct node *folder, bool plus,
	struct page *p, size_t i)
{
	struct mount *m = mount_of(req);
	struct history_page h = {req, p, folder->ino, plus, i};
	char path[NODE_PATH];
	int rc = virtual_subject(m, folder, path);

	return rc != 0 ? rc :
		history_list(m, folder->virtual, path, i - 2, emit, &h);
}

int virtual_list(fuse_req_t req, struct node *folder, bool plus,
	struct page *p, off_t off)
{
	static const char *const names[] = {
		".", "..", "anchor", "status", "audit",
		"ctl", "cert", "wait", "log", "history", "deleted"};
	size_t count = folder->virtual == VIRTUAL_TOP ?
		sizeof names / sizeof *names : 2;
	size_t i;

	for (i = (size_t)off; i < count; i++) {
		struct stat st = {.st_ino = folder->ino + i,
			.st_mode = i >= 2 && i <= 5 ? S_IFREG : S_IFDIR};
		if (!virtual_entry(req, plus, p, names[i], st, (off_t)i + 1))
			return 0;
	}
	if (folder->virtual == VIRTUAL_LOG)
		return list_log(req, folder, plus, p, i);
	if (virtual_is_history(folder->virtual))
		return list_history(req, folder, plus, p, i);
	return folder->virtual == VIRTUAL_PARTS ?
		list_parts(req, folder, plus, p, i) : 0;
}
