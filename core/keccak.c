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

/* What a lane is at: the whole blocks of a message, then its padded end. */
struct lane {
	const struct keccak_job *job; /* NULL: idle */
	size_t left;		/* blocks until it needs another stretch */
	size_t step;		/* bytes from block to block; idle: 0 */
	uint8_t end_blocks;	/* of `end`, if those are still to come */
	uint8_t end[2 * KECCAK_RATE];
};

struct lanes {
	struct lane *lane;
	const uint8_t **q;	/* the next block of each */
	unsigned n;
	const struct keccak_job *next, *last; /* messages to come */
	uint32_t ending;	/* bit i: lane i is done after this run */
};

static const uint8_t idle[KECCAK_RATE];

/* The end of a message: what no whole block holds, the tag, SHA3's suffix and
 * padding (FIPS 202 B.2).  A tag at a block's last byte leaves the padding a
 * block of its own. */
static void lane_end(struct lane *l, const struct keccak_job *j)
{
	size_t tail = j->len % KECCAK_RATE, n = tail + (j->tag >= 0);

	size_t size = n < KECCAK_RATE ? KECCAK_RATE : 2 * KECCAK_RATE;

	l->end_blocks = (uint8_t)(size / KECCAK_RATE);
	if (tail > 0)
		memcpy(l->end, j->p + (j->len - tail), tail);
	if (j->tag >= 0)
		l->end[tail] = (uint8_t)j->tag;
	memset(l->end + n, 0, size - n);
	l->end[n] ^= 0x06;
	l->end[size - 1] ^= 0x80;
}

static void lane_begin(struct lanes *s, unsigned i)
{
	struct lane *l = &s->lane[i];

	if (s->next == s->last) {
		*l = (struct lane){.left = SIZE_MAX};
		s->q[i] = idle;
		return;
	}
	l->job = s->next++;
	l->step = KECCAK_RATE;
	l->left = l->job->len / KECCAK_RATE;
	s->q[i] = l->job->p;
	lane_end(l, l->job);
}

/* Lanes that ended get a message; returns how many blocks can be absorbed
 * until a lane needs something else, 0 when all is done. */
static size_t lanes_next(struct lanes *s, uint32_t ended)
{
	size_t run = SIZE_MAX;
	unsigned i;

	s->ending = 0;
	for (i = 0; i < s->n; i++) {
		struct lane *l = &s->lane[i];

		if (ended >> i & 1)
			lane_begin(s, i);
		else
			s->q[i] += l->step;
		if (l->left == 0) {
			l->left = l->end_blocks;
			l->end_blocks = 0;
			s->q[i] = l->end;
		}
		if (l->left < run)
			run = l->left;
	}
	if (run == SIZE_MAX)
		return 0;
	for (i = 0; i < s->n; i++) {
		struct lane *l = &s->lane[i];

		if (l->job == NULL)
			continue;
		l->left -= run;
		if (l->left == 0 && l->end_blocks == 0)
			s->ending |= 1U << i;
	}
	return run;
}

/* The digests of the lanes that ended; w is four rows, a word of each lane. */
static void lanes_take(const struct lanes *s, const void *w, uint32_t ended)
{
	const uint64_t *word = w;
	unsigned i, j;

	for (i = 0; i < s->n; i++)
		for (j = 0; (ended >> i & 1) != 0 && j < 4; j++)
			memcpy(s->lane[i].job->out->b + 8 * j,
				&word[j * s->n + i], 8);
}

#if defined(__x86_64__)
#include <immintrin.h>

static inline int64_t word_at(const uint8_t *p, size_t word)
{
	int64_t v;

	memcpy(&v, p + 8 * word, 8); /* lanes are little-endian, as x86 is */
	return v;
}

#define ROL(v, n)                                                              \
	_mm256_or_si256(_mm256_slli_epi64(v, n), _mm256_srli_epi64(v, 64 - (n)))
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR3(a, b, c) XOR(XOR(a, b), c)
#define CHI(a, b, c) XOR(a, _mm256_andnot_si256(b, c))
#define SET1(c) _mm256_set1_epi64x((long long)(c))
#define ZERO(A, l, i) A##l = _mm256_setzero_si256()
#define STORE(p, v) _mm256_store_si256((__m256i *)(void *)(p), v)
#define CLEAR(A, l, i) A##l = _mm256_and_si256(A##l, keep)
#define KEEP(p) _mm256_load_si256((const __m256i *)(const void *)(p))
#define LOAD(q, word)                                                          \
	_mm256_loadu_si256((const __m256i *)(const void *)((q) + 8 * (word)))
#define PAIR(a, b, half) _mm256_permute2x128_si256(a, b, half)
/* Four words of four lanes: rows are lanes before, words after. */
#define ABSORB4(A, q, l0, l1, l2, l3, word)                                    \
	do {                                                                   \
		V x0 = LOAD(q[0], word), x1 = LOAD(q[1], word);                \
		V x2 = LOAD(q[2], word), x3 = LOAD(q[3], word);                \
		V y0 = _mm256_unpacklo_epi64(x0, x1);                          \
		V y1 = _mm256_unpackhi_epi64(x0, x1);                          \
		V y2 = _mm256_unpacklo_epi64(x2, x3);                          \
		V y3 = _mm256_unpackhi_epi64(x2, x3);                          \
		A##l0 = XOR(A##l0, PAIR(y0, y2, 0x20));                        \
		A##l1 = XOR(A##l1, PAIR(y1, y3, 0x20));                        \
		A##l2 = XOR(A##l2, PAIR(y0, y2, 0x31));                        \
		A##l3 = XOR(A##l3, PAIR(y1, y3, 0x31));                        \
	} while (0)
#define ABSORB(A, q)                                                           \
	do {                                                                   \
		ABSORB4(A, q, 00, 01, 02, 03, 0);                              \
		ABSORB4(A, q, 04, 05, 06, 07, 4);                              \
		ABSORB4(A, q, 08, 09, 10, 11, 8);                              \
		ABSORB4(A, q, 12, 13, 14, 15, 12);                             \
		A##16 = XOR(A##16,                                             \
			_mm256_set_epi64x(word_at(q[3], 16), word_at(q[2], 16),\
				word_at(q[1], 16), word_at(q[0], 16)));        \
	} while (0)
#define NAME run_avx2
#define ISA "avx2"
#define LANES 4
#define TYPE __m256i
#include "core/keccak_run.inc"
#undef ROL
#undef XOR
#undef XOR3
#undef CHI
#undef SET1
#undef ZERO
#undef STORE
#undef CLEAR
#undef KEEP
#undef LOAD
#undef PAIR
#undef ABSORB

#define ROL(v, n) _mm512_rol_epi64(v, n)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define CHI(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0xd2)
#define SET1(c) _mm512_set1_epi64((long long)(c))
#define ZERO(A, l, i) A##l = _mm512_setzero_si512()
#define STORE(p, v) _mm512_store_si512(p, v)
#define CLEAR(A, l, i) A##l = _mm512_and_si512(A##l, keep)
#define KEEP(p) _mm512_load_si512(p)
#define LOAD(q, word) _mm512_loadu_si512((q) + 8 * (word))
#define PAIR(a, b, half) _mm512_shuffle_i64x2(a, b, half)
/* Eight words of eight lanes: rows are lanes before, words after. */
#define ABSORB8(A, q, l0, l1, l2, l3, l4, l5, l6, l7, word)                    \
	do {                                                                   \
		V x0 = LOAD(q[0], word), x1 = LOAD(q[1], word);                \
		V x2 = LOAD(q[2], word), x3 = LOAD(q[3], word);                \
		V x4 = LOAD(q[4], word), x5 = LOAD(q[5], word);                \
		V x6 = LOAD(q[6], word), x7 = LOAD(q[7], word);                \
		V y0 = _mm512_unpacklo_epi64(x0, x1);                          \
		V y1 = _mm512_unpackhi_epi64(x0, x1);                          \
		V y2 = _mm512_unpacklo_epi64(x2, x3);                          \
		V y3 = _mm512_unpackhi_epi64(x2, x3);                          \
		V y4 = _mm512_unpacklo_epi64(x4, x5);                          \
		V y5 = _mm512_unpackhi_epi64(x4, x5);                          \
		V y6 = _mm512_unpacklo_epi64(x6, x7);                          \
		V y7 = _mm512_unpackhi_epi64(x6, x7);                          \
		V z0 = PAIR(y0, y2, 0x88), z1 = PAIR(y1, y3, 0x88);            \
		V z2 = PAIR(y0, y2, 0xdd), z3 = PAIR(y1, y3, 0xdd);            \
		V z4 = PAIR(y4, y6, 0x88), z5 = PAIR(y5, y7, 0x88);            \
		V z6 = PAIR(y4, y6, 0xdd), z7 = PAIR(y5, y7, 0xdd);            \
		A##l0 = XOR(A##l0, PAIR(z0, z4, 0x88));                        \
		A##l1 = XOR(A##l1, PAIR(z1, z5, 0x88));                        \
		A##l2 = XOR(A##l2, PAIR(z2, z6, 0x88));                        \
		A##l3 = XOR(A##l3, PAIR(z3, z7, 0x88));                        \
		A##l4 = XOR(A##l4, PAIR(z0, z4, 0xdd));                        \
		A##l5 = XOR(A##l5, PAIR(z1, z5, 0xdd));                        \
		A##l6 = XOR(A##l6, PAIR(z2, z6, 0xdd));                        \
		A##l7 = XOR(A##l7, PAIR(z3, z7, 0xdd));                        \
	} while (0)
#define ABSORB(A, q)                                                           \
	do {                                                                   \
		ABSORB8(A, q, 00, 01, 02, 03, 04, 05, 06, 07, 0);              \
		ABSORB8(A, q, 08, 09, 10, 11, 12, 13, 14, 15, 8);              \
		A##16 = XOR(A##16,                                             \
			_mm512_set_epi64(word_at(q[7], 16), word_at(q[6], 16), \
				word_at(q[5], 16), word_at(q[4], 16),          \
				word_at(q[3], 16), word_at(q[2], 16),          \
				word_at(q[1], 16), word_at(q[0], 16)));        \
	} while (0)
#define NAME run_avx512
#define ISA "avx512f"
#define LANES 8
#define TYPE __m512i
#include "core/keccak_run.inc"

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
	enum { JOBS = 2 * KECCAK_LANES_MAX + 1 }; /* lanes take a second one */
	uint8_t data[4096 + JOBS], want[HASH_LEN];
	struct keccak_job jobs[JOBS];
	struct hash got[JOBS];
	size_t i, first;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 167 + i / 251);
	for (first = 0; first < N; first++) {
		for (i = 0; i < JOBS; i++)
			jobs[i] = (struct keccak_job){data + i,
				lengths[(first + i * 5) % N], -1, &got[i]};
		k->run(jobs, JOBS);
		for (i = 0; i < JOBS; i++)
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

void keccak_choose(const struct keccak_kernel *k)
{
	pthread_once(&once, choose);
	best = k;
}
