/*
 * format: every example of core/FORMAT.md is what our code writes and reads.
 *
 * With --print it writes examples of a fresh chain instead, as they stand in
 * that file, for whoever changes a format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/share.h"
#include "core/attestation.h"
#include "core/block.h"
#include "core/certificate.h"
#include "core/chunktree.h"
#include "core/cose.h"
#include "core/hash.h"
#include "core/merkle.h"
#include "core/mlog.h"
#include "core/object.h"
#include "core/params.h"
#include "core/record.h"
#include "core/sequence.h"
#include "core/timestamp.h"
#include "tests/lib/example.h"
#include "tests/tap/tap.h"

#define FENCE "```"
#define COLUMNS 76
#define LINE_MAX_BYTES 512

static void print(const struct example *e)
{
	char *hex;
	size_t i, at, n;

	for (i = 0; i < EXAMPLES; i++) {
		n = 2 * e->part[i].n;
		hex = malloc(n + 1);
		if (hex == NULL)
			bail("no memory");
		hex_encode(BUF_BYTES(&e->part[i]), hex);
		printf(FENCE "hex %s\n", example_title((enum example_name)i));
		for (at = 0; at < n; at += COLUMNS)
			printf("%.*s\n", COLUMNS, hex + at);
		printf(FENCE "\n");
		free(hex);
	}
}

/* -- reading the document -- */

static struct buf *named(struct example *e, const char *line)
{
	size_t i, n = strlen(FENCE "hex ");

	if (strncmp(line, FENCE "hex ", n) != 0)
		return NULL;
	for (i = 0; i < EXAMPLES; i++)
		if (strcmp(line + n, example_title((enum example_name)i)) == 0)
			return &e->part[i];
	ok(false, "FORMAT.md has an example unknown here: %s", line + n);
	return NULL;
}

static void add_line(struct buf *to, const char *line)
{
	uint8_t raw[LINE_MAX_BYTES / 2];
	size_t n = strlen(line) / 2;

	if (hex_decode(line, raw, n) != 0 || buf_add(to, raw, n) != 0)
		bail("FORMAT.md: not a line of hex: %s", line);
}

static void read_document(struct example *ret)
{
	FILE *f = fopen(SOURCE_DIR "/core/FORMAT.md", "r");
	char line[LINE_MAX_BYTES];
	struct buf *to = NULL;

	if (f == NULL)
		bail("no core/FORMAT.md");
	while (fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (to != NULL && strcmp(line, FENCE) == 0)
			to = NULL;
		else if (to != NULL)
			add_line(to, line);
		else
			to = named(ret, line);
	}
	fclose(f);
}

/* -- each example by itself -- */

static void same(struct bytes in, int rc, struct buf *again, const char *what)
{
	is_int(rc, 0, "%s: is read and written", what);
	is_bytes(BUF_BYTES(again), in, "%s: the same bytes", what);
	buf_free(again);
}

static struct bytes part(const struct example *e, enum example_name i)
{
	return BUF_BYTES(&e->part[i]);
}

static void records(const struct example *e)
{
	struct record r;
	struct buf out;
	int i, rc;

	for (i = EX_RECORD_MKDIR; i <= EX_RECORD_COMPLIANCE; i++) {
		out = (struct buf){0};
		rc = record_decode(BUF_BYTES(&e->part[i]), &r);
		same(BUF_BYTES(&e->part[i]), rc ? rc : record_encode(&r, &out),
			&out, example_title((enum example_name)i));
	}
}

static void blocks(const struct example *e)
{
	struct params p;
	struct block b;
	struct buf out;
	int i, rc;

	for (i = EX_BLOCK_ZERO; i <= EX_BLOCK_ONE; i++) {
		out = (struct buf){0};
		rc = block_decode(BUF_BYTES(&e->part[i]), &b);
		same(BUF_BYTES(&e->part[i]), rc ? rc : block_encode(&b, &out),
			&out, example_title((enum example_name)i));
	}
	rc = params_decode(part(e, EX_PARAMS), &p);
	same(part(e, EX_PARAMS), rc ? rc : params_encode(&p, &out), &out,
		"params");
}

static void objects(const struct example *e)
{
	struct extent_meta extent;
	struct share_header share;
	struct genesis genesis;
	struct number number;
	struct meta meta = {0};
	struct buf out = {0};
	uint8_t raw[SHARE_HEADER];
	int rc;

	rc = meta_decode(part(e, EX_META), &meta);
	same(part(e, EX_META), rc ? rc : meta_encode(&meta, &out), &out, "meta");
	meta_done(&meta);
	rc = extent_meta_decode(part(e, EX_EXTENT_META), &extent);
	same(part(e, EX_EXTENT_META),
		rc ? rc : extent_meta_encode(&extent, &out), &out,
		"extent-meta");
	rc = number_decode(part(e, EX_NUMBER), &number);
	same(part(e, EX_NUMBER), rc ? rc : number_encode(&number, &out), &out,
		"number");
	rc = genesis_decode(part(e, EX_GENESIS), &genesis);
	same(part(e, EX_GENESIS), rc ? rc : genesis_encode(&genesis, &out),
		&out, "genesis");
	if (e->part[EX_SHARE_HEADER].n != SHARE_HEADER)
		bail("share-header: %zu bytes", e->part[EX_SHARE_HEADER].n);
	is_int(share_header_decode(e->part[EX_SHARE_HEADER].p, &share), 0,
		"share-header: is read");
	share_header_encode(&share, raw);
	is_bytes(BYTES(raw, sizeof(raw)), part(e, EX_SHARE_HEADER),
		"share-header: the same bytes");
}

/* The encoded payload inside a COSE_Sign1. */
static struct bytes payload(struct bytes in)
{
	struct cose_sign1 c = {0};

	if (cose_decode(in, SEQUENCE_MAX, &c) != 0)
		bail("not a COSE_Sign1");
	return c.payload;
}

static void statements(const struct example *e)
{
	struct attestation_data data;
	struct recovery recovery;
	struct sequence s;
	struct buf out = {0};
	struct params p;
	int i, rc;

	if (params_decode(part(e, EX_PARAMS), &p) != 0)
		bail("no parameters");
	for (i = EX_SEQUENCE_ZERO; i <= EX_SEQUENCE_ONE; i++) {
		is_int(sequence_open(BUF_BYTES(&e->part[i]), p.sequencer_key,
				&s), V_VALID, "%s: signed by K_S",
			example_title((enum example_name)i));
		rc = sequence_encode(&s, &out);
		same(payload(BUF_BYTES(&e->part[i])), rc, &out, "its payload");
	}
	rc = recovery_decode(payload(part(e, EX_RECOVERY)), &recovery);
	same(payload(part(e, EX_RECOVERY)),
		rc ? rc : recovery_encode(&recovery, &out), &out, "recovery");
	rc = attestation_data_decode(part(e, EX_DOCUMENT_DATA), &data);
	same(part(e, EX_DOCUMENT_DATA),
		rc ? rc : attestation_data_encode(&data, &out), &out,
		"document-data");
}

/* -- how they belong together -- */

static void stamps(const struct example *e, const struct params *p)
{
	struct timestamp t = {0};
	struct hash hb;
	int i;

	for (i = 0; i < 2; i++) {
		hb = block_hash(BUF_BYTES(&e->part[EX_BLOCK_ZERO + i]));
		is_int(timestamp_validate(p, TIMESTAMP_LOCAL,
				BUF_BYTES(&e->part[EX_TIMESTAMP_ZERO + i]),
				BUF_BYTES(&e->part[EX_BLOCK_ZERO + i]), &t),
			V_VALID, "timestamp %d is by the authority", i);
		is_bytes(HASH_BYTES(&t.y), HASH_BYTES(&hb),
			"and over block %d", i);
	}
}

static void chain(const struct example *e)
{
	struct sequence zero = {0}, one = {0};
	struct mlog log = {.size = 0};
	struct block b0 = {0}, b1 = {0};
	struct hash leaf, mh, h, root;
	uint8_t y[SEQUENCE_Y];

	sequence_peek(part(e, EX_SEQUENCE_ZERO), &zero);
	sequence_peek(part(e, EX_SEQUENCE_ONE), &one);
	block_decode(part(e, EX_BLOCK_ZERO), &b0);
	block_decode(part(e, EX_BLOCK_ONE), &b1);
	leaf = hash_sha3(part(e, EX_PARAMS));
	ok(merkle_fold(&leaf, 0, 1, NULL, 0, &mh) == 0 &&
			hash_equal(&mh, &b0.mh),
		"block zero commits to the parameters");
	h = timestamp_hash(part(e, EX_TIMESTAMP_ZERO));
	ok(hash_equal(&h, &b1.th), "block one links to timestamp zero");
	h = sequence_head(&zero);
	ok(hash_equal(&h, &one.prev_head), "number one follows number zero");
	h = timestamp_hash(part(e, EX_TIMESTAMP_ONE));
	sequence_y_block(b1.u, &h, y);
	is_bytes(BYTES(one.y, SEQUENCE_Y), BYTES(y, sizeof(y)),
		"number one is block one's");
	h = block_hash(part(e, EX_BLOCK_ZERO));
	root = timestamp_hash(part(e, EX_TIMESTAMP_ZERO));
	leaf = sequence_log_leaf(0, 0, &h, &root, zero.r);
	mlog_add(&log, &leaf);
	root = mlog_root(&log);
	ok(b1.has_log && b1.log_size == 1 && hash_equal(&b1.log_root, &root) &&
			hash_equal(&zero.log_root, &root),
		"block one carries the log as number zero left it");
	leaf = mlog_leaf(part(e, EX_LOG_ENTRY));
	mlog_add(&log, &leaf);
	root = mlog_root(&log);
	ok(one.log_size == 2 && hash_equal(&one.log_root, &root),
		"the log entry is the one that number one adds");
}

static void vouching(const struct example *e, const struct params *p)
{
	struct attestation a = {0};
	struct hash h = {{0}};
	struct block b1 = {0};

	is_int(attestation_check(p, part(e, EX_DOCUMENT), &a), V_VALID,
		"the document holds under the parameters");
	is_bytes(a.user_data, part(e, EX_DOCUMENT_DATA), "its user data");
	is_bytes(a.public_key, p->sequencer_key, "its key is K_S");
	attestation_hash(part(e, EX_DOCUMENT), &h);
	block_decode(part(e, EX_BLOCK_ONE), &b1);
	ok(hash_equal(&h, &p->first_document) &&
			hash_equal(&h, &b1.attestation),
		"parameters and block one name it");
}

static void certificate(const struct example *e)
{
	struct certificate c = {0};
	struct buf out = {0};
	struct record r = {0};
	struct block b = {0};
	struct hash dh, mh = {{0}}, root = chunktree_root_bytes(
		part(e, EX_CONTENT));
	int rc = certificate_decode(part(e, EX_CERTIFICATE), &c);

	same(part(e, EX_CERTIFICATE), rc ? rc : make_certificate(&c, &out),
		&out, "certificate");
	ok(bytes_equal(c.d, part(e, EX_RECORD_PUT)) &&
			bytes_equal(c.params, part(e, EX_PARAMS)) &&
			bytes_equal(c.b, part(e, EX_BLOCK_ONE)) &&
			bytes_equal(c.s, part(e, EX_SEQUENCE_ONE)) &&
			bytes_equal(c.doc, part(e, EX_DOCUMENT)),
		"its parts are the examples");
	ok(c.has_final && memmem(e->part[EX_FINAL_BY].p, e->part[EX_FINAL_BY].n,
				   c.final.b.p, c.final.b.n) != NULL,
		"and so is its later block");
	record_decode(c.d, &r);
	ok(hash_equal(&r.root, &root) && r.size == e->part[EX_CONTENT].n,
		"its record is of the content");
	dh = hash_sha3(c.d);
	block_decode(c.b, &b);
	ok(merkle_fold(&dh, c.index, c.n, c.path, c.path_len, &mh) == 0 &&
			hash_equal(&mh, &b.mh),
		"and a leaf of block one");
}

int main(int argc, char **argv)
{
	struct example e = {0};
	struct params p;
	size_t i;

	if (argc == 2 && strcmp(argv[1], "--print") == 0) {
		example_make(&e);
		print(&e);
		example_done(&e);
		return 0;
	}
	plan(0);
	read_document(&e);
	for (i = 0; i < EXAMPLES; i++)
		ok(e.part[i].n > 0, "FORMAT.md shows %s",
			example_title((enum example_name)i));
	if (params_decode(part(&e, EX_PARAMS), &p) != 0)
		bail("no parameters");
	records(&e);
	blocks(&e);
	objects(&e);
	statements(&e);
	stamps(&e, &p);
	chain(&e);
	vouching(&e, &p);
	certificate(&e);
	example_done(&e);
	return done();
}
