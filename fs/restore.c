#include "fs/restore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/block.h"
#include "core/certificate.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/mlogtree.h"
#include "core/record.h"
#include "fs/contents.h"
#include "fs/file.h"
#include "fs/finalby.h"
#include "fs/hashfile.h"
#include "fs/outtree.h"

/* Which record a path has last: paths by their hash, to bound memory. */
struct newest {
	struct hash path;
	uint64_t height;
	uint32_t index;
	enum record_kind kind;
};

/* Records that must wait for everything else, whole. */
struct later {
	struct buf d;
	size_t depth;		/* slashes in the path */
};

struct restore {
	struct ledger *l;
	struct outtree out;
	struct keeping *keeping;
	struct newest *newest;
	size_t n_newest;
	int growing;		/* folder of what grows, or -1 */
	struct later *folder, *link;
	size_t n_folders, n_links;
	struct restore_counts n;
	/* of the block at hand */
	uint64_t height;
	const struct meta *meta;
	struct merkle *tree;
	struct buf s, t_lower;
	uint64_t t_lower_type;
	struct certificate_final final;	/* b.n == 0: no later block */
	struct buf final_b, final_t;
	uint64_t final_height;		/* what these two are of */
};

int restore_new(struct ledger *l, int dir, struct restore **ret)
{
	struct restore *r = calloc(1, sizeof *r);
	if (r == NULL)
		return -ENOMEM;
	r->l = l;
	r->out = (struct outtree){dir, geteuid() == 0};
	r->growing = -1;
	r->keeping = keeping_new(&l->params, &l->anchor);
	if (r->keeping == NULL) {
		free(r);
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
	keeping_free(r->keeping);
	merkle_free(r->tree);
	buf_free(&r->s);
	buf_free(&r->t_lower);
	if (r->growing >= 0)
		close(r->growing);
	buf_free(&r->final_b);
	buf_free(&r->final_t);
	free(r->newest);
	free(r);
}

/* -- which records count */

static int note(struct restore *r, const struct record *d, uint64_t height,
	uint32_t index)
{
	if (r->n_newest % 4096 == 0) {
		struct newest *more = realloc(r->newest,
			(r->n_newest + 4096) * sizeof *more);
		if (more == NULL)
			return -ENOMEM;
		r->newest = more;
	}
	r->newest[r->n_newest++] = (struct newest){hash_sha3(d->path),
		height, index, d->kind};
	return 0;
}

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
			err = note(r, &d, height, (uint32_t)i);
		else if (err == -EPERM)
			err = ignored(r, &d);
	}
	return err;
}

/* By path, and the newest of a path first. */
static int by_path(const void *a, const void *b)
{
	const struct newest *x = a, *y = b;
	int c = memcmp(x->path.b, y->path.b, HASH_LEN);
	if (c != 0)
		return c;
	if (x->height != y->height)
		return x->height > y->height ? -1 : 1;
	return x->index > y->index ? -1 : x->index < y->index;
}

static void settle_newest(struct restore *r)
{
	size_t n = 0;
	if (r->n_newest > 0)
		qsort(r->newest, r->n_newest, sizeof *r->newest, by_path);
	for (size_t i = 0; i < r->n_newest; i++)
		if (n == 0 || !hash_equal(&r->newest[n - 1].path,
				&r->newest[i].path))
			r->newest[n++] = r->newest[i];
	r->n_newest = n;
}

static int path_only(const void *key, const void *item)
{
	const struct newest *x = item;
	return memcmp(key, x->path.b, HASH_LEN);
}

static const struct newest *newest_of(const struct restore *r,
	struct bytes path)
{
	struct hash h = hash_sha3(path);
	return r->n_newest == 0 ? NULL : bsearch(h.b, r->newest, r->n_newest,
		sizeof *r->newest, path_only);
}

static bool counts(struct restore *r, struct bytes path, size_t index)
{
	const struct newest *x = newest_of(r, path);
	return x != NULL && x->height == r->height && x->index == index;
}

/* Is it an earlier length of a file that has grown? */
static bool grows(const struct restore *r, const struct record *d)
{
	const struct newest *x;
	return record_stores(d->kind) && d->class == RECORD_CLASS_APPEND &&
		(x = newest_of(r, d->path)) != NULL &&
		x->kind == RECORD_APPEND;
}

/* -- findings */

static int failed(struct restore *r, struct bytes path, int err)
{
	if (err == -ENOMEM || err == -ENOSPC || err == -EDQUOT)
		return err; /* the next one would fare no better */
	r->n.failed++;
	ledger_find(r->l, LEDGER_INCOMPLETE, "%.*s is not restored: %s",
		(int)path.n, (const char *)path.p, strerror(-err));
	return 0;
}

/* Which shares are missing of an object that cannot be had. */
static void explain(struct restore *r, const char *key,
	const struct replica_report *report)
{
	struct ledger *l = r->l;
	unsigned good = 0;
	for (unsigned i = 0; i < l->n_buckets; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		unsigned s = (unsigned)b->share;
		if (b->worm == NULL)
			continue;
		if (report->error[s] == 0 && (report->bad >> s & 1) == 0)
			good++;
		else
			ledger_find(l, LEDGER_INCOMPLETE, "%s: %s is %s",
				b->path, key, report->error[s] == -ENOENT
				? "missing" : "damaged");
	}
	ledger_find(l, LEDGER_INCOMPLETE, "%s: %u good shares, %u are needed",
		key, good, l->params.share_k);
}

static int fetch(struct restore *r, const char *key, const struct hash *hmeta,
	bool (*accept)(void *, struct bytes), void *ctx, struct buf *ret)
{
	struct replica_report report = {0};
	struct replica *q = r->l->replica;
	int err = q->ops->get_coded(q, key, hmeta, accept, ctx, ret, &report);
	if (err != 0 && err != -ENOMEM) {
		explain(r, key, &report);
		return err;
	}
	for (unsigned i = 0; err == 0 && i < r->l->n_buckets; i++) {
		struct ledger_bucket *b = &r->l->bucket[i];
		if (b->worm == NULL || (report.bad >> b->share & 1) == 0)
			continue;
		b->damaged++;
		ledger_find(r->l, LEDGER_WRONG, "%s: %s is damaged; restored "
			"without it", b->path, key);
	}
	return err;
}

/* -- certificates: DIR/.certs/PATH.cert */

static int write_whole(struct restore *r, struct bytes path,
	struct bytes data, const struct record *d)
{
	struct outfile f;
	int err = outtree_begin(&r->out, path, &f);
	if (err != 0)
		return err;
	err = file_write_sparse(f.fd, data);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(&r->out, &f, d);
}

static int make_parts(struct restore *r, size_t index, struct buf *ret)
{
	const struct ledger_block *b = &r->l->block[r->height];
	struct certificate c = {
		.chain = r->l->anchor,
		.b0 = r->l->genesis.b0,
		.params = r->l->genesis.params,
		.d = r->meta->d[index],
		.index = index,
		.n = r->meta->n,
		.b = r->meta->b,
		.t_upper_type = r->meta->t_type,
		.t_upper = r->meta->t,
		.t_lower_type = r->t_lower_type,
		.t_lower = BUF_BYTES(&r->t_lower),
		.s = BUF_BYTES(&r->s),
		.doc = BUF_BYTES(&r->l->doc[b->epoch]),
	};
	c.path_len = merkle_path(r->tree, index, c.path);
	c.has_final = r->final.b.n > 0;
	c.final = r->final;
	return make_certificate(&c, ret);
}

static int write_certificate(struct restore *r, struct bytes path,
	size_t index)
{
	static const char before[] = ".certs/";
	cleanup(buf) struct buf cert = {0}, name = {0};
	const uint8_t *slash = path.n == 0 ? NULL
		: memrchr(path.p, '/', path.n);
	size_t folder = slash == NULL ? 0 : (size_t)(slash - path.p) + 1;
	char last[CERTIFICATE_NAME_MAX + 1];
	certificate_name(BYTES(path.p + folder, path.n - folder), last);
	int err = make_parts(r, index, &cert);
	if (err == 0)
		err = buf_add(&name, before, sizeof before - 1);
	if (err == 0)
		err = buf_add(&name, path.p, folder);
	if (err == 0)
		err = buf_add(&name, last, strlen(last));
	if (err == 0)
		err = write_whole(r, BUF_BYTES(&name), BUF_BYTES(&cert), NULL);
	r->n.certificates += err == 0;
	return err == 0 ? 0 : failed(r, BUF_BYTES(&name), err);
}

/* -- files */

static int write_extents(struct restore *r, const struct record *d,
	struct bytes tops, int fd)
{
	struct hash root;
	uint64_t size = record_payload(d, &root);
	int err = 0;
	for (uint64_t i = 0; i < tops.n / HASH_LEN && err == 0; i++) {
		struct extent_meta e;
		struct hash hmeta;
		char key[OBJECT_KEY_MAX];
		cleanup(buf) struct buf piece = {0};
		err = contents_extent(tops, size, i, &e, &hmeta, key);
		if (err == 0 && contents_zeros(&e)) {
			err = file_write_hole(fd, e.length);
			continue;
		}
		if (err == 0)
			err = fetch(r, key, &hmeta, contents_is_extent, &e,
				&piece);
		if (err == 0)
			err = file_write_sparse(fd, BUF_BYTES(&piece));
	}
	return err;
}

/* What is stored with the record, at the end of fd. */
static int write_payload(struct restore *r, const struct record *d,
	size_t index, const struct bytes *data, int fd)
{
	struct hash root;
	uint64_t size;
	struct bytes tops;
	if (contents_in_pack(d, &size, &root))
		return data == NULL ? -ENODATA : file_write_sparse(fd, *data);
	int err = contents_extents(r->meta, (uint32_t)index, d, &tops);
	return err != 0 ? err : write_extents(r, d, tops, fd);
}

static int write_put(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data)
{
	struct outfile f;
	int err = outtree_begin(&r->out, d->path, &f);
	if (err != 0)
		return err;
	err = write_payload(r, d, index, data, f.fd);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(&r->out, &f, d);
}

/* -- files that have grown: piece by piece, in a file by their path's hash */

#define GROWING ".restore-growing"

static int open_growing(struct restore *r, const struct record *d)
{
	char name[HASH_HEX + 1];
	struct hash h = hash_sha3(d->path);
	hex_encode(HASH_BYTES(&h), name);
	if (r->growing < 0) {
		if (mkdirat(r->out.root, GROWING, 0700) != 0)
			return -errno;
		r->growing = openat(r->out.root, GROWING, O_RDONLY |
			O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (r->growing < 0)
			return -errno;
	}
	int fd = openat(r->growing, name, O_RDWR | O_CREAT | O_NOFOLLOW |
		O_CLOEXEC | (d->kind == RECORD_PUT ? O_TRUNC : 0), 0600);
	return fd < 0 ? -errno : fd;
}

/* A piece comes where the last one ended, or not at all. */
static int grow(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data)
{
	cleanup(close) int fd = open_growing(r, d);
	if (fd < 0)
		return fd;
	off_t end = lseek(fd, 0, SEEK_END);
	if (end < 0)
		return -errno;
	if ((uint64_t)end != d->from)
		return 0; /* seen when all is there */
	return write_payload(r, d, index, data, fd);
}

static int copy_grown(int from, uint64_t size, int to)
{
	cleanup(free) uint8_t *p = malloc(HASHFILE_BUFFER);
	uint64_t at = 0;
	int err = p == NULL ? -ENOMEM : 0;
	while (err == 0 && at < size) {
		ssize_t n = pread(from, p, HASHFILE_BUFFER, (off_t)at);
		if (n <= 0)
			return n == 0 ? -ENODATA : -errno;
		err = file_write_sparse(to, BYTES(p, (size_t)n));
		at += (uint64_t)n;
	}
	return err;
}

static int is_grown(int fd, const struct record *d)
{
	cleanup(free) uint8_t *p = malloc(HASHFILE_BUFFER);
	struct hash root;
	if (p == NULL)
		return -ENOMEM;
	int err = hashfile_root(fd, d->size, p, &root);
	if (err != 0)
		return err == -ENOMEM ? err : -ENODATA;
	return hash_equal(&root, &d->root) ? 0 : -ENODATA;
}

static int write_grown(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data)
{
	int err = grow(r, d, index, data);
	cleanup(close) int from = err != 0 ? err : open_growing(r, d);
	struct outfile f;
	if (from < 0)
		return from;
	err = is_grown(from, d);
	if (err == 0)
		err = outtree_begin(&r->out, d->path, &f);
	if (err != 0)
		return err;
	err = copy_grown(from, d->size, f.fd);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(&r->out, &f, d);
}

static void end_growing(struct restore *r)
{
	struct dirent *e;
	DIR *d = r->growing < 0 ? NULL : fdopendir(r->growing);
	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		unlinkat(r->growing, e->d_name, 0);
	closedir(d);
	r->growing = -1;
	unlinkat(r->out.root, GROWING, AT_REMOVEDIR);
}

static int keep_later(struct later **list, size_t *n, const struct record *d,
	struct bytes raw)
{
	struct later *more = realloc(*list, (*n + 1) * sizeof *more);
	if (more == NULL)
		return -ENOMEM;
	*list = more;
	more[*n] = (struct later){.depth = d->path.n > 0};
	for (size_t i = 0; i < d->path.n; i++)
		more[*n].depth += d->path.p[i] == '/';
	int err = buf_copy(raw, &more[*n].d);
	*n += err == 0;
	return err;
}

static int restore_put(struct restore *r, const struct record *d, size_t index,
	const struct bytes *data)
{
	int err = d->kind == RECORD_APPEND ? write_grown(r, d, index, data)
					   : write_put(r, d, index, data);
	if (err != 0)
		return failed(r, d->path, err);
	r->n.files++;
	r->n.bytes += d->size;
	return write_certificate(r, d->path, index);
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
		if (d->path.n > 0)
			err = outtree_folder(&r->out, d->path);
		if (err != 0)
			return failed(r, d->path, err);
		return keep_later(&r->folder, &r->n_folders, d,
			r->meta->d[index]);
	case RECORD_SYMLINK:
		err = outtree_symlink(&r->out, d);
		r->n.symlinks += err == 0;
		return err == 0 ? 0 : failed(r, d->path, err);
	case RECORD_LINK:
		err = keep_later(&r->link, &r->n_links, d, r->meta->d[index]);
		return err != 0 ? err : write_certificate(r, d->path, index);
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
		const struct bytes *had = have_pack ? &data : NULL;
		if (counts(r, d.path, i)) {
			if (record_seals(d.kind) && d.kind != RECORD_LINK)
				d.until = keeping_until(r->keeping,
					r->meta->d[i]);
			err = restore_record(r, &d, i, had);
		} else if (grows(r, &d)) {
			int one = grow(r, &d, i, had);
			err = one == 0 ? 0 : failed(r, d.path, one);
		}
	}
	return err;
}

static int make_tree(struct restore *r)
{
	cleanup(free) struct hash *dh = malloc(r->meta->n * sizeof *dh);
	if (dh == NULL)
		return -ENOMEM;
	hash_many(r->meta->d, r->meta->n, dh);
	merkle_free(r->tree);
	r->tree = NULL;
	return merkle_new(dh, r->meta->n, &r->tree);
}

/* Block and timestamp at that height, unless they are at hand. */
static int load_later(struct restore *r, uint64_t height)
{
	cleanup(buf) struct buf raw = {0};
	struct meta m;
	if (r->final_height == height)
		return 0;
	r->final_height = 0;
	buf_free(&r->final_b);
	buf_free(&r->final_t);
	int err = ledger_meta(r->l, height, &raw, &m);
	if (err != 0)
		return err;
	err = buf_copy(m.b, &r->final_b);
	if (err == 0)
		err = buf_copy(m.t, &r->final_t);
	r->final.t_type = m.t_type;
	if (err == 0)
		r->final_height = height;
	meta_done(&m);
	return err;
}

/* The first block above that names a log with the one at hand: so certificates
 * are those of the mount (finalby.h).  That there is none takes nothing from
 * the rest. */
static void find_later(struct restore *r)
{
	const struct ledger *l = r->l;
	uint64_t at = r->height + 1;
	r->final.b = (struct bytes){0};
	while (at < l->n_blocks && at < r->height + FINALBY_LOOK &&
			l->block[at].log_size <= r->height)
		at++;
	if (at >= l->n_blocks || l->block[at].log_size <= r->height ||
			l->block[at].log_size > mlogtree_size(l->tree) ||
			load_later(r, at) != 0)
		return;
	r->final.b = BUF_BYTES(&r->final_b);
	r->final.t = BUF_BYTES(&r->final_t);
	r->final.path_len = mlogtree_path(l->tree, r->height,
		l->block[at].log_size, r->final.path);
}

static int restore_block(struct restore *r, struct meta *m)
{
	cleanup(buf) struct buf pack = {0};
	char key[OBJECT_KEY_MAX];
	const struct hash *hmeta = &r->l->block[r->height].hmeta;
	r->meta = m;
	buf_free(&r->s);
	int err = ledger_sequence(r->l, r->height, &r->s);
	if (err == 0)
		err = make_tree(r);
	if (err != 0)
		return err;
	find_later(r);
	bool have = true;
	if (contents_pack_size(m) > 0) {
		object_key_pack(hmeta, key);
		err = fetch(r, key, hmeta, contents_is_pack, m, &pack);
		if (err == -ENOMEM)
			return err;
		have = err == 0;
	}
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
			err = failed(r, d.path, one);
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
			err = failed(r, d.path, one);
	}
	return err;
}

int restore_run(struct restore *r, struct restore_counts *ret)
{
	settle_newest(r);
	int err = restore_blocks(r);
	if (err == 0)
		err = restore_links(r);
	end_growing(r);
	if (err == 0)
		err = restore_folders(r);
	if (err == 0 && syncfs(r->out.root) != 0)
		err = -errno;
	keeping_count(r->keeping, &r->n.keeping);
	*ret = r->n;
	return err;
}
