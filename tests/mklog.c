/*
 * mklog: writes the log of a chain for tests that need no mount.
 *
 *	mklog DIR ENTRIES
 *
 * DIR/anchor and DIR/log, as .notary/log is, of so many entries.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/cleanup.h"
#include "core/mlog.h"
#include "core/note.h"
#include "core/tile.h"
#include "tests/lib/mkchain.h"
#include "tests/tap/tap.h"

#define WIDTH 256 /* hashes of a tile */

static const char *top;

/* top/name, with the folders above it. */
static void save(const char *name, struct bytes data)
{
	char path[4096];
	size_t n = (size_t)snprintf(path, sizeof(path), "%s/%s", top, name), i;
	FILE *f;

	for (i = strlen(top) + 1; i < n; i++)
		if (path[i] == '/') {
			path[i] = '\0';
			if (mkdir(path, 0755) != 0 && errno != EEXIST)
				bail("cannot make %s", path);
			path[i] = '/';
		}
	f = fopen(path, "wxe");
	if (f == NULL || fwrite(data.p, 1, data.n, f) != data.n ||
		fclose(f) != 0)
		bail("cannot write %s", path);
}

static void save_tile(const char *level, uint64_t n, unsigned width,
	const struct buf *data)
{
	char name[TILE_PATH], path[TILE_PATH + 16];

	tile_text(level, n, width, name);
	snprintf(path, sizeof(path), "log/%s", name);
	save(path, BUF_BYTES(data));
}

/* Entries first, first + 1, ... of a chain whose hashes nobody asks for. */
static void make_tile(struct mlog *log, uint64_t first, unsigned width)
{
	static const struct hash some = {{5}};
	cleanup(buf) struct buf hashes = {0}, entries = {0};
	uint8_t raw[2 + SEQUENCE_LOG_ENTRY_MAX];
	uint64_t i;

	for (i = first; i < first + width; i++) {
		size_t n = sequence_log_entry(i, i, &some, &some, some.b,
			raw + 2);
		struct hash leaf = mlog_leaf(BYTES(raw + 2, n));

		raw[0] = (uint8_t)(n >> 8);
		raw[1] = (uint8_t)n;
		mlog_add(log, &leaf);
		if (buf_add(&entries, raw, n + 2) != 0 ||
			buf_add(&hashes, leaf.b, HASH_LEN) != 0)
			bail("no memory");
	}
	save_tile("0", first / WIDTH, width, &hashes);
	save_tile("entries", first / WIDTH, width, &entries);
}

static void sign(const struct mkchain *c, const struct mlog *log)
{
	char origin[CHECKPOINT_ORIGIN_MAX], vkey[NOTE_VKEY_MAX];
	struct hash root = mlog_root(log);
	cleanup(buf) struct buf note = {0};
	struct note_key k;
	size_t text;

	checkpoint_origin(&c->anchor, origin);
	if (note_key_make(origin, NOTE_ED25519, c->log_pub, &k) != 0 ||
		checkpoint_text(origin, log->size, &root, &note) != 0)
		bail("cannot write a checkpoint");
	text = note.n;
	if (buf_add(&note, "\n", 1) != 0 ||
		note_sign(BYTES(note.p, text), &k, c->log_key, 0, &note) != 0)
		bail("cannot sign a checkpoint");
	save("log/checkpoint", BUF_BYTES(&note));
	note_key_text(&k, vkey);
	strcat(vkey, "\n");
	save("log/vkey", BYTES(vkey, strlen(vkey)));
}

int main(int argc, char **argv)
{
	uint64_t n = argc == 3 ? strtoull(argv[2], NULL, 10) : 0, i;
	char hex[HASH_HEX + 2];
	struct mkchain c;
	struct mlog log = {.size = 0};

	if (n == 0)
		bail("usage: mklog DIR ENTRIES");
	top = argv[1];
	mkchain_init(&c, 0);
	hex_encode(HASH_BYTES(&c.anchor), hex);
	hex[HASH_HEX] = '\n';
	save("anchor", BYTES(hex, HASH_HEX + 1));
	save("log/block-zero.cbor", BUF_BYTES(&c.b0));
	save("log/params.cbor", BUF_BYTES(&c.params_raw));
	save("log/attestation.cose", BUF_BYTES(&c.doc));
	save("log/sequencer.der", BUF_BYTES(&c.key0));
	for (i = 0; i < n; i += WIDTH)
		make_tile(&log, i, n - i < WIDTH ? (unsigned)(n - i) : WIDTH);
	sign(&c, &log);
	mkchain_done(&c);
	return 0;
}
