#include "fs/restore_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/block.h"
#include "core/certificate.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/mlogtree.h"
#include "fs/contents.h"
#include "fs/file.h"
#include "fs/finalby.h"
#include "fs/hashfile.h"

/* -- objects */

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

int restore_fetch(struct restore *r, const char *key,
	const struct hash *hmeta, bool (*accept)(void *, struct bytes),
	void *ctx, struct buf *ret)
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

/* -- certificates */

int restore_write(struct outtree *t, struct bytes path, struct bytes data)
{
	struct outfile f;
	int err = outtree_begin(t, path, &f);
	if (err != 0)
		return err;
	err = file_write_sparse(f.fd, data);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(t, &f, NULL);
}

int restore_make_certificate(struct restore *r, size_t index, struct bytes old,
	struct buf *ret)
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
		.old = old,
	};
	c.path_len = merkle_path(r->tree, index, c.path);
	c.has_final = r->final.b.n > 0;
	c.final = r->final;
	return make_certificate(&c, ret);
}

int restore_certificate_name(const char *prefix, struct bytes path,
	struct buf *ret)
{
	const uint8_t *slash = path.n == 0 ? NULL
		: memrchr(path.p, '/', path.n);
	size_t folder = slash == NULL ? 0 : (size_t)(slash - path.p) + 1;
	char last[CERTIFICATE_NAME_MAX + 1];
	certificate_name(BYTES(path.p + folder, path.n - folder), last);
	int err = buf_add(ret, prefix, strlen(prefix));
	if (err == 0)
		err = buf_add(ret, path.p, folder);
	return err != 0 ? err : buf_add(ret, last, strlen(last));
}

bool restore_taken(const struct restore *r, struct bytes name)
{
	for (size_t n = name.n; n > 0; n--) {
		const struct chronicle_entry *e = n < name.n &&
			name.p[n] != '/' ? NULL : chronicle_at(r->chronicle,
			BYTES(name.p, n), UINT64_MAX, UINT32_MAX);
		if (e != NULL && e->fate == CHRONICLE_NEWEST &&
		    (record_seals(e->kind) ||
		    (n == name.n && e->kind == RECORD_MKDIR)))
			return true;
	}
	return false;
}

int restore_certificate(struct restore *r, struct outtree *t,
	const char *prefix, struct bytes path, size_t index)
{
	cleanup(buf) struct buf cert = {0}, name = {0};
	int err = restore_make_certificate(r, index, (struct bytes){0}, &cert);
	if (err == 0)
		err = restore_certificate_name(prefix, path, &name);
	if (err == 0 && t == &r->out && restore_taken(r, BUF_BYTES(&name)))
		err = -EEXIST;
	if (err == 0)
		err = restore_write(t, BUF_BYTES(&name), BUF_BYTES(&cert));
	r->n.certificates += err == 0;
	return err == 0 ? 0 : restore_failed(r, BUF_BYTES(&name), err);
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
			err = restore_fetch(r, key, &hmeta, contents_is_extent, &e,
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

static int write_put(struct restore *r, struct outtree *t, struct bytes name,
	const struct record *d, size_t index, const struct bytes *data)
{
	struct outfile f;
	int err = outtree_begin(t, name, &f);
	if (err != 0)
		return err;
	err = write_payload(r, d, index, data, f.fd);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(t, &f, d);
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
int restore_grow(struct restore *r, const struct record *d, size_t index,
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

static int copy_first(int from, uint64_t size, int to)
{
	cleanup(free) uint8_t *p = malloc(HASHFILE_BUFFER);
	uint64_t at = 0;
	int err = p == NULL ? -ENOMEM : 0;
	while (err == 0 && at < size) {
		size_t most = size - at < HASHFILE_BUFFER ?
			(size_t)(size - at) : HASHFILE_BUFFER;
		ssize_t n = pread(from, p, most, (off_t)at);
		if (n <= 0)
			return n == 0 ? -ENODATA : -errno;
		err = file_write_sparse(to, BYTES(p, (size_t)n));
		at += (uint64_t)n;
	}
	return err;
}

static int begins_so(int fd, const struct record *d)
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

int restore_copy(struct outtree *t, struct bytes name, const struct record *d,
	int fd)
{
	struct outfile f;
	int err = begins_so(fd, d);
	if (err == 0)
		err = outtree_begin(t, name, &f);
	if (err != 0)
		return err;
	err = copy_first(fd, d->size, f.fd);
	if (err != 0) {
		outtree_drop(&f);
		return err;
	}
	return outtree_keep(t, &f, d);
}

int restore_content(struct restore *r, struct outtree *t, struct bytes name,
	const struct record *d, size_t index, const struct bytes *data)
{
	if (d->kind != RECORD_APPEND)
		return write_put(r, t, name, d, index, data);
	int err = restore_grow(r, d, index, data);
	cleanup(close) int from = err != 0 ? err : open_growing(r, d);
	return from < 0 ? from : restore_copy(t, name, d, from);
}

void restore_grown_end(struct restore *r)
{
	if (r->growing < 0)
		return;
	/* Opened anew: btrfs lists what was there when it was opened. */
	int fd = openat(r->growing, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	while (d != NULL && (e = readdir(d)) != NULL)
		unlinkat(r->growing, e->d_name, 0);
	if (d != NULL)
		closedir(d);
	else if (fd >= 0)
		close(fd);
	close(r->growing);
	r->growing = -1;
	unlinkat(r->out.root, GROWING, AT_REMOVEDIR);
}

/* -- of the block at hand */

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

int restore_prepare(struct restore *r)
{
	int err;
	buf_free(&r->s);
	err = ledger_sequence(r->l, r->height, &r->s);
	if (err == 0)
		err = make_tree(r);
	if (err == 0)
		find_later(r);
	return err;
}
