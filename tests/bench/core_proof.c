/* What proofs cost: making certificates, judging them, and a whole tree. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/attestation.h"
#include "core/chunktree.h"
#include "core/hash.h"
#include "core/verify.h"
#include "fs/verifytree.h"
#include "tests/bench/bench.h"
#include "tests/lib/mkchain.h"
#include "tests/lib/scratch.h"
#include "tests/tap/tap.h"

#define ROUNDS 5
#define BLOCK MERKLE_LEAVES_MAX	/* records of a full block */
#define TREE_FILES 10000
#define FILE_LEN 4096

struct proofs {
	struct mkchain chain;
	size_t n;		/* records */
	struct buf *d;
	struct bytes *msg;
	struct hash *dh;
	struct merkle *tree;
	struct buf *cert;	/* of each, for judging */
	struct content *content;
	struct verify_cache *cache;
	char *dir;
	size_t files;
	uint8_t *data;		/* of all files */
};

static void need(bool good, const char *what)
{
	if (!good)
		bail("cannot %s", what);
}

/* -- transactions to certificates */

static void make_record(struct proofs *p, size_t i, const struct content *c)
{
	char path[64];
	struct record r = {.kind = RECORD_PUT, .mode = 0644, .size = c->size,
		.root = c->root, .n_digests = 1};

	snprintf(path, sizeof(path), "folder-%zu/file-%05zu", i / 1000, i);
	r.path = BYTES(path, strlen(path));
	memcpy(r.salt, &i, sizeof(i));
	r.digest[0].name = BYTES("sha-256", 7);
	r.digest[0].value = HASH_BYTES(&c->sha256);
	buf_free(&p->d[i]);
	need(record_encode(&r, &p->d[i]) == 0, "encode a record");
}

/* Records hashed, tree, block, timestamp, number: the block and what it takes
 * to make a certificate of any of its records. */
static void make_block(void *ctx)
{
	struct proofs *p = ctx;
	size_t i;

	for (i = 0; i < p->n; i++)
		p->msg[i] = BUF_BYTES(&p->d[i]);
	hash_many(p->msg, p->n, p->dh);
	merkle_free(p->tree);
	p->tree = NULL;
	need(merkle_new(p->dh, p->n, &p->tree) == 0, "make a tree");
	p->chain.block.mh = merkle_root(p->tree);
	mkchain_seal(&p->chain);
}

static void make_paths(struct proofs *p)
{
	struct hash path[MERKLE_PATH_MAX];
	size_t i;

	for (i = 0; i < p->n; i++)
		if (merkle_path(p->tree, i, path) == 0 && p->n > 1)
			bail("path");
}

static void block_and_paths(void *ctx)
{
	make_block(ctx);
	make_paths(ctx);
}

static void certificate_of(const struct proofs *p, size_t i, struct buf *ret)
{
	struct certificate parts;

	mkchain_parts(&p->chain, 0, &parts);
	parts.d = BUF_BYTES(&p->d[i]);
	parts.index = i;
	parts.n = p->n;
	parts.path_len = merkle_path(p->tree, i, parts.path);
	need(make_certificate(&parts, ret) == 0, "make a certificate");
}

static void block_and_certificates(void *ctx)
{
	struct proofs *p = ctx;
	size_t i;

	make_block(p);
	for (i = 0; i < p->n; i++) {
		buf_free(&p->cert[i]);
		certificate_of(p, i, &p->cert[i]);
	}
}

/* What the peers do for an entry at least: one hash of it, one of a node. */
static void two_hashes(void *ctx)
{
	struct proofs *p = ctx;
	uint8_t node[65] = {1};
	size_t i;

	for (i = 0; i < p->n; i++) {
		p->dh[i] = hash_sha3(BUF_BYTES(&p->d[i]));
		hash_sha3(BYTES(node, sizeof(node)));
	}
}

static void making(const struct bench_out *o, struct proofs *p)
{
	struct bench_pair t =
		bench_turns(ROUNDS, block_and_paths, two_hashes, p);
	double n = (double)p->n;

	bench_line(o, "transactions to block and paths, against two hashes",
		n / t.ours / 1e6, n / t.peer / 1e6, "million/s");
	bench_line(o, "transactions to block and paths, against the goal",
		n / t.ours / 1e6, 2, "million/s");
	t = bench_turns(ROUNDS, block_and_certificates, NULL, p);
	bench_line(o, "the same with each certificate written out",
		n / t.ours / 1e6, 2, "million/s");
}

/* -- certificates judged */

static void judge(struct proofs *p, struct verify_cache *cache, size_t n)
{
	struct report r;
	size_t i;

	for (i = 0; i < n; i++) {
		verify_cached(cache, BUF_BYTES(&p->cert[i]), &p->chain.anchor,
			&p->content[i], &r);
		if (r.verdict != V_VALID)
			bail("certificate %zu: %s", i, verdict_name(r.verdict));
	}
}

static void judge_warm(void *ctx)
{
	struct proofs *p = ctx;

	judge(p, p->cache, p->n);
}

#define COLD 50

static void judge_cold(void *ctx)
{
	judge(ctx, NULL, COLD);
}

static void judging(const struct bench_out *o, struct proofs *p)
{
	struct bench_pair t = bench_turns(ROUNDS, judge_warm, judge_cold, p);

	bench_line(o, "certificates judged, block known, against the goal",
		(double)p->n / t.ours, 20000, "certificates/s");
	bench_line(o, "certificates judged, block known, against cold",
		(double)p->n / t.ours, COLD / t.peer, "certificates/s");
}

/* -- the attestation document */

static void document_cold(void *ctx)
{
	struct proofs *p = ctx;
	struct attestation a;
	int i;

	for (i = 0; i < COLD; i++)
		need(attestation_check(&p->chain.params,
			     BUF_BYTES(&p->chain.doc), &a) == V_VALID,
			"check a document");
}

/* A block of the epoch that was not seen: all but the document is judged. */
static void block_cold(void *ctx)
{
	struct proofs *p = ctx;
	struct verify_cache *c = verify_cache_new();
	struct report r;
	int i;

	need(c != NULL, "make a cache");
	verify_cached(c, BUF_BYTES(&p->cert[0]), &p->chain.anchor,
		&p->content[0], &r);
	for (i = 0; i < COLD; i++) {
		/* another upper timestamp is another block's evidence */
		mkchain_seal(&p->chain);
		buf_free(&p->cert[1]);
		certificate_of(p, 1, &p->cert[1]);
		verify_cached(c, BUF_BYTES(&p->cert[1]), &p->chain.anchor,
			&p->content[1], &r);
		need(r.verdict == V_VALID, "judge");
	}
	verify_cache_free(c);
}

static void documents(const struct bench_out *o, struct proofs *p)
{
	struct bench_pair t = bench_turns(ROUNDS, block_cold, document_cold, p);

	bench_line(o, "a block, its document known, against a document alone",
		t.ours / COLD * 1e6, t.peer / COLD * 1e6, "us");
}

/* -- a tree of small files */

static void save(const char *path, struct bytes data)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	need(fd >= 0 && write(fd, data.p, data.n) == (ssize_t)data.n,
		"write a file");
	close(fd);
}

static void write_tree(struct proofs *p)
{
	char name[128];
	size_t i;

	p->dir = scratch_new();
	for (i = 0; i < p->files; i++) {
		snprintf(name, sizeof(name), "folder-%zu", i / 1000);
		if (i % 1000 == 0)
			need(mkdir(scratch_path(p->dir, name), 0755) == 0,
				"make a folder");
		snprintf(name, sizeof(name), "folder-%zu/file-%05zu", i / 1000,
			i);
		save(scratch_path(p->dir, name),
			BYTES(p->data + i * FILE_LEN, FILE_LEN));
		strcat(name, ".cert");
		save(scratch_path(p->dir, name), BUF_BYTES(&p->cert[i]));
	}
}

/* CPU time of one worker and the walk; of many, what passes on the clock. */
static double walk_seconds(struct proofs *p, unsigned threads)
{
	struct verifytree_options o = {.dir = p->dir, .threads = threads,
		.anchor = &p->chain.anchor, .out = stderr};
	struct verifytree_counts n;
	const char *unread;
	double t = threads == 1 ? bench_process() : bench_wall();

	need(verifytree(&o, &n, &unread) == 0 && n.valid == p->files, "check the tree");
	return (threads == 1 ? bench_process() : bench_wall()) - t;
}

/* The least that both digests of these files take, from memory. */
static void hash_tree(void *ctx)
{
	struct proofs *p = ctx;
	struct hash root[64];
	struct bytes file[64];
	size_t i, j, n;

	for (i = 0; i < p->files; i += n) {
		n = p->files - i < 64 ? p->files - i : 64;
		for (j = 0; j < n; j++) {
			file[j] = BYTES(p->data + (i + j) * FILE_LEN, FILE_LEN);
			hash_sha256(file[j]);
		}
		chunktree_roots(file, n, root);
	}
}

/* Each file's tree by itself: what batching saves. */
static void hash_alone(void *ctx)
{
	struct proofs *p = ctx;
	size_t i;

	for (i = 0; i < p->files; i++) {
		struct bytes file = BYTES(p->data + i * FILE_LEN, FILE_LEN);

		hash_sha256(file);
		chunktree_root_bytes(file);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double walk_median(struct proofs *p, unsigned threads)
{
	double t[ROUNDS];
	int i;

	walk_seconds(p, threads);
	for (i = 0; i < ROUNDS; i++)
		t[i] = walk_seconds(p, threads);
	qsort(t, ROUNDS, sizeof(t[0]), by_value);
	return t[ROUNDS / 2];
}

static void trees(const struct bench_out *o, struct proofs *p)
{
	struct bench_pair t = bench_turns(ROUNDS, hash_tree, hash_alone, p);
	double one, all, n = (double)p->files;

	bench_line(o, "both digests of 4 KiB files, against one by one",
		t.ours / n * 1e6, t.peer / n * 1e6, "us a file");
	write_tree(p);
	one = walk_median(p, 1);
	all = walk_median(p, 0);
	bench_line(o, "notary-verify -r beside hashing, against the goal",
		(one - t.ours) / n * 1e6, 20, "us a file");
	bench_line(o, "notary-verify -r on all cores, against one",
		all / n * 1e6, one / n * 1e6, "us a file");
	scratch_remove(p->dir);
}

static void start(const struct bench_out *o, struct proofs *p)
{
	size_t i, j;

	p->n = o->quick ? 164 : BLOCK;
	p->files = o->quick ? 100 : TREE_FILES;
	p->d = calloc(p->n, sizeof(p->d[0]));
	p->msg = calloc(p->n, sizeof(p->msg[0]));
	p->dh = calloc(p->n, sizeof(p->dh[0]));
	p->cert = calloc(p->n, sizeof(p->cert[0]));
	p->content = calloc(p->n, sizeof(p->content[0]));
	p->data = aligned_alloc(64, p->n * FILE_LEN);
	p->cache = verify_cache_new();
	need(p->d != NULL && p->msg != NULL && p->dh != NULL &&
			p->cert != NULL && p->content != NULL &&
			p->data != NULL && p->cache != NULL,
		"have memory");
	mkchain_init(&p->chain, 0);
	for (i = 0; i < p->n; i++) {
		struct bytes file = BYTES(p->data + i * FILE_LEN, FILE_LEN);

		for (j = 0; j < FILE_LEN; j++)
			p->data[i * FILE_LEN + j] = (uint8_t)(i * 31 + j * j);
		p->content[i] = (struct content){.size = FILE_LEN,
			.root = chunktree_root_bytes(file),
			.sha256 = hash_sha256(file)};
		make_record(p, i, &p->content[i]);
	}
}

static void stop(struct proofs *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		buf_free(&p->d[i]);
		buf_free(&p->cert[i]);
	}
	merkle_free(p->tree);
	verify_cache_free(p->cache);
	mkchain_done(&p->chain);
	free(p->data);
	free(p->content);
	free(p->cert);
	free(p->dh);
	free(p->msg);
	free(p->d);
}

void bench_proof(const struct bench_out *o)
{
	struct proofs p = {0};

	start(o, &p);
	making(o, &p);
	judging(o, &p);
	trees(o, &p);
	documents(o, &p);
	stop(&p);
}
