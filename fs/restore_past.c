#include "fs/restore_inner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/inside.h"

static int text(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int restore_name_version(struct bytes path, uint32_t number, struct buf *ret)
{
	char n[16];
	snprintf(n, sizeof n, "/%u", number);
	int err = buf_add(ret, path.p, path.n);
	return err != 0 ? err : text(ret, n);
}

/* "history/PATH/N" */
static int name_file(struct bytes path, uint32_t number, struct buf *ret)
{
	int err = text(ret, RESTORE_HISTORY);
	return err != 0 ? err : restore_name_version(path, number, ret);
}

/* Is there a file in deleted/ where it would need a folder? */
static bool is_hidden(const struct restore *r, struct bytes path)
{
	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/' &&
		    chronicle_gone(r->chronicle, BYTES(path.p, i)))
			return true;
	return false;
}

/* deleted/PATH is the last of history/PATH, another name of the same file. */
static int link_deleted(struct restore *r, struct bytes path,
	struct bytes file)
{
	cleanup(buf) struct buf name = {0};
	if (is_hidden(r, path))
		return 0;
	int err = text(&name, RESTORE_DELETED);
	if (err == 0)
		err = buf_add(&name, path.p, path.n);
	if (err != 0)
		return err;
	const struct record d = {.path = BUF_BYTES(&name), .target = file};
	err = outtree_link(&r->past, &d);
	r->n.deleted += err == 0;
	return err;
}

static int write_file(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data, const struct chronicle_entry *e)
{
	cleanup(buf) struct buf name = {0};
	int err = name_file(d->path, e->number, &name);
	if (err != 0)
		return err;
	if (d->kind == RECORD_SYMLINK) {
		struct record moved = *d;
		moved.path = BUF_BYTES(&name);
		err = outtree_symlink(&r->past, &moved);
	} else {
		err = restore_content(r, &r->past, BUF_BYTES(&name), d, index,
			data);
	}
	r->n.versions += err == 0;
	return err == 0 && e->last ? link_deleted(r, d->path,
		BUF_BYTES(&name)) : err;
}

/* history/PATH/N.cert, and that of the last one of a path. */
static int write_certificates(struct restore *r, const struct record *d,
	size_t index, const struct chronicle_entry *e)
{
	cleanup(buf) struct buf name = {0};
	int err = restore_name_version(d->path, e->number, &name);
	if (err == 0)
		err = restore_certificate(r, &r->past, RESTORE_HISTORY,
			BUF_BYTES(&name), index);
	if (err == 0 && e->last && !e->grown && !is_hidden(r, d->path))
		err = restore_certificate(r, &r->past, RESTORE_DELETED ".certs/",
			d->path, index);
	return err;
}

/* What a longer one of the same file has, is there once. */
int restore_past(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data, const struct chronicle_entry *e)
{
	int err = 0;
	if (e->fate == CHRONICLE_DELETED || !record_seals(d->kind))
		return 0;
	if (!e->grown && d->kind == RECORD_LINK)
		err = restore_later(r, &r->past_link, &r->n_past_links, d,
			index);
	else if (!e->grown)
		err = write_file(r, d, index, data, e);
	if (err != 0)
		return restore_failed(r, d->path, err);
	return write_certificates(r, d, index, e);
}

/* -- further names */

static int copy_file(struct restore *r, struct bytes name,
	const struct record *d)
{
	cleanup(close) int fd = inside_open(r->out.root, d->target,
		O_RDONLY | O_NONBLOCK, 0);
	return fd < 0 ? fd : restore_copy(&r->past, name, d, fd);
}

static int copy_symlink(struct restore *r, struct bytes name,
	const struct record *d)
{
	char target[RECORD_PATH_MAX + 1];
	cleanup(close) int fd = inside_open(r->out.root, d->target, O_PATH, 0);
	ssize_t n = fd < 0 ? -1 : readlinkat(fd, "", target, sizeof target);
	if (n < 0)
		return fd < 0 ? fd : -errno;
	struct record copy = *d;
	copy.path = name;
	copy.target = BYTES(target, (size_t)n);
	return outtree_symlink(&r->past, &copy);
}

/* The file that it was a name of is another's history, or still there. */
static int write_link(struct restore *r, const struct record *d,
	const struct later *x)
{
	const struct chronicle_entry *first = chronicle_file(r->chronicle,
		d, x->height, x->index), *e = chronicle_at(
		r->chronicle, d->path, x->height, x->index);
	cleanup(buf) struct buf name = {0}, file = {0};
	int err = name_file(d->path, e->number, &name);
	if (err != 0 || first == NULL)
		return err != 0 ? err : -ENODATA;
	if (first->fate == CHRONICLE_PAST && !first->grown) {
		err = name_file(d->target, first->number, &file);
		if (err != 0)
			return err;
		const struct record l = {.path = BUF_BYTES(&name),
			.target = BUF_BYTES(&file)};
		err = outtree_link(&r->past, &l);
	} else {
		err = first->kind == RECORD_SYMLINK
			? copy_symlink(r, BUF_BYTES(&name), d)
			: copy_file(r, BUF_BYTES(&name), d);
	}
	r->n.versions += err == 0;
	return err == 0 && e->last ? link_deleted(r, d->path,
		BUF_BYTES(&name)) : err;
}

int restore_past_links(struct restore *r)
{
	int err = 0;
	for (size_t i = 0; i < r->n_past_links && err == 0; i++) {
		struct record d;
		if (record_decode(BUF_BYTES(&r->past_link[i].d), &d) != 0)
			continue;
		int one = write_link(r, &d, &r->past_link[i]);
		if (one != 0)
			err = restore_failed(r, d.path, one);
	}
	return err;
}
