#include "fs/verifylog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/attestation.h"
#include "core/block.h"
#include "core/cleanup.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/mlog.h"
#include "core/note.h"
#include "core/params.h"
#include "core/sequence.h"
#include "core/tile.h"
#include "fs/offline.h"

#define WIDTH 256		/* hashes of a tile */
#define BUNDLE_MAX ((size_t)WIDTH * (2 + SEQUENCE_LOG_ENTRY_MAX)) /* bytes */

/* An older checkpoint: what the log must have been. */
struct older {
	const char *path;
	uint64_t size;
	struct hash root;
};

struct check {
	int dir;
	struct hash anchor;
	struct buf params_raw;
	struct params params;
	uint8_t log_key[ATTESTATION_LOG_KEY];
	struct note_key key;	/* the same, under the origin */
	struct checkpoint head;
	struct older *old;
	size_t n_old;
	struct mlog log;
	struct verifylog *ret;
};

__attribute__((format(printf, 2, 3))) static int refuse(
	struct check *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->ret->why, sizeof(c->ret->why), fmt, ap);
	va_end(ap);
	return -EKEYREJECTED;
}

static int read_file(
	struct check *c, const char *path, size_t max, struct buf *ret)
{
	int rc = offline_small(c->dir, path, max, ret);

	if (rc == -EFBIG)
		return refuse(c, "%s is larger than any can be", path);
	if (rc != 0)
		snprintf(c->ret->path, sizeof(c->ret->path), "%s", path);
	return rc;
}

/* -- from the anchor to the key */

static int check_genesis(struct check *c, const struct hash *anchor)
{
	cleanup(buf) struct buf b0 = {0};
	struct block b;
	struct hash dh, mh;
	int rc = read_file(c, "block-zero.cbor", BLOCK_MAX, &b0);

	if (rc == 0)
		rc = read_file(c, "params.cbor", PARAMS_MAX, &c->params_raw);
	if (rc != 0)
		return rc;
	c->anchor = block_hash(BUF_BYTES(&b0));
	if (anchor != NULL && !hash_equal(anchor, &c->anchor))
		return refuse(c, "it is the log of another chain");
	dh = hash_sha3(BUF_BYTES(&c->params_raw));
	if (block_decode(BUF_BYTES(&b0), &b) != 0 ||
		merkle_fold(&dh, 0, 1, NULL, 0, &mh) != 0 ||
		!hash_equal(&mh, &b.mh) ||
		params_decode(BUF_BYTES(&c->params_raw), &c->params) != 0)
		return refuse(c, "block zero does not hold these parameters");
	return 0;
}

/* Is the document of this chain?  In epoch 0 the parameters name it. */
static bool is_bound(
	struct check *c, struct bytes doc, const struct attestation_data *d)
{
	struct hash h;

	if (d->epoch > 0)
		return hash_equal(&d->chain, &c->anchor);
	return attestation_hash(doc, &h) == 0 &&
	       hash_equal(&h, &c->params.first_document);
}

/* A key that is there for other programs: it is this one.  None is asked for. */
static int check_key(struct check *c, const char *path, struct bytes want)
{
	cleanup(buf) struct buf have = {0};
	int rc = read_file(c, path, NOTE_VKEY_MAX, &have);

	if (rc == -ENOENT) {
		c->ret->path[0] = '\0';
		return 0;
	}
	return rc == 0 && !bytes_equal(BUF_BYTES(&have), want)
		? refuse(c, "%s is not the key that attestation.cose names", path)
		: rc;
}

static int check_vkey(struct check *c)
{
	char origin[CHECKPOINT_ORIGIN_MAX], text[NOTE_VKEY_MAX];

	checkpoint_origin(&c->anchor, origin);
	if (note_key_make(origin, NOTE_ED25519, c->log_key, &c->key) != 0)
		return refuse(c, "attestation.cose names no key of a log");
	note_key_text(&c->key, text);
	strcat(text, "\n"); /* no origin is so long */
	return check_key(c, "vkey", BYTES(text, strlen(text)));
}

static int check_document(struct check *c)
{
	cleanup(buf) struct buf doc = {0};
	struct attestation_data d;
	struct attestation a;
	enum verdict v;
	int rc = read_file(c, "attestation.cose", ATTESTATION_MAX, &doc);

	if (rc != 0)
		return rc;
	v = attestation_check(&c->params, BUF_BYTES(&doc), &a);
	if (v != V_VALID)
		return refuse(c, "attestation.cose: %s", verdict_text(v));
	if (attestation_data_decode(a.user_data, &d) != 0 ||
		!is_bound(c, BUF_BYTES(&doc), &d))
		return refuse(c, "attestation.cose is of another chain");
	memcpy(c->log_key, d.log_key, sizeof(c->log_key));
	c->ret->epoch = d.epoch;
	rc = check_key(c, "sequencer.der", a.public_key);
	return rc == 0 ? check_vkey(c) : rc;
}

static int check_checkpoint(struct check *c)
{
	char origin[CHECKPOINT_ORIGIN_MAX];
	cleanup(buf) struct buf raw = {0};
	struct note n;
	uint64_t time;
	int rc = read_file(c, "checkpoint", NOTE_MAX, &raw);

	if (rc != 0)
		return rc;
	checkpoint_origin(&c->anchor, origin);
	if (note_decode(BUF_BYTES(&raw), &n) != 0 ||
		checkpoint_decode(n.text, &c->head) != 0 ||
		!bytes_equal(c->head.origin, BYTES(origin, strlen(origin))))
		return refuse(c, "checkpoint is not one of this chain");
	if (note_check(&n, &c->key, &time) != 0)
		return refuse(c, "checkpoint is not signed by the key that "
			"attestation.cose names");
	c->ret->size = c->head.size;
	c->ret->root = c->head.root;
	return 0;
}

/* -- older checkpoints */

static int load_old(struct check *c, struct older *o)
{
	char origin[CHECKPOINT_ORIGIN_MAX];
	cleanup(buf) struct buf raw = {0};
	struct checkpoint p;
	struct note n;
	int rc = offline_small(AT_FDCWD, o->path, NOTE_MAX, &raw);

	if (rc == -EFBIG)
		return refuse(c, "%s is larger than any can be", o->path);
	if (rc != 0)
		c->ret->old = o->path;
	if (rc != 0)
		return rc;
	checkpoint_origin(&c->anchor, origin);
	if (note_decode(BUF_BYTES(&raw), &n) != 0 ||
		checkpoint_decode(n.text, &p) != 0 ||
		!bytes_equal(p.origin, BYTES(origin, strlen(origin))))
		return refuse(c, "%s is no checkpoint of this chain", o->path);
	if (p.size > c->head.size)
		return refuse(c, "%s has %" PRIu64 " entries, and the log only "
			"%" PRIu64 ": it was cut off, or is the older one",
			o->path, p.size, c->head.size);
	o->size = p.size;
	o->root = p.root;
	return 0;
}

/* The log as it is now, against those that are of this size. */
static int compare_old(struct check *c)
{
	struct hash root;
	size_t i;

	for (i = 0; i < c->n_old; i++) {
		if (c->old[i].size != c->log.size)
			continue;
		root = mlog_root(&c->log);
		if (!hash_equal(&c->old[i].root, &root))
			return refuse(c, "the log has not grown from %s: it "
				"is another history", c->old[i].path);
	}
	return 0;
}

/* -- leaves and entries */

static int check_tile(struct check *c, uint64_t n, unsigned width)
{
	cleanup(buf) struct buf hashes = {0}, entries = {0};
	char path[TILE_PATH], bundle_path[TILE_PATH];
	struct bytes bundle, entry;
	struct hash leaf, want;
	unsigned i;
	int rc;

	tile_text("0", n, width, path);
	tile_text("entries", n, width, bundle_path);
	rc = read_file(c, path, WIDTH * HASH_LEN, &hashes);
	if (rc == 0)
		rc = read_file(c, bundle_path, BUNDLE_MAX, &entries);
	if (rc == 0 && hashes.n != width * HASH_LEN)
		rc = refuse(c, "%s has not %u hashes", path, width);
	bundle = BUF_BYTES(&entries);
	for (i = 0; rc == 0 && i < width; i++) {
		memcpy(want.b, hashes.p + i * HASH_LEN, HASH_LEN);
		if (tile_entry(&bundle, &entry) != 0)
			return refuse(c, "%s is malformed", bundle_path);
		leaf = mlog_leaf(entry);
		if (!hash_equal(&leaf, &want))
			return refuse(c, "entry %" PRIu64 " in %s is not the "
				"one in the tree", n * WIDTH + i, bundle_path);
		mlog_add(&c->log, &leaf);
		rc = compare_old(c);
	}
	if (rc == 0 && bundle.n > 0)
		return refuse(c, "%s is malformed", bundle_path);
	return rc;
}

static int check_tiles(struct check *c)
{
	uint64_t n, left;
	struct hash root;
	int rc = compare_old(c);

	for (n = 0; rc == 0 && c->log.size < c->head.size; n++) {
		left = c->head.size - c->log.size;
		rc = check_tile(c, n, left < WIDTH ? (unsigned)left : WIDTH);
	}
	root = mlog_root(&c->log);
	if (rc == 0 && !hash_equal(&root, &c->head.root))
		rc = refuse(c, "the entries do not give the checkpoint's root");
	return rc;
}

static int check_all(struct check *c, const struct hash *anchor)
{
	size_t i;
	int rc = check_genesis(c, anchor);

	if (rc == 0)
		rc = check_document(c);
	if (rc == 0)
		rc = check_checkpoint(c);
	for (i = 0; rc == 0 && i < c->n_old; i++)
		rc = load_old(c, &c->old[i]);
	return rc == 0 ? check_tiles(c) : rc;
}

int verifylog(const char *dir, const struct hash *anchor, char *const *old,
	size_t n_old, struct verifylog *ret)
{
	struct check c = {.n_old = n_old, .ret = ret};
	size_t i;
	int rc;

	*ret = (struct verifylog){.size = 0};
	c.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c.dir < 0)
		return -errno;
	c.old = calloc(n_old + 1, sizeof(*c.old));
	for (i = 0; c.old != NULL && i < n_old; i++)
		c.old[i].path = old[i];
	rc = c.old == NULL ? -ENOMEM : check_all(&c, anchor);
	ret->anchor = c.anchor;
	ret->trust = params_vouched(&c.params);
	free(c.old);
	buf_free(&c.params_raw);
	close(c.dir);
	return rc;
}
