#include "core/hash.h"

#include <assert.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/keccak.h"

/* Fetched once: EVP_sha3_256() looks the provider up on every init. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_MD *md_sha3, *md_sha256;

static void fetch(void)
{
	md_sha3 = EVP_MD_fetch(NULL, "SHA3-256", NULL);
	md_sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	if (md_sha3 == NULL || md_sha256 == NULL)
		abort();
}

static const EVP_MD *algorithm(enum hash_kind kind)
{
	pthread_once(&once, fetch);
	return kind == HASH_SHA3_256 ? md_sha3 : md_sha256;
}

struct hasher {
	EVP_MD_CTX *ctx;
};

/* One context a thread for the many short messages; freed with the thread. */
static pthread_key_t ctx_key;
static pthread_once_t ctx_once = PTHREAD_ONCE_INIT;

static void ctx_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void ctx_key_make(void)
{
	if (pthread_key_create(&ctx_key, ctx_free) != 0)
		abort();
}

static EVP_MD_CTX *thread_ctx(void)
{
	static __thread EVP_MD_CTX *ctx;

	if (ctx == NULL) {
		pthread_once(&ctx_once, ctx_key_make);
		ctx = EVP_MD_CTX_new();
		if (ctx == NULL || pthread_setspecific(ctx_key, ctx) != 0)
			abort();
	}
	return ctx;
}

static struct hash of_parts(
	enum hash_kind kind, const struct bytes *parts, size_t n)
{
	EVP_MD_CTX *ctx = thread_ctx();
	struct hash h;
	size_t i;

	if (EVP_DigestInit_ex2(ctx, algorithm(kind), NULL) != 1)
		abort();
	for (i = 0; i < n; i++)
		if (EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) != 1)
			abort();
	if (EVP_DigestFinal_ex(ctx, h.b, NULL) != 1)
		abort();
	return h;
}

struct hash hash_sha3(struct bytes msg)
{
	return of_parts(HASH_SHA3_256, &msg, 1);
}

struct hash hash_sha256(struct bytes msg)
{
	return of_parts(HASH_SHA256, &msg, 1);
}

struct hash hash_sha3_parts(const struct bytes *parts, size_t n)
{
	return of_parts(HASH_SHA3_256, parts, n);
}

struct hash hash_sha256_parts(const struct bytes *parts, size_t n)
{
	return of_parts(HASH_SHA256, parts, n);
}

static struct hash job_alone(const struct keccak_job *j)
{
	uint8_t tag = (uint8_t)j->tag;
	struct bytes parts[2] = {BYTES(j->p, j->len), BYTES(&tag, 1)};

	return of_parts(HASH_SHA3_256, parts, j->tag >= 0 ? 2 : 1);
}

static void run_jobs(const struct keccak_job *jobs, size_t n)
{
	const struct keccak_kernel *k = keccak_best();
	size_t i;

	if (k != NULL && n > 1) {
		k->run(jobs, n);
		return;
	}
	for (i = 0; i < n; i++)
		*jobs[i].out = job_alone(&jobs[i]);
}

/* Permutations, longest first: what is short fills the lanes at the end. */
static int by_blocks(const void *a, const void *b)
{
	size_t x = ((const struct keccak_job *)a)->len / KECCAK_RATE;
	size_t y = ((const struct keccak_job *)b)->len / KECCAK_RATE;

	return x > y ? -1 : x < y;
}

#define JOBS 256 /* scheduled together; on the stack */

void hash_many(const struct bytes *msgs, size_t n, struct hash *ret)
{
	hash_tagged(msgs, n, -1, ret);
}

void hash_tagged(
	const struct bytes *msgs, size_t n, int tag, struct hash *ret)
{
	struct keccak_job jobs[JOBS];
	size_t i, some;
	bool even;

	for (; n > 0; n -= some, msgs += some, ret += some) {
		some = n < JOBS ? n : JOBS;
		even = true;
		for (i = 0; i < some; i++) {
			jobs[i] = (struct keccak_job){
				msgs[i].p, msgs[i].n, tag, &ret[i]};
			even &= msgs[i].n == msgs[0].n;
		}
		if (!even)
			qsort(jobs, some, sizeof(jobs[0]), by_blocks);
		run_jobs(jobs, some);
	}
}

void hash_stride(const uint8_t *p, size_t stride, size_t len, size_t n,
	int tag, struct hash *ret)
{
	struct keccak_job jobs[JOBS];
	size_t i, some;

	for (; n > 0; n -= some, p += some * stride, ret += some) {
		some = n < JOBS ? n : JOBS;
		for (i = 0; i < some; i++)
			jobs[i] = (struct keccak_job){
				p + i * stride, len, tag, &ret[i]};
		run_jobs(jobs, some);
	}
}

struct hasher *hasher_new(enum hash_kind kind)
{
	struct hasher *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx == NULL) {
		free(h);
		return NULL;
	}
	if (EVP_DigestInit_ex2(h->ctx, algorithm(kind), NULL) != 1)
		abort();
	return h;
}

struct hasher *hasher_copy(const struct hasher *h)
{
	struct hasher *copy = calloc(1, sizeof(*copy));

	if (copy == NULL)
		return NULL;
	copy->ctx = EVP_MD_CTX_new();
	if (copy->ctx != NULL && EVP_MD_CTX_copy_ex(copy->ctx, h->ctx) == 1)
		return copy;
	hasher_free(copy);
	return NULL;
}

void hasher_add(struct hasher *h, struct bytes part)
{
	if (EVP_DigestUpdate(h->ctx, part.p, part.n) != 1)
		abort();
}

void hasher_add_zeros(struct hasher *h, uint64_t n)
{
	static const uint8_t zeros[16384]; /* stays in the first cache */
	uint64_t some;

	for (; n > 0; n -= some) {
		some = n < sizeof(zeros) ? n : sizeof(zeros);
		hasher_add(h, BYTES(zeros, (size_t)some));
	}
}

struct hash hasher_end(struct hasher *h)
{
	struct hash d;

	if (EVP_DigestFinal_ex(h->ctx, d.b, NULL) != 1)
		abort();
	return d;
}

void hasher_free(struct hasher *h)
{
	if (h == NULL)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}
