#include "fs/logtree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/attestation.h"
#include "core/cleanup.h"
#include "core/published.h"
#include "core/receipt.h"
#include "core/tile.h"
#include "core/tiles.h"

/* -- the files that stand alone */

enum single {
	CHECKPOINT, VKEY, DOCUMENT, SEQUENCER, BLOCK_ZERO, PARAMS, SINGLES
};

static const struct {
	const char *name;
	enum logtree_kind kind;
} singles[SINGLES] = {
	[CHECKPOINT] = {"checkpoint", LOGTREE_LIVE},
	[VKEY] = {"vkey", LOGTREE_LIVE},
	[DOCUMENT] = {"attestation.cose", LOGTREE_LIVE},
	[SEQUENCER] = {"sequencer.der", LOGTREE_LIVE},
	[BLOCK_ZERO] = {"block-zero.cbor", LOGTREE_FIXED},
	[PARAMS] = {"params.cbor", LOGTREE_FIXED},
};

static int single_of(const char *path, enum single *ret)
{
	int i;

	for (i = 0; i < SINGLES; i++)
		if (strcmp(path, singles[i].name) == 0) {
			*ret = (enum single)i;
			return 0;
		}
	return -ENOENT;
}

static int vkey(
	const struct logtree *t, const struct attestation *a, struct buf *ret)
{
	char origin[CHECKPOINT_ORIGIN_MAX], text[NOTE_VKEY_MAX];
	struct attestation_data d;
	struct note_key k;

	checkpoint_origin(t->anchor, origin);
	if (attestation_data_decode(a->user_data, &d) != 0 ||
		note_key_make(origin, NOTE_ED25519, d.log_key, &k) != 0)
		return -EBADMSG;
	note_key_text(&k, text);
	strcat(text, "\n"); /* note_key_text() leaves room: no name is so long */
	return buf_add(ret, text, strlen(text));
}

static int read_single(const struct logtree *t, enum single which,
	const struct published *p, struct buf *ret)
{
	cleanup(buf) struct buf doc = {0};
	struct attestation a;
	struct bytes payload;
	int rc;

	switch (which) {
	case CHECKPOINT:
		return buf_add(ret, p->note.p, p->note.n);
	case BLOCK_ZERO:
		return buf_add(ret, t->b0.p, t->b0.n);
	case PARAMS:
		return buf_add(ret, t->params.p, t->params.n);
	default:
		break;
	}
	rc = published_document(t->local, p, &doc);
	if (rc == 0)
		rc = attestation_decode(BUF_BYTES(&doc), &a, &payload);
	if (rc != 0)
		return rc;
	return which == VKEY	     ? vkey(t, &a, ret)
	       : which == SEQUENCER ? buf_add(ret, a.public_key.p,
					       a.public_key.n)
				    : buf_add(ret, doc.p, doc.n);
}

/* -- receipts */

#define RECEIPTS "receipt"

static int receipt_index(const char *path, uint64_t size, uint64_t *ret)
{
	char name[sizeof(RECEIPTS) + 32];
	uint64_t i = 0;

	if (sscanf(path, RECEIPTS "/%19" SCNu64, &i) != 1 || i >= size ||
		size < 2)
		return -ENOENT;
	snprintf(name, sizeof(name), RECEIPTS "/%" PRIu64 ".cose", i);
	if (strcmp(path, name) != 0)
		return -ENOENT;
	*ret = i;
	return 0;
}

static int read_receipt(const struct logtree *t, uint64_t i,
	const struct published *p, struct buf *ret)
{
	struct receipt r = {
		.size = p->size, .index = i, .signature = p->signature};
	int rc = tiles_inclusion(t->local, r.size, i, r.path, &r.path_len);

	return rc != 0 ? rc : receipt_encode(&r, ret);
}

/* -- tiles */

static int read_tile(
	const struct logtree *t, const struct tile *tile, struct buf *ret)
{
	struct hash h[TILES_WIDTH];
	uint64_t first = tile->n * TILES_WIDTH;
	int rc;

	if (tile->entries)
		return tiles_entries(t->local, first, tile->width, ret);
	rc = tiles_hashes(t->local, tile->level, first, tile->width, h);
	return rc != 0 ? rc : buf_add(ret, h, tile->width * sizeof(*h));
}

/* -- the tree */

#define EPOCHS "epoch"

/* Takes "epoch/E" off *path.  1: that was it; 0: it is not below there. */
static int epoch_of(const char **path, uint32_t *ret)
{
	char name[sizeof(EPOCHS) + 16];
	uint32_t epoch = 0;
	size_t n;

	if (sscanf(*path, EPOCHS "/%9" SCNu32, &epoch) != 1)
		return 0;
	n = (size_t)snprintf(name, sizeof(name), EPOCHS "/%" PRIu32, epoch);
	if (strncmp(*path, name, n) != 0 ||
		((*path)[n] != '\0' && (*path)[n] != '/'))
		return 0;
	*path += (*path)[n] == '/' ? n + 1 : n;
	*ret = epoch;
	return 1;
}

/* What is published, of the epoch that *path names, which is taken off; the
 * size is what all reaches to, 0 when there is nothing.  *ret_epoch: of an epoch. */
static int load(const struct logtree *t, const char **path, struct buf *keep,
	struct published *ret, bool *ret_epoch)
{
	uint32_t epoch;
	int rc;

	*ret_epoch = epoch_of(path, &epoch) == 1;
	rc = *ret_epoch ? published_of_epoch(t->local, epoch, keep, ret) :
		published_load(t->local, keep, ret);
	if (rc == -ENOENT && !*ret_epoch) {
		*ret = (struct published){.size = 0};
		return 0;
	}
	return rc;
}

/* What an epoch has of its own. */
static int look_epoch(const char *path, uint64_t size, enum logtree_kind *ret)
{
	enum single which;
	uint64_t index;

	*ret = LOGTREE_LIVE;
	if (path[0] == '\0' || strcmp(path, RECEIPTS) == 0)
		*ret = LOGTREE_FOLDER;
	else if (!(single_of(path, &which) == 0 &&
			singles[which].kind == LOGTREE_LIVE) &&
		receipt_index(path, size, &index) != 0)
		return -ENOENT;
	return 0;
}

/* Without a checkpoint there is the folder, and nothing in it. */
static int look(const char *path, uint64_t size, enum logtree_kind *ret)
{
	struct tile_place place;
	enum single which;
	uint64_t index;
	int rc = 0;

	*ret = LOGTREE_FOLDER;
	if (path[0] == '\0')
		return 0;
	if (size == 0)
		return -ENOENT;
	if (single_of(path, &which) == 0)
		*ret = singles[which].kind;
	else if (receipt_index(path, size, &index) == 0)
		*ret = LOGTREE_LIVE;
	else if (strcmp(path, RECEIPTS) != 0 && strcmp(path, EPOCHS) != 0) {
		rc = tile_place(path, size, &place);
		if (rc == 0 && place.kind == TILE_FILE)
			*ret = LOGTREE_FIXED;
	}
	return rc;
}

int logtree_look(const struct logtree *t, const char *path,
	enum logtree_kind *ret)
{
	cleanup(buf) struct buf keep = {0};
	struct published p;
	bool epoch;
	int rc = load(t, &path, &keep, &p, &epoch);

	return rc != 0 ? rc : epoch ? look_epoch(path, p.size, ret) :
		look(path, p.size, ret);
}

int logtree_read(const struct logtree *t, const char *path, struct buf *ret)
{
	cleanup(buf) struct buf keep = {0};
	struct tile_place place;
	enum logtree_kind kind;
	struct published p;
	enum single which;
	uint64_t index;
	bool epoch;
	int rc = load(t, &path, &keep, &p, &epoch);

	if (rc == 0)
		rc = epoch ? look_epoch(path, p.size, &kind) :
			look(path, p.size, &kind);
	if (rc != 0)
		return rc;
	if (kind == LOGTREE_FOLDER)
		return -EISDIR;
	if (single_of(path, &which) == 0)
		return read_single(t, which, &p, ret);
	if (receipt_index(path, p.size, &index) == 0)
		return read_receipt(t, index, &p, ret);
	rc = tile_place(path, p.size, &place);
	return rc != 0 ? rc : read_tile(t, &place.tile, ret);
}

static int top_name(uint64_t i, char ret[LOGTREE_NAME], bool *ret_folder)
{
	static const char *const folders[] = {"tile", RECEIPTS, EPOCHS};

	if (i >= SINGLES + sizeof(folders) / sizeof(*folders))
		return -ENOENT;
	*ret_folder = i >= SINGLES;
	snprintf(ret, LOGTREE_NAME, "%s", *ret_folder ? folders[i - SINGLES] :
		singles[i].name);
	return 0;
}

int logtree_name(const struct logtree *t, const char *path, uint64_t i,
	char ret[LOGTREE_NAME], bool *ret_folder)
{
	cleanup(buf) struct buf keep = {0};
	struct tile_place place;
	struct published p;
	bool epoch;
	int rc = load(t, &path, &keep, &p, &epoch);

	if (rc != 0)
		return rc;
	if (p.size == 0 || epoch || strcmp(path, RECEIPTS) == 0 ||
		strcmp(path, EPOCHS) == 0)
		return -ENOENT;
	if (path[0] == '\0')
		return top_name(i, ret, ret_folder);
	rc = tile_place(path, p.size, &place);
	return rc != 0 ? rc : tile_name(&place, i, ret, ret_folder);
}
