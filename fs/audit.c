#include "fs/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/block.h"
#include "core/chunktree.h"
#include "core/cleanup.h"
#include "core/local.h"
#include "core/record.h"
#include "fs/contents.h"
#include "fs/hashfile.h"
#include "fs/inside.h"

struct auditing {
	struct ledger *l;
	struct audit_counts n;
};

/* What each bucket's share of an object turned out to be. */
static int note_report(struct ledger *l, const char *key,
	const struct replica_report *report)
{
	int err = 0;
	for (unsigned i = 0; i < l->n_buckets && err == 0; i++) {
		struct ledger_bucket *b = &l->bucket[i];
		if (b->worm == NULL)
			continue;
		unsigned s = (unsigned)b->share;
		if (report->error[s] == -ENOENT) {
			err = ledger_lacks_add(l, key, i);
		} else if ((report->bad >> s & 1) != 0 ||
			   report->error[s] != 0) {
			b->damaged++;
			ledger_find(l, LEDGER_WRONG, "%s: %s is damaged",
				b->path, key);
		}
	}
	return err;
}

static int check_object(struct auditing *a, const char *key,
	const struct hash *hmeta, bool (*accept)(void *, struct bytes),
	void *ctx)
{
	struct replica_report report = {0};
	cleanup(buf) struct buf payload = {0};
	struct replica *r = a->l->replica;
	int err = r->ops->get_coded(r, key, hmeta, accept, ctx, &payload,
		&report);
	if (err == -ENOMEM)
		return err;
	a->n.unread += err != 0;
	if (err != 0 && ledger_enough(a->l))
		ledger_find(a->l, LEDGER_INCOMPLETE, "%s cannot be restored: "
			"fewer than %u good shares", key, r->k);
	return note_report(a->l, key, &report);
}

static int check_large(struct auditing *a, const struct meta *m,
	uint32_t index, const struct record *d)
{
	struct bytes tops;
	int err = contents_extents(m, index, d, &tops);
	if (err == -EBADMSG)
		ledger_find(a->l, LEDGER_WRONG, "%.*s: its extents are not "
			"those of its content", (int)d->path.n,
			(const char *)d->path.p);
	if (err != 0)
		return 0;
	for (uint64_t i = 0; i < tops.n / HASH_LEN && err == 0; i++) {
		struct extent_meta e;
		struct hash hmeta;
		char key[OBJECT_KEY_MAX];
		err = contents_extent(tops, d->size, i, &e, &hmeta, key);
		if (err == 0)
			err = check_object(a, key, &hmeta, contents_is_extent,
				&e);
	}
	return err;
}

static int check_block(void *ctx, uint64_t height, const struct meta *m)
{
	struct auditing *a = ctx;
	struct ledger *l = a->l;
	struct meta copy = *m;
	char key[OBJECT_KEY_MAX];
	const struct hash *hmeta = &l->block[height].hmeta;
	object_key_pack(hmeta, key);
	int err = check_object(a, key, hmeta, contents_is_pack, &copy);
	for (size_t i = 0; i < m->n && err == 0; i++) {
		struct record d;
		if (record_decode(m->d[i], &d) != 0)
			continue;
		a->n.records++;
		if (d.kind != RECORD_PUT)
			continue;
		a->n.files++;
		a->n.bytes += d.size;
		if (d.size > PACK_FILE_MAX)
			err = check_large(a, m, (uint32_t)i, &d);
	}
	return err;
}

int audit_run(struct ledger *l, uint64_t live_ms, struct audit_counts *ret)
{
	struct auditing a = {.l = l};
	int err = ledger_read(l, check_block, &a);
	if (err != 0)
		return err;
	if (!ledger_enough(l))
		ledger_find(l, LEDGER_INCOMPLETE, "the contents need %u buckets"
			" and %u can be used: the chain is checked, the bytes "
			"of the files are not", l->params.share_k,
			ledger_usable(l));
	ledger_lacks(l, live_ms);
	*ret = a.n;
	return 0;
}

/* -- a vault's own copy */

struct comparing {
	struct ledger *l;
	int dir;		/* files/ */
	uint8_t *buffer;	/* for hashfile() */
};

static int compare_blocks(struct ledger *l, struct local *local)
{
	for (size_t h = 0; h < l->n_blocks; h++) {
		struct local_block b = {0};
		int err = local->ops->block(local, h, &b);
		if (err != 0 && err != -ENOENT)
			return err;
		if (err == -ENOENT)
			ledger_find(l, LEDGER_WRONG, "the vault's state lacks "
				"block %zu, which the buckets hold", h);
		else if (b.state >= LOCAL_SEQUENCED && b.k != l->block[h].k)
			ledger_find(l, LEDGER_WRONG, "the vault's state has "
				"another block %zu than the buckets", h);
		local_block_done(&b);
	}
	return 0;
}

/* The plain file must be what its newest final record says. */
static int compare_file(void *ctx, const struct local_record *r)
{
	struct comparing *c = ctx;
	struct record d;
	struct hashed got;
	if (r->kind != RECORD_PUT || !r->final ||
	    record_decode(r->d, &d) != 0)
		return 0;
	cleanup(close) int fd = inside_open(c->dir, d.path, O_RDONLY, 0);
	if (fd < 0) {
		/* Of mode 000, say: that is not wrong, only not known. */
		ledger_find(c->l, fd == -EACCES ? LEDGER_INCOMPLETE
			: LEDGER_WRONG, "files/%.*s: %s", (int)d.path.n,
			(const char *)d.path.p, strerror(-fd));
		return 0;
	}
	int err = hashfile(fd, d.size, c->buffer, &got);
	if (err == -ENOMEM)
		return err;
	if (err != 0 || !hash_equal(&got.root, &d.root))
		ledger_find(c->l, LEDGER_WRONG, "files/%.*s is not what was "
			"recorded", (int)d.path.n, (const char *)d.path.p);
	if (err == 0)
		buf_free(&got.tops);
	return 0;
}

int audit_vault(struct ledger *l, struct local *local, const char *files_dir)
{
	struct comparing c = {.l = l};
	int err = compare_blocks(l, local);
	if (err != 0)
		return err;
	cleanup(close) int dir = open(files_dir,
		O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	cleanup(free) uint8_t *buffer = malloc(HASHFILE_BUFFER);
	if (buffer == NULL)
		return -ENOMEM;
	c.dir = dir;
	c.buffer = buffer;
	return local->ops->below(local, BYTES("", 0), false, compare_file, &c);
}
