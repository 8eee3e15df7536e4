#include "backends/rlnc.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <jerasure.h>
#include <galois.h>
#include <openssl/evp.h>

#define W 8		/* bits of a field element */
#define BLOCK 8192	/* bytes coded at a time, so that they stay in cache */
#define ALIGN 64
/* With C(n, k) <= RLNC_SUBSETS_MAX a draw succeeds with probability 0.02 at
 * the least, so this many never fail all. */
#define ATTEMPTS_MAX 65536

static const char label[] = "notaryfs.rlnc.v1";

/* The library opens its fields lazily and without a lock, that of 32 bits for
 * plain sums: threads that meet there crash.  So both are opened here.  It does
 * not ask either whether it got the 140 KB for them, nor does it say rightly
 * beforehand how much it wants; so this one want of memory ends the process
 * (rlnc.h says when). */
static void open_fields(void)
{
	if (galois_init_default_field(W) != 0 ||
		galois_init_default_field(32) != 0)
		abort();
}

static void need_fields(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, open_fields);
}

/* C(n, k), n <= 16. */
static unsigned subsets(unsigned n, unsigned k)
{
	unsigned i, c = 1;

	for (i = 1; i <= k; i++)
		c = c * (n - k + i) / i;
	return c;
}

static void to_ints(unsigned k, const uint8_t (*rows)[RLNC_K_MAX], int *ret)
{
	unsigned i, j;

	for (i = 0; i < k; i++)
		for (j = 0; j < k; j++)
			ret[i * k + j] = rows[i][j];
}

bool rlnc_independent(unsigned k, const uint8_t (*rows)[RLNC_K_MAX])
{
	int m[RLNC_K_MAX * RLNC_K_MAX]; /* the library destroys it */

	assert(k >= 1 && k <= RLNC_K_MAX);
	need_fields();
	to_ints(k, rows, m);
	return jerasure_invertible_matrix(m, (int)k, W) == 1;
}

bool rlnc_any_k(const struct rlnc_rows *r)
{
	uint8_t pick[RLNC_K_MAX][RLNC_K_MAX];
	unsigned set, i, m;

	assert(r->k >= 1 && r->k <= r->n && r->n <= RLNC_N_MAX);
	for (set = 0; set < 1u << r->n; set++) {
		if ((unsigned)__builtin_popcount(set) != r->k)
			continue;
		for (i = 0, m = 0; i < r->n; i++)
			if (set >> i & 1)
				memcpy(pick[m++], r->row[i], RLNC_K_MAX);
		if (!rlnc_independent(r->k, pick))
			return false;
	}
	return true;
}

/* SHAKE128(label || H(y) || k || n || systematic || attempt be32), `n` bytes */
static int stream(const struct hash *hy, const uint8_t mode[3],
	uint32_t attempt, uint8_t *ret, size_t n)
{
	const uint8_t be[4] = {(uint8_t)(attempt >> 24),
		(uint8_t)(attempt >> 16), (uint8_t)(attempt >> 8),
		(uint8_t)attempt};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL &&
		EVP_DigestInit_ex(ctx, EVP_shake128(), NULL) == 1 &&
		EVP_DigestUpdate(ctx, label, sizeof(label) - 1) == 1 &&
		EVP_DigestUpdate(ctx, hy->b, HASH_LEN) == 1 &&
		EVP_DigestUpdate(ctx, mode, 3) == 1 &&
		EVP_DigestUpdate(ctx, be, sizeof(be)) == 1 &&
		EVP_DigestFinalXOF(ctx, ret, n) == 1;

	EVP_MD_CTX_free(ctx);
	return good ? 0 : -ENOMEM; /* nothing else can be in the way */
}

static int draw_once(const struct hash *hy, bool systematic, uint32_t attempt,
	struct rlnc_rows *r)
{
	const uint8_t mode[3] = {(uint8_t)r->k, (uint8_t)r->n, systematic};
	uint8_t s[RLNC_N_MAX * RLNC_K_MAX];
	unsigned i, first = systematic ? r->k : 0;
	int rc;

	rc = stream(hy, mode, attempt, s, (size_t)r->k * r->n);
	if (rc != 0)
		return rc;
	memset(r->row, 0, sizeof(r->row));
	for (i = 0; i < first; i++)
		r->row[i][i] = 1;
	for (i = first; i < r->n; i++)
		memcpy(r->row[i], s + (size_t)(i - first) * r->k, r->k);
	return 0;
}

int rlnc_draw(const struct hash *hy, unsigned k, unsigned n, bool systematic,
	struct rlnc_rows *ret, unsigned *ret_attempt)
{
	struct rlnc_rows r = {.k = k, .n = n};
	unsigned attempt;
	int rc;

	if (k < 1 || k > n || n > RLNC_N_MAX ||
		subsets(n, k) > RLNC_SUBSETS_MAX)
		return -EINVAL;
	for (attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
		rc = draw_once(hy, systematic, attempt, &r);
		if (rc != 0)
			return rc;
		if (!rlnc_any_k(&r))
			continue;
		*ret = r;
		if (ret_attempt != NULL)
			*ret_attempt = attempt;
		return 0;
	}
	return -EINVAL;
}

uint64_t rlnc_share_length(uint64_t length, unsigned k, uint32_t cell)
{
	uint64_t stripe = (uint64_t)k * cell, rest = length % stripe;
	uint64_t last = (rest + k - 1) / k;

	return length / stripe * cell + (last + 63) / 64 * 64;
}

/* The library takes char * for what it only reads. */
static char *region(const uint8_t *p)
{
	return (char *)(uintptr_t)p;
}

/* dst = sum of row[j] * in[j] over n bytes at offset. */
static void combine(unsigned k, const uint8_t *row, const uint8_t *const *in,
	size_t offset, uint8_t *dst, int n)
{
	unsigned j;
	int add = 0;

	for (j = 0; j < k; j++) {
		if (row[j] == 0)
			continue;
		galois_w08_region_multiply(
			region(in[j] + offset), row[j], n, (char *)dst, add);
		add = 1;
	}
	if (!add)
		memset(dst, 0, (size_t)n);
}

void rlnc_encode(unsigned k, unsigned n_out,
	const uint8_t (*rows)[RLNC_K_MAX], const uint8_t *const *in,
	uint8_t *const *out, size_t cell)
{
	size_t offset, n;
	unsigned i;

	/* The library exits the process on regions that do not fit. */
	assert(k >= 1 && k <= RLNC_K_MAX && cell % ALIGN == 0);
	for (i = 0; i < k; i++)
		assert((uintptr_t)in[i] % ALIGN == 0);
	for (i = 0; i < n_out; i++)
		assert((uintptr_t)out[i] % ALIGN == 0);
	need_fields();
	for (offset = 0; offset < cell; offset += n) {
		n = cell - offset < BLOCK ? cell - offset : BLOCK;
		for (i = 0; i < n_out; i++)
			combine(k, rows[i], in, offset, out[i] + offset,
				(int)n);
	}
}

int rlnc_invert(unsigned k, const uint8_t (*rows)[RLNC_K_MAX],
	uint8_t (*ret)[RLNC_K_MAX])
{
	int m[RLNC_K_MAX * RLNC_K_MAX], inverse[RLNC_K_MAX * RLNC_K_MAX];
	unsigned i, j;

	if (k < 1 || k > RLNC_K_MAX)
		return -EINVAL;
	need_fields();
	to_ints(k, rows, m);
	if (jerasure_invert_matrix(m, inverse, (int)k, W) != 0)
		return -EINVAL;
	for (i = 0; i < k; i++) {
		memset(ret[i], 0, RLNC_K_MAX);
		for (j = 0; j < k; j++)
			ret[i][j] = (uint8_t)inverse[i * k + j];
	}
	return 0;
}
