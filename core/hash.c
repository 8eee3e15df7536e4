#include "core/hash.h"

/* SHA256_Init() and its like: see there */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/keccak.h"
#include "core/keccak_plain.h"

/* Fetched once: EVP_sha3_256() looks the provider up on every init.  NULL: no
 * memory, this time. */
static const EVP_MD *algorithm(enum hash_kind kind)
{
	static _Atomic(EVP_MD *) fetched[2];
	EVP_MD *md = atomic_load(&fetched[kind]), *before = NULL;

	if (md != NULL)
		return md;
	md = EVP_MD_fetch(NULL,
		kind == HASH_SHA3_256 ? "SHA3-256" : "SHA2-256", NULL);
	if (md != NULL &&
		!atomic_compare_exchange_strong(&fetched[kind], &before, md)) {
		EVP_MD_free(md);
		md = before;
	}
	return md;
}

/* One context a thread for the many short messages; freed with the thread. */
static pthread_key_t ctx_key;
static pthread_once_t ctx_once = PTHREAD_ONCE_INIT;
static bool ctx_known;

static void ctx_free(void *ctx)
{
	EVP_MD_CTX_free(ctx);
}

static void ctx_key_make(void)
{
	ctx_known = pthread_key_create(&ctx_key, ctx_free) == 0;
}

/* NULL: no memory. */
static EVP_MD_CTX *thread_ctx(void)
{
	static __thread EVP_MD_CTX *ctx;

	if (ctx != NULL)
		return ctx;
	pthread_once(&ctx_once, ctx_key_make);
	if (!ctx_known)
		return NULL;
	ctx = EVP_MD_CTX_new();
	if (ctx != NULL && pthread_setspecific(ctx_key, ctx) != 0) {
		EVP_MD_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static bool by_openssl(const struct bytes *parts, size_t n, struct hash *ret)
{
	EVP_MD_CTX *ctx = thread_ctx();
	const EVP_MD *md = algorithm(HASH_SHA3_256);
	bool good = ctx != NULL && md != NULL &&
		EVP_DigestInit_ex2(ctx, md, NULL) == 1;
	size_t i;

	for (i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(ctx, parts[i].p, parts[i].n) == 1;
	return good && EVP_DigestFinal_ex(ctx, ret->b, NULL) == 1;
}

struct hash hash_sha3_parts(const struct bytes *parts, size_t n)
{
	struct hash h;

	return by_openssl(parts, n, &h) ? h : keccak_plain(parts, n);
}

/* OpenSSL's functions from before EVP take no memory. */
struct hash hash_sha256_parts(const struct bytes *parts, size_t n)
{
	SHA256_CTX ctx;
	struct hash h;
	size_t i;

	SHA256_Init(&ctx);
	for (i = 0; i < n; i++)
		SHA256_Update(&ctx, parts[i].p, parts[i].n);
	SHA256_Final(h.b, &ctx);
	return h;
}

struct hash hash_sha3(struct bytes msg)
{
	return hash_sha3_parts(&msg, 1);
}

struct hash hash_sha256(struct bytes msg)
{
	return hash_sha256_parts(&msg, 1);
}

static struct hash job_alone(const struct keccak_job *j)
{
	uint8_t tag = (uint8_t)j->tag;
	struct bytes parts[2] = {BYTES(j->p, j->len), BYTES(&tag, 1)};

	return hash_sha3_parts(parts, j->tag >= 0 ? 2 : 1);
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

struct hasher {
	EVP_MD_CTX *ctx;
};

struct hasher *hasher_new(enum hash_kind kind)
{
	struct hasher *h = calloc(1, sizeof(*h));
	const EVP_MD *md = algorithm(kind);

	if (h == NULL)
		return NULL;
	h->ctx = EVP_MD_CTX_new();
	if (h->ctx != NULL && md != NULL &&
		EVP_DigestInit_ex2(h->ctx, md, NULL) == 1)
		return h;
	hasher_free(h);
	return NULL;
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
