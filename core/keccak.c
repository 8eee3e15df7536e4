#include "core/keccak.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/keccak_round.h"

/* iota (FIPS 202 3.2.5) */
static const uint64_t round_constant[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a,
	0x8000000080008000, 0x000000000000808b, 0x0000000080000001,
	0x8000000080008081, 0x8000000000008009, 0x000000000000008a,
	0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
	0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
	0x000000000000800a, 0x800000008000000a, 0x8000000080008081,
	0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Where a lane stands in its message. */
struct lane {
	const uint8_t *p;
	size_t blocks;		/* whole ones */
	uint8_t last[KECCAK_RATE]; /* the padded end */
};

static const uint8_t idle[KECCAK_RATE];

static size_t lanes_begin(
	struct lane *lane, unsigned lanes, const struct keccak_job *jobs, size_t n)
{
	size_t i, tail, most = 0;

	for (i = 0; i < lanes; i++) {
		if (i >= n) {
			lane[i].p = NULL;
			continue;
		}
		lane[i].p = jobs[i].p;
		lane[i].blocks = jobs[i].len / KECCAK_RATE;
		tail = jobs[i].len % KECCAK_RATE;
		memset(lane[i].last, 0, KECCAK_RATE);
		if (tail > 0)
			memcpy(lane[i].last, jobs[i].p + jobs[i].len - tail, tail);
		if (jobs[i].tag >= 0 && tail == KECCAK_RATE - 1) {
			/* the tag fills this block; one more for the padding:
			 * the caller keeps such lengths away */
			abort();
		}
		if (jobs[i].tag >= 0)
			lane[i].last[tail++] = (uint8_t)jobs[i].tag;
		lane[i].last[tail] ^= 0x06; /* SHA3's suffix and padding */
		lane[i].last[KECCAK_RATE - 1] ^= 0x80;
		if (lane[i].blocks + 1 > most)
			most = lane[i].blocks + 1;
	}
	return most;
}

/* The block that lane i absorbs at step s, and whether it is its last. */
static const uint8_t *lane_block(const struct lane *l, size_t s, bool *ret_last)
{
	*ret_last = l->p != NULL && s == l->blocks;
	if (*ret_last)
		return l->last;
	return l->p != NULL && s < l->blocks ? l->p + s * KECCAK_RATE : idle;
}

/* A lane that ended goes on over zeros; its digest was taken before. */
#define RUN(name, lanes, gather, isa)                                          \
	__attribute__((target(isa))) static void name(                         \
		const struct keccak_job *jobs, size_t n)                       \
	{                                                                      \
		struct lane lane[lanes];                                       \
		const uint8_t *q[lanes];                                       \
		uint64_t w[4][lanes] __attribute__((aligned(64)));             \
		size_t step, i, most = lanes_begin(lane, lanes, jobs, n);      \
		bool last[lanes];                                              \
		unsigned r, ending;                                            \
		KECCAK_STATE(A);                                               \
		KECCAK_STATE(E);                                               \
                                                                               \
		KECCAK_EACH25(ZERO, A);                                        \
		for (step = 0; step < most; step++) {                          \
			for (i = ending = 0; i < lanes; i++) {                 \
				q[i] = lane_block(&lane[i], step, &last[i]);   \
				ending |= last[i];                             \
			}                                                      \
			KECCAK_EACH17(gather, A);                              \
			for (r = 0; r < 24; r += 2) {                          \
				KECCAK_ROUND(A, E, round_constant[r]);         \
				KECCAK_ROUND(E, A, round_constant[r + 1]);     \
			}                                                      \
			if (!ending)                                           \
				continue;                                      \
			STORE(w[0], A00);                                      \
			STORE(w[1], A01);                                      \
			STORE(w[2], A02);                                      \
			STORE(w[3], A03);                                      \
			for (i = 0; i < lanes; i++)                            \
				if (last[i])                                   \
					take(w, lanes, i, jobs[i].out);        \
		}                                                              \
	}

static void take(const void *w, unsigned lanes, size_t i, struct hash *ret)
{
	const uint64_t *word = w;
	unsigned j;

	for (j = 0; j < 4; j++)
		memcpy(ret->b + 8 * j, &word[j * lanes + i], 8);
}

#if defined(__x86_64__)
#include <immintrin.h>

static inline int64_t word_at(const uint8_t *p, size_t word)
{
	int64_t v;

	memcpy(&v, p + 8 * word, 8); /* lanes are little-endian, as x86 is */
	return v;
}

#define V __m256i
#define ROL(v, n)                                                              \
	_mm256_or_si256(_mm256_slli_epi64(v, n), _mm256_srli_epi64(v, 64 - (n)))
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR3(a, b, c) XOR(XOR(a, b), c)
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define SET1(c) _mm256_set1_epi64x((long long)(c))
#define ZERO(A, l, i) A##l = _mm256_setzero_si256()
#define STORE(p, v) _mm256_store_si256((__m256i *)(void *)(p), v)
#define GATHER4(A, l, i)                                                       \
	A##l = XOR(A##l, _mm256_set_epi64x(word_at(q[3], i), word_at(q[2], i), \
				 word_at(q[1], i), word_at(q[0], i)))
RUN(run_avx2, 4, GATHER4, "avx2")
#undef V
#undef ROL
#undef XOR
#undef XOR3
#undef CHI
#undef SET1
#undef ZERO
#undef STORE

#define V __m512i
#define ROL(v, n) _mm512_rol_epi64(v, n)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHI(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xd2)
#define SET1(c) _mm512_set1_epi64((long long)(c))
#define ZERO(A, l, i) A##l = _mm512_setzero_si512()
#define STORE(p, v) _mm512_store_si512(p, v)
#define GATHER8(A, l, i)                                                       \
	A##l = XOR(A##l, _mm512_set_epi64(word_at(q[7], i), word_at(q[6], i),  \
				 word_at(q[5], i), word_at(q[4], i),           \
				 word_at(q[3], i), word_at(q[2], i),           \
				 word_at(q[1], i), word_at(q[0], i)))
RUN(run_avx512, 8, GATHER8, "avx512f")

static const struct keccak_kernel kernels[] = {
	{"avx512", 8, run_avx512},
	{"avx2", 4, run_avx2},
};

static bool available(const struct keccak_kernel *k)
{
	return k->lanes == 8 ? __builtin_cpu_supports("avx512f")
			     : __builtin_cpu_supports("avx2");
}
#define KERNELS (sizeof(kernels) / sizeof(kernels[0]))
#else
static const struct keccak_kernel kernels[1];
#define KERNELS 0
static bool available(const struct keccak_kernel *k)
{
	(void)k;
	return false;
}
#endif

const struct keccak_kernel *keccak_kernel(unsigned i)
{
	unsigned j;

	for (j = 0; j < KERNELS; j++)
		if (available(&kernels[j]) && i-- == 0)
			return &kernels[j];
	return NULL;
}

bool keccak_selftest(const struct keccak_kernel *k)
{
	static const size_t lengths[] = {0, 1, 31, 64, 134, 136, 137, 271, 272,
		273, 408, 4096};
	enum { N = sizeof(lengths) / sizeof(lengths[0]) };
	uint8_t data[4096 + KECCAK_LANES_MAX], want[HASH_LEN];
	struct keccak_job jobs[KECCAK_LANES_MAX];
	struct hash got[KECCAK_LANES_MAX];
	size_t i, first;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + i / 251);
	for (first = 0; first < N; first++) {
		for (i = 0; i < k->lanes; i++)
			jobs[i] = (struct keccak_job){data + i,
				lengths[(first + i * 5) % N], -1, &got[i]};
		k->run(jobs, k->lanes);
		for (i = 0; i < k->lanes; i++)
			if (EVP_Digest(jobs[i].p, jobs[i].len, want, NULL,
				    EVP_sha3_256(), NULL) != 1 ||
				memcmp(want, got[i].b, HASH_LEN) != 0)
				return false;
	}
	return true;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct keccak_kernel *best;

static void choose(void)
{
	const struct keccak_kernel *k;
	unsigned i;

	for (i = 0; best == NULL && (k = keccak_kernel(i)) != NULL; i++)
		if (keccak_selftest(k))
			best = k;
}

const struct keccak_kernel *keccak_best(void)
{
	pthread_once(&once, choose);
	return best;
}
