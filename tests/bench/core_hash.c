/* Hashing: each kernel, each use of the lanes, and whole contents. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "core/keccak.h"
#include "core/merkle.h"
#include "tests/bench/bench.h"
#include "tests/tap/tap.h"

#define ROUNDS 9
#define DATA ((size_t)64 << 20)	/* bytes */
#define CHUNKS 1024		/* of 4 KiB: out of the first cache */
#define LEAVES 16384		/* a full block */

struct work {
	uint8_t *data;
	struct bytes *msg;
	size_t n, total;	/* messages, their bytes */
	struct hash *ret;
	EVP_MD_CTX *ctx;
	EVP_MD *sha3, *sha256;
	size_t content, again;	/* bytes, times */
};

static void digest(struct work *w, EVP_MD *md, struct bytes m, uint8_t *ret)
{
	if (EVP_DigestInit_ex2(w->ctx, md, NULL) != 1 ||
		EVP_DigestUpdate(w->ctx, m.p, m.n) != 1 ||
		EVP_DigestFinal_ex(w->ctx, ret, NULL) != 1)
		bail("OpenSSL");
}

static void many(void *ctx)
{
	struct work *w = ctx;

	hash_many(w->msg, w->n, w->ret);
}

static void many_openssl(void *ctx)
{
	struct work *w = ctx;
	size_t i;

	for (i = 0; i < w->n; i++)
		digest(w, w->sha3, w->msg[i], w->ret[i].b);
}

static void messages(struct work *w, size_t n, size_t (*length)(unsigned *))
{
	unsigned seed = 5;
	size_t at = 0, i;

	w->n = n;
	w->total = 0;
	for (i = 0; i < n; i++) {
		size_t len = length(&seed);

		if (at + len > DATA)
			at = 0;
		w->msg[i] = BYTES(w->data + at, len);
		at += len;
		w->total += len;
	}
}

static size_t chunk(unsigned *seed)
{
	(void)seed;
	return CHUNK_SIZE;
}

static size_t record(unsigned *seed)
{
	return 133 + (size_t)rand_r(seed) % 60;
}

static size_t up_to_chunk(unsigned *seed)
{
	return (size_t)rand_r(seed) % (CHUNK_SIZE + 1);
}

static size_t skewed(unsigned *seed)
{
	return ((size_t)64 << rand_r(seed) % 10) + (size_t)rand_r(seed) % 64;
}

static void kernel_line(const struct bench_out *o, struct work *w,
	const char *name, const char *what)
{
	struct bench_pair t = bench_turns(ROUNDS, many, many_openssl, w);
	char line[96];

	snprintf(line, sizeof(line), "SHA3-256 %s, %s", what, name);
	bench_line(o, line, (double)w->total / t.ours / 1e6,
		(double)w->total / t.peer / 1e6, "MB/s");
}

static void kernels(const struct bench_out *o, struct work *w)
{
	static const struct {
		const char *what;
		size_t (*length)(unsigned *);
		size_t n;
	} set[] = {
		{"4 KiB chunks", chunk, CHUNKS},
		{"0 to 4 KiB", up_to_chunk, CHUNKS},
		{"64 B to 32 KiB", skewed, CHUNKS / 4},
		{"records of 133 to 192 B", record, LEAVES},
	};
	const struct keccak_kernel *best = keccak_best(), *k;
	size_t s;
	unsigned i;

	for (s = 0; s < sizeof(set) / sizeof(set[0]); s++) {
		messages(w, o->quick ? 64 : set[s].n, set[s].length);
		for (i = 0; (k = keccak_kernel(i)) != NULL; i++) {
			keccak_choose(k);
			kernel_line(o, w, k->name, set[s].what);
		}
		keccak_choose(best);
	}
}

static void root(void *ctx)
{
	struct work *w = ctx;
	struct chunktree *t = chunktree_new();
	size_t i;

	if (t == NULL)
		bail("no memory");
	for (i = 0; i < w->again; i++)
		chunktree_add(t, BYTES(w->data, w->content));
	w->ret[0] = chunktree_root(t);
	chunktree_free(t);
}

static void whole(struct work *w, EVP_MD *md)
{
	size_t i;

	if (EVP_DigestInit_ex2(w->ctx, md, NULL) != 1)
		bail("OpenSSL");
	for (i = 0; i < w->again; i++)
		if (EVP_DigestUpdate(w->ctx, w->data, w->content) != 1)
			bail("OpenSSL");
	if (EVP_DigestFinal_ex(w->ctx, w->ret[1].b, NULL) != 1)
		bail("OpenSSL");
}

static void whole_sha3(void *ctx)
{
	whole(ctx, ((struct work *)ctx)->sha3);
}

static void whole_sha256(void *ctx)
{
	whole(ctx, ((struct work *)ctx)->sha256);
}

static void contents(const struct bench_out *o, struct work *w)
{
	struct bench_pair t;
	double bytes;

	w->content = o->quick ? (size_t)1 << 20 : DATA;
	w->again = o->quick ? 1 : ((size_t)1 << 30) / DATA;
	bytes = (double)w->content * (double)w->again;
	t = bench_turns(3, root, whole_sha3, w);
	bench_line(o, "content root of 1 GiB, against sha3-256",
		bytes / t.ours / 1e6, bytes / t.peer / 1e6, "MB/s");
	t = bench_turns(3, root, whole_sha256, w);
	bench_line(o, "content root of 1 GiB, against sha-256",
		bytes / t.ours / 1e6, bytes / t.peer / 1e6, "MB/s");
}

static void tree(void *ctx)
{
	struct work *w = ctx;
	struct merkle *m;

	if (merkle_new(w->ret, w->n, &m) != 0)
		bail("no memory");
	merkle_free(m);
}

/* The same number of hashes of an inner node's length, one by one. */
static void tree_openssl(void *ctx)
{
	struct work *w = ctx;
	struct hash h;
	size_t i;

	for (i = 0; i < w->n; i++) {
		digest(w, w->sha3, BYTES(w->data + i, 33), h.b);
		digest(w, w->sha3, BYTES(w->data + i, 65), h.b);
	}
}

static void trees(const struct bench_out *o, struct work *w)
{
	struct bench_pair t;

	w->n = o->quick ? 164 : LEAVES;
	t = bench_turns(ROUNDS, tree, tree_openssl, w);
	bench_line(o, "transaction tree of 16,384, against single hashes",
		(double)w->n / t.ours / 1e3, (double)w->n / t.peer / 1e3,
		"thousand leaves/s");
}

void bench_hash(const struct bench_out *o)
{
	struct work w = {0};
	size_t i;

	w.data = aligned_alloc(64, DATA);
	w.msg = calloc(LEAVES, sizeof(w.msg[0]));
	w.ret = calloc(LEAVES, sizeof(w.ret[0]));
	w.ctx = EVP_MD_CTX_new();
	w.sha3 = EVP_MD_fetch(NULL, "SHA3-256", NULL);
	w.sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (w.data == NULL || w.msg == NULL || w.ret == NULL || w.ctx == NULL ||
		w.sha3 == NULL || w.sha256 == NULL)
		bail("no memory");
	for (i = 0; i < DATA; i++)
		w.data[i] = (uint8_t)(i * 2654435761U >> 13);
	kernels(o, &w);
	contents(o, &w);
	trees(o, &w);
	EVP_MD_free(w.sha256);
	EVP_MD_free(w.sha3);
	EVP_MD_CTX_free(w.ctx);
	free(w.ret);
	free(w.msg);
	free(w.data);
}
