#include "fs/restore_inner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cleanup.h"
#include "fs/contents.h"


int restore_new(struct ledger *l, int dir, int past, struct restore **ret)
{
	struct restore *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	r->l = l;
	r->out = (struct outtree){dir, geteuid() == 0};
	r->past = (struct outtree){past, r->out.owners};
	r->growing = -1;
	r->keeping = keeping_new(&l->params, &l->anchor);
	r->chronicle = chronicle_new();
	if (r->keeping == NULL || r->chronicle == NULL) {
		restore_free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

static void later_free(struct later *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_free(&list[i].d);
	free(list);
}

void restore_free(struct restore *r)
{
	if (r == NULL)
		return;
	later_free(r->folder, r->n_folders);
	later_free(r->link, r->n_links);
	later_free(r->orphan, r->n_orphans);
	later_free(r->past_link, r->n_past_links);
	chronicle_free(r->chronicle);
	keeping_free(r->keeping);
	merkle_free(r->tree);
	buf_free(&r->s);
	buf_free(&r->t_lower);
	if (r->growing >= 0)
		close(r->growing);
	buf_free(&r->final_b);
	buf_free(&r->final_t);
	free(r);
}

/* -- which records count */

static int ignored(struct restore *r, const struct record *d)
{
	ledger_find(r->l, LEDGER_WRONG, "%.*s is said to be %s allowed that: "
		"it is restored", (int)d->path.n, (const char *)d->path.p,
		d->kind == RECORD_TOMBSTONE ? "taken away, and not its class"
		: "deleted, and neither its date nor a governance key");
	return 0;
}

int restore_note(void *ctx, uint64_t height, const struct meta *m)
{
	struct restore *r = ctx;
	int err = 0;
	for (size_t i = 0; i < m->n && err == 0; i++) {
		struct record d;
		if (record_decode(m->d[i], &d) != 0)
			continue;
		err = keeping_add(r->keeping, r->l->block[height - 1].p_ms,
			&d, m->d[i]);
		if (err == 0 && !record_adds(d.kind) &&
		    (!record_gone(d.kind) || record_ends(&d)))
			err = chronicle_add(r->chronicle, &d, height,
				(uint32_t)i);
		else if (err == -EPERM)
			err = ignored(r, &d);
	}
	return err;
}

/* -- findings */

int restore_failed(struct restore *r, struct bytes path, int err)
{
	if (err == -ENOMEM || err == -ENOSPC || err == -EDQUOT)
		return err; /* the next one would fare no better */
	r->n.failed++;
	ledger_find(r->l, LEDGER_INCOMPLETE, "%.*s is not restored: %s",
		(int)path.n, (const char *)path.p, strerror(-err));
	return 0;
}

int restore_later(struct restore *r, struct later **list, size_t *n,
	const struct record *d, size_t index)
{
	struct later *more = realloc(*list, (*n + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	*list = more;
	more[*n] = (struct later){.depth = d->path.n > 0, .height = r->height,
		.index = (uint32_t)index};
	for (size_t i = 0; i < d->path.n; i++)
		more[*n].depth += d->path.p[i] == '/';
	int err = buf_copy(r->meta->d[index], &more[*n].d);
	*n += err == 0;
	return err;
}

/* -- what paths have */

static int restore_put(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data)
{
	int err = restore_content(r, &r->out, d->path, d, index, data);
	if (err != 0)
		return restore_failed(r, d->path, err);
	r->n.files++;
	r->n.bytes += d->size;
	return restore_certificate(r, &r->out, RESTORE_CERTS, d->path, index);
}

/* Of what has gone from its target since, it is the file (X5 of version.h). */
static int restore_link(struct restore *r, const struct record *d, size_t index)
{
	const struct chronicle_entry *first = chronicle_file(r->chronicle,
		d, r->height, (uint32_t)index);
	return first != NULL && first->fate == CHRONICLE_PAST
		? restore_later(r, &r->orphan, &r->n_orphans, d, index)
		: restore_later(r, &r->link, &r->n_links, d, index);
}

static int restore_record(struct restore *r, const struct record *d,
	size_t index, const struct bytes *data)
{
	int err = 0;
	switch (d->kind) {
	case RECORD_PUT:
	case RECORD_APPEND:
		return restore_put(r, d, index, data);
	case RECORD_MKDIR:
		if (chronicle_covered(r->chronicle, d->path, r->height,
			(uint32_t)index))
			return 0;
		if (d->path.n > 0)
			err = outtree_folder(&r->out, d->path);
		if (err != 0)
			return restore_failed(r, d->path, err);
		return restore_later(r, &r->folder, &r->n_folders, d, index);
	case RECORD_SYMLINK:
		err = outtree_symlink(&r->out, d);
		r->n.symlinks += err == 0;
		return err == 0 ? 0 : restore_failed(r, d->path, err);
	case RECORD_LINK:
		err = restore_link(r, d, index);
		return err != 0 ? err : restore_certificate(r, &r->out, RESTORE_CERTS, d->path, index);
	case RECORD_TOMBSTONE:
	case RECORD_DELETION:
		return 0; /* being the newest, it leaves the path out */
	case RECORD_RETENTION:
	case RECORD_HOLD:
	case RECORD_COMPLIANCE:
	case RECORD_RENEWAL:
		break; /* never the newest of a path */
	}
	return 0;
}

/* By what has become of it. */
static int restore_one(struct restore *r, struct record *d, size_t index,
	const struct bytes *data)
{
	const struct chronicle_entry *e = chronicle_at(r->chronicle, d->path,
		r->height, (uint32_t)index);
	bool past = r->past.root >= 0;
	int err = 0, one = 0;
	if (e != NULL && d->kind == RECORD_RENEWAL)
		return restore_renewal(r, d, index, e);
	if (e == NULL || e->height != r->height || e->index != index)
		return 0; /* it only adds to another, or was not allowed */
	if (e->grown && record_stores(d->kind) &&
	    (e->fate == CHRONICLE_NEWEST || (past && e->fate == CHRONICLE_PAST)))
		one = restore_grow(r, d, index, data);
	if (one != 0)
		err = restore_failed(r, d->path, one);
	if (e->fate == CHRONICLE_NEWEST && !e->grown) {
		if (record_seals(d->kind) && d->kind != RECORD_LINK)
			d->until = keeping_until(r->keeping,
				r->meta->d[index]);
		return restore_record(r, d, index, data);
	}
	return err == 0 && past ? restore_past(r, d, index, data, e) : err;
}

static int restore_records(struct restore *r, struct bytes pack,
	bool have_pack)
{
	size_t at = 0;
	int err = 0;
	for (size_t i = 0; i < r->meta->n && err == 0; i++) {
		struct record d;
		struct hash root;
		uint64_t size;
		if (record_decode(r->meta->d[i], &d) != 0)
			continue;
		struct bytes data = {0};
		bool packed = contents_in_pack(&d, &size, &root);
		if (have_pack && packed) {
			data = BYTES(pack.p + at, (size_t)size);
			at += (size_t)size;
		}
		err = restore_one(r, &d, i, have_pack ? &data : NULL);
	}
	return err;
}

int restore_pack(struct restore *r, struct meta *m, struct buf *ret,
	bool *ret_have)
{
	char key[OBJECT_KEY_MAX];
	const struct hash *hmeta = &r->l->block[r->height].hmeta;
	int err = 0;
	if (contents_pack_size(m) > 0) {
		object_key_pack(hmeta, key);
		err = restore_fetch(r, key, hmeta, contents_is_pack, m, ret);
	}
	*ret_have = err == 0;
	return err == -ENOMEM ? err : 0;
}

static int restore_block(struct restore *r, struct meta *m)
{
	cleanup(buf) struct buf pack = {0};
	bool have;
	r->meta = m;
	int err = restore_prepare(r);
	if (err == 0)
		err = restore_pack(r, m, &pack, &have);
	if (err != 0)
		return err;
	err = restore_records(r, BUF_BYTES(&pack), have);
	if (err != 0)
		return err;
	/* this block's timestamp is the next one's lower bound */
	buf_free(&r->t_lower);
	r->t_lower_type = m->t_type;
	return buf_copy(m->t, &r->t_lower);
}

static int restore_blocks(struct restore *r)
{
	struct ledger *l = r->l;
	int err = buf_copy(l->genesis.t, &r->t_lower);
	r->t_lower_type = l->genesis.t_type;
	for (r->height = 1; r->height < l->n_blocks && err == 0; r->height++) {
		cleanup(buf) struct buf raw = {0};
		struct meta m;
		err = ledger_meta(l, r->height, &raw, &m);
		if (err != 0)
			break;
		err = restore_block(r, &m);
		meta_done(&m);
		if (l->events.progress != NULL)
			l->events.progress(l->events.ctx, "blocks", r->height,
				l->n_blocks - 1);
	}
	return err;
}

/* -- what must come last */

static int restore_links(struct restore *r)
{
	int err = 0;
	for (size_t i = 0; i < r->n_links && err == 0; i++) {
		struct record d;
		if (record_decode(BUF_BYTES(&r->link[i].d), &d) != 0)
			continue;
		int one = outtree_link(&r->out, &d);
		r->n.links += one == 0;
		if (one != 0)
			err = restore_failed(r, d.path, one);
	}
	return err;
}

static int deepest_first(const void *a, const void *b)
{
	const struct later *x = a, *y = b;
	return x->depth > y->depth ? -1 : x->depth < y->depth;
}

static int restore_folders(struct restore *r)
{
	int err = 0;
	if (r->n_folders > 0)
		qsort(r->folder, r->n_folders, sizeof *r->folder,
			deepest_first);
	for (size_t i = 0; i < r->n_folders && err == 0; i++) {
		struct record d;
		if (record_decode(BUF_BYTES(&r->folder[i].d), &d) != 0)
			continue;
		int one = outtree_folder_attributes(&r->out, &d);
		r->n.folders += one == 0;
		if (one != 0)
			err = restore_failed(r, d.path, one);
	}
	return err;
}

int restore_run(struct restore *r, struct restore_counts *ret)
{
	chronicle_settle(r->chronicle);
	int err = restore_blocks(r);
	if (err == 0)
		err = restore_orphans(r);
	if (err == 0)
		err = restore_links(r);
	if (err == 0)
		err = restore_past_links(r);
	restore_grown_end(r);
	if (err == 0)
		err = restore_folders(r);
	if (err == 0 && (syncfs(r->out.root) != 0 ||
			(r->past.root >= 0 && syncfs(r->past.root) != 0)))
		err = -errno;
	keeping_count(r->keeping, &r->n.keeping);
	*ret = r->n;
	return err;
}
