#include "fs/restore_inner.h"

#include <errno.h>
#include <stdlib.h>

#include "core/cleanup.h"
#include "fs/contents.h"

/* One of them, and where the record of its file is. */
struct orphan {
	struct record link;
	uint64_t height;
	uint32_t index;
};

static int same_file(const struct orphan *a, const struct orphan *b)
{
	return a->height == b->height && a->index == b->index;
}

static int by_file(const void *a, const void *b)
{
	const struct orphan *x = a, *y = b;
	if (x->height != y->height)
		return x->height < y->height ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

/* The content of the record at that index, of the pack of the block at hand. */
static struct bytes slice(const struct restore *r, struct bytes pack,
	uint32_t index)
{
	uint64_t at = 0, size = 0;
	for (uint32_t i = 0; i <= index; i++) {
		struct record d;
		struct hash root;
		at += size;
		size = 0;
		if (record_decode(r->meta->d[i], &d) != 0 ||
		    !contents_in_pack(&d, &size, &root))
			size = 0;
	}
	return BYTES(pack.p + at, (size_t)size);
}

static int write_file(struct restore *r, const struct orphan *o,
	const struct bytes *pack)
{
	struct record d;
	struct bytes data;
	int err = record_decode(r->meta->d[o->index], &d);
	if (err != 0)
		return err;
	d.until = keeping_until(r->keeping, r->meta->d[o->index]);
	if (d.kind == RECORD_SYMLINK) {
		d.path = o->link.path;
		err = outtree_symlink(&r->out, &d);
		r->n.symlinks += err == 0;
		return err;
	}
	if (d.kind != RECORD_PUT || !hash_equal(&d.root, &o->link.root))
		return -ENOENT;
	if (pack != NULL)
		data = slice(r, *pack, o->index);
	err = restore_content(r, &r->out, o->link.path, &d, o->index,
		pack == NULL ? NULL : &data);
	r->n.files += err == 0;
	r->n.bytes += err == 0 ? d.size : 0;
	return err;
}

/* All whose file is in one block.  The first of a file's becomes it. */
static int write_block(struct restore *r, const struct orphan *o, size_t n,
	const struct bytes *pack)
{
	size_t file = 0;
	int err = 0;
	for (size_t i = 0; i < n && err == 0; i++) {
		int one;
		if (i == 0 || !same_file(&o[i], &o[file])) {
			file = i;
			one = write_file(r, &o[i], pack);
		} else {
			const struct record d = {.path = o[i].link.path,
				.target = o[file].link.path};
			one = outtree_link(&r->out, &d);
			r->n.links += one == 0;
		}
		if (one != 0)
			err = restore_failed(r, o[i].link.path, one);
	}
	return err;
}

static int restore_from(struct restore *r, const struct orphan *o, size_t n)
{
	cleanup(buf) struct buf raw = {0}, pack = {0};
	struct bytes contents;
	struct meta m;
	bool have;
	int err = ledger_meta(r->l, o->height, &raw, &m);
	if (err != 0)
		return err;
	r->height = o->height;
	r->meta = &m;
	err = restore_pack(r, &m, &pack, &have);
	contents = BUF_BYTES(&pack);
	if (err == 0)
		err = write_block(r, o, n, have ? &contents : NULL);
	meta_done(&m);
	return err;
}

int restore_orphans(struct restore *r)
{
	cleanup(free) struct orphan *o = calloc(r->n_orphans + 1, sizeof *o);
	size_t n = 0, end;
	int err = o == NULL ? -ENOMEM : 0;
	for (size_t i = 0; i < r->n_orphans && err == 0; i++) {
		const struct later *x = &r->orphan[i];
		if (record_decode(BUF_BYTES(&x->d), &o[n].link) != 0)
			continue;
		const struct chronicle_entry *first = chronicle_file(
			r->chronicle, &o[n].link, x->height, x->index);
		o[n].height = first->height;
		o[n++].index = first->index;
	}
	if (n > 0)
		qsort(o, n, sizeof *o, by_file);
	for (size_t i = 0; i < n && err == 0; i = end) {
		for (end = i + 1; end < n && o[end].height == o[i].height;)
			end++;
		err = restore_from(r, o + i, end - i);
	}
	return err;
}
