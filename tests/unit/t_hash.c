/* The wide kernels against OpenSSL, and the interface that hides them. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "core/chunktree.h"
#include "core/hash.h"
#include "core/keccak.h"
#include "core/keccak_plain.h"
#include "core/merkle.h"
#include "tests/tap/tap.h"

#define LENGTHS 700

static uint8_t *data;

static struct hash oracle(const uint8_t *p, size_t len, int tag)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t t = (uint8_t)tag;
	struct hash h;

	EVP_DigestInit_ex(ctx, EVP_sha3_256(), NULL);
	EVP_DigestUpdate(ctx, p, len);
	if (tag >= 0)
		EVP_DigestUpdate(ctx, &t, 1);
	EVP_DigestFinal_ex(ctx, h.b, NULL);
	EVP_MD_CTX_free(ctx);
	return h;
}

static bool same(const uint8_t *p, size_t len, int tag, const struct hash *got)
{
	struct hash want = oracle(p, len, tag);

	return hash_equal(&want, got);
}

#define JOBS (3 * KECCAK_LANES_MAX + 1)

/* Every length at every count of messages up to three rounds of the lanes, at
 * every alignment modulo 8; with and without a tag. */
static void kernel(const struct keccak_kernel *k)
{
	struct keccak_job job[JOBS];
	struct hash got[JOBS];
	size_t len, n, i, wrong = 0;

	for (len = 0; len < LENGTHS; len++)
		for (n = 1; n <= JOBS; n += 1 + len % 3) {
			for (i = 0; i < n; i++)
				job[i] = (struct keccak_job){data + len + i,
					(len * (i + 1)) % LENGTHS,
					(len + i) % 2 ? (int)i : -1, &got[i]};
			k->run(job, n);
			for (i = 0; i < n; i++)
				wrong += !same(job[i].p, job[i].len, job[i].tag,
					&got[i]);
		}
	is_int(wrong, 0, "%s: every length, count and alignment as OpenSSL",
		k->name);
	ok(keccak_selftest(k), "%s passes its own test", k->name);
}

/* A message that ends when its neighbours are at any other place, and one
 * that is much longer than all others. */
static void refill(const struct keccak_kernel *k)
{
	struct keccak_job job[JOBS];
	struct hash got[JOBS];
	size_t round, i, wrong = 0;
	unsigned seed = 3;

	for (round = 0; round < 300; round++) {
		for (i = 0; i < JOBS; i++)
			job[i] = (struct keccak_job){data + i,
				i == round % JOBS ? 40000 + round :
				(size_t)rand_r(&seed) % (1U << rand_r(&seed) % 13),
				rand_r(&seed) % 257 - 1, &got[i]};
		k->run(job, JOBS);
		for (i = 0; i < JOBS; i++)
			wrong += !same(job[i].p, job[i].len, job[i].tag,
				&got[i]);
	}
	is_int(wrong, 0, "%s: lanes take messages as they become free", k->name);
}

static void broken_run(const struct keccak_job *jobs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		*jobs[i].out = oracle(jobs[i].p, jobs[i].len, -1);
		jobs[i].out->b[31] ^= jobs[i].len == 272;
	}
}

static void stride(const char *name)
{
	static const int tags[] = {-1, 0, 0x10};
	struct hash got[150];
	size_t len, t, i, n = 0, wrong = 0;

	for (t = 0; t < 3; t++)
		for (len = 0; len < LENGTHS; len += 1 + len / 150) {
			n = (n * 7 + 3) % 150;
			hash_stride(data + 3, len + 5, len, n, tags[t], got);
			for (i = 0; i < n; i++)
				wrong += !same(data + 3 + i * (len + 5), len,
					tags[t], &got[i]);
		}
	is_int(wrong, 0, "%s: strides, counts and tags at block borders", name);
}

static void mixed(const char *name)
{
	struct bytes msg[333];
	struct hash got[333];
	size_t i, wrong = 0;
	unsigned seed = 7;

	for (i = 0; i < 333; i++)
		msg[i] = BYTES(data + rand_r(&seed) % 5000,
			(size_t)rand_r(&seed) % (i % 10 ? 300 : 9000));
	hash_many(msg, 333, got);
	for (i = 0; i < 333; i++)
		wrong += !same(msg[i].p, msg[i].n, -1, &got[i]);
	is_int(wrong, 0, "%s: messages of mixed lengths keep their order", name);
	hash_many(msg, 0, got);
	hash_tagged(msg, 333, 0x11, got);
	for (i = wrong = 0; i < 333; i++)
		wrong += !same(msg[i].p, msg[i].n, 0x11, &got[i]);
	is_int(wrong, 0, "%s: and so with a tag", name);
}

static void single(void)
{
	struct bytes parts[3] = {BYTES(data, 10), BYTES(data + 10, 0),
		BYTES(data + 10, 200)};
	struct hash h = hash_sha3_parts(parts, 3), s, want;
	struct hasher *run = hasher_new(HASH_SHA256);

	ok(same(data, 210, -1, &h), "parts hash as their concatenation");
	hasher_add(run, BYTES(data, 100));
	hasher_add(run, BYTES(data + 100, 900));
	s = hasher_end(run);
	hasher_free(run);
	EVP_Digest(data, 1000, want.b, NULL, EVP_sha256(), NULL);
	ok(hash_equal(&s, &want), "a running SHA-256 is OpenSSL's");
	s = hash_sha256(BYTES(data, 1000));
	ok(hash_equal(&s, &want), "so is one in a single piece");
}

/* What hashes when there is no memory: all lengths around four blocks, cut into
 * three parts. */
static void plain(void)
{
	size_t n, wrong = 0, wrong_sha256 = 0;
	struct hash h, want;

	for (n = 0; n < 600; n++) {
		struct bytes parts[3] = {BYTES(data, n / 3),
			BYTES(data + n / 3, n / 2),
			BYTES(data + n / 3 + n / 2, n - n / 3 - n / 2)};
		h = keccak_plain(parts, 3);
		wrong += !same(data, n, -1, &h);
		h = hash_sha256_parts(parts, 3);
		EVP_Digest(data, n, want.b, NULL, EVP_sha256(), NULL);
		wrong_sha256 += !hash_equal(&h, &want);
	}
	is_int(wrong, 0, "SHA3-256 without memory is OpenSSL's");
	is_int(wrong_sha256, 0, "SHA-256 in parts too");
}

/* What stands on the lanes gives one result whatever they are. */
static void trees(const char *name, struct hash want[2])
{
	struct hash leaf[333], got[2];
	struct merkle *m;
	size_t i;

	for (i = 0; i < 333; i++)
		memcpy(leaf[i].b, data + 7 * i, HASH_LEN);
	got[0] = chunktree_root_bytes(BYTES(data, 200001));
	if (merkle_new(leaf, 333, &m) != 0)
		bail("no memory");
	got[1] = merkle_root(m);
	merkle_free(m);
	if (hash_is_zero(&want[0]))
		memcpy(want, got, sizeof(got));
	ok(memcmp(want, got, sizeof(got)) == 0, "%s: the same trees", name);
}

static void interface(const struct keccak_kernel *k, struct hash tree[2])
{
	const char *name = k != NULL ? k->name : "OpenSSL";

	keccak_choose(k);
	stride(name);
	mixed(name);
	trees(name, tree);
}

/* Each kernel there is, or a line that says it was not tested here. */
static void each(const char *name, struct hash tree[2])
{
	const struct keccak_kernel *k;
	unsigned i;

	for (i = 0; (k = keccak_kernel(i)) != NULL; i++)
		if (strcmp(k->name, name) == 0)
			break;
	if (k == NULL) {
		diag("NOT TESTED: this CPU does not have %s", name);
		skip(7, "this CPU does not have %s", name);
		return;
	}
	kernel(k);
	refill(k);
	interface(k, tree);
}

int main(void)
{
	static const struct keccak_kernel broken = {"broken", 4, broken_run};
	const struct keccak_kernel *best = keccak_best();
	struct hash tree[2] = {{{0}}};
	size_t i;

	plan(0);
	data = malloc(1 << 18);
	for (i = 0; i < 1 << 18; i++)
		data[i] = (uint8_t)(i * 2654435761U >> 13);
	interface(NULL, tree);
	each("avx512", tree);
	each("avx2", tree);
	diag("the best here: %s", best != NULL ? best->name : "OpenSSL");
	ok(best == keccak_kernel(0), "the widest that this CPU has is chosen");
	keccak_choose(best);
	ok(!keccak_selftest(&broken),
		"a kernel that is wrong at one length is never chosen");
	single();
	plain();
	free(data);
	return done();
}
