/* Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers, as easy
** as 1, 2, 3; 2011). Counter (block low, block high, stream, step) and key
** seed give the four elements of a block. A range is walked in pieces of
** whole blocks: first their bits, then what is made of them; of a piece that
** the range cuts, the part that is asked for is copied. */
#include "base/each_isa.h"
#include "base/random.h"

#include <math.h>

#include "base/vmath.h"

enum {
  LANES = ISA_LANES == 16 ? 8 : 4, /* blocks of a vector */
  SIDE = 3,            /* independent vectors, to hide their latency */
  STEP = LANES * SIDE, /* blocks are made so many at a time */
  BLOCKS = 96,         /* in a piece */
  PIECE = 4 * BLOCKS
};

#define MULTIPLIER_0 0xD2511F53u
#define MULTIPLIER_1 0xCD9E8D57u
#define WEYL_0 0x9E3779B9u
#define WEYL_1 0xBB67AE85u

/* ---- bits -------------------------------------------------------------- */

/* philox makes at least `blocks` blocks, whole steps of them. */
#if defined(__AVX2__)
#include <immintrin.h>

/* A vector of 64-bit lanes, and what is done with it. INTERLEAVE: the blocks
** one after the other, of their first and second halves. */
#if ISA_LANES == 16
typedef __m512i Words;
#define ALL(x) _mm512_set1_epi64((int64_t)(x))
#define COUNTING _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0)
#define PRODUCT(a, b) _mm512_mul_epu32(a, b)
#define INTERLEAVE(out, a, b)                                             \
  Words even = _mm512_unpacklo_epi64(a, b);                               \
  Words odd = _mm512_unpackhi_epi64(a, b);                                \
  _mm512_storeu_si512(out, _mm512_permutex2var_epi64(                     \
      even, _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), odd));            \
  _mm512_storeu_si512((out) + 1, _mm512_permutex2var_epi64(               \
      even, _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4), odd));
#else
typedef __m256i Words;
#define ALL(x) _mm256_set1_epi64x((int64_t)(x))
#define COUNTING _mm256_set_epi64x(3, 2, 1, 0)
#define PRODUCT(a, b) _mm256_mul_epu32(a, b)
#define INTERLEAVE(out, a, b)                                             \
  Words even = _mm256_unpacklo_epi64(a, b);                               \
  Words odd = _mm256_unpackhi_epi64(a, b);                                \
  _mm256_storeu_si256(out, _mm256_permute2x128_si256(even, odd, 0x20));   \
  _mm256_storeu_si256((out) + 1, _mm256_permute2x128_si256(even, odd, 0x31));
#endif
typedef uint64_t Lanes __attribute__((vector_size(8 * LANES)));
#define UPPER(x) ((Words)((Lanes)(x) >> 32))
#define BOTH(a, b) ((Words)(((Lanes)(a) & 0xffffffff) | (Lanes)(b) << 32))

/* Compilers do not see that the 64-bit product of two 32-bit words is one
** instruction, so here it is by hand, more than twice as fast: a 64-bit lane a
** block, whose upper half may hold rubbish since the product ignores it. */
static void philox(uint32_t *y, uint64_t first, int blocks, RandomKey key) {
  const Words m0 = ALL(MULTIPLIER_0), m1 = ALL(MULTIPLIER_1);
  for (int b = 0; b < blocks; b += STEP) {
    Words w0[SIDE], w1[SIDE], w2[SIDE], w3[SIDE];
    for (int s = 0; s < SIDE; s++) {
      w0[s] = ALL(first + (uint64_t)(b + LANES * s)) + COUNTING;
      w1[s] = UPPER(w0[s]);
      w2[s] = ALL(key.stream);
      w3[s] = ALL(key.step);
    }
    uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
    for (int round = 0; round < 10; round++) {
      const Words v0 = ALL(k0), v1 = ALL(k1);
      for (int s = 0; s < SIDE; s++) {
        Words p0 = PRODUCT(m0, w0[s]), p1 = PRODUCT(m1, w2[s]);
        w0[s] = UPPER(p1) ^ w1[s] ^ v0;
        w2[s] = UPPER(p0) ^ w3[s] ^ v1;
        w1[s] = p1;
        w3[s] = p0;
      }
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    for (int s = 0; s < SIDE; s++) {
      Words *out = (Words *)(void *)(y + 4 * (b + LANES * s));
      INTERLEAVE(out, BOTH(w0[s], w1[s]), BOTH(w2[s], w3[s]))
    }
  }
}
#else
static void philox(uint32_t *y, uint64_t first, int blocks, RandomKey key) {
  for (int b = 0; b < blocks; b++) {
    uint64_t block = first + (uint64_t)b;
    uint32_t w0 = (uint32_t)block, w1 = (uint32_t)(block >> 32);
    uint32_t w2 = key.stream, w3 = key.step;
    uint32_t k0 = (uint32_t)key.seed, k1 = (uint32_t)(key.seed >> 32);
    for (int round = 0; round < 10; round++) {
      uint64_t p0 = (uint64_t)MULTIPLIER_0 * w0;
      uint64_t p1 = (uint64_t)MULTIPLIER_1 * w2;
      w0 = (uint32_t)(p1 >> 32) ^ w1 ^ k0;
      w1 = (uint32_t)p1;
      w2 = (uint32_t)(p0 >> 32) ^ w3 ^ k1;
      w3 = (uint32_t)p0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    y[4 * b] = w0;
    y[4 * b + 1] = w1;
    y[4 * b + 2] = w2;
    y[4 * b + 3] = w3;
  }
}
#endif

/* ---- what is made of them: n elements, a multiple of UNIT -------------- */

enum { UNIT = 32 };

typedef void (*Make)(void *y, const uint32_t *bits, int n);

static void uniform_piece(float *restrict y,
                                 const uint32_t *restrict bits, int n) {
  for (int i = 0; i < n; i++)
    y[i] = (float)(int32_t)(bits[i] >> 8) * 0x1p-24f;
}

static void make_uniform(void *y, const uint32_t *bits, int n) {
  uniform_piece(y, bits, n);
}

/* Box-Muller on two words: a radius sqrt(-2 log u), u in (0, 1], and an angle
** whose two highest bits choose the quadrant. */
static void normal_piece(float *restrict y,
                                const uint32_t *restrict bits, int n) {
  for (int i = 0; i < n; i += 2) {
    uint32_t a = bits[i], b = bits[i + 1];
    float u = (float)(int32_t)(a >> 1) * 0x1p-31f + 0x1p-32f;
    float radius = vsqrt(-2.0f * vlog(u));
    float turn = (float)((int32_t)(b << 2) >> 2) * 0x1p-30f; /* +-1/2 */
    float s = sin_near(turn * HALF_PI), c = cos_near(turn * HALF_PI);
    bool across = ((b >> 30) & 1) != 0;
    float p = across ? s : c, q = across ? -c : s;
    uint32_t flip = b & SIGN_BIT;
    y[i] = radius * bits_float(float_bits(p) ^ flip);
    y[i + 1] = radius * bits_float(float_bits(q) ^ flip);
  }
}

static void make_normal(void *y, const uint32_t *bits, int n) {
  normal_piece(y, bits, n);
}

/* ---- ranges ------------------------------------------------------------ */

static void walk(void *y, int64_t first, int64_t n, RandomKey key, Make make) {
  uint32_t bits[PIECE];
  float cut[PIECE];
  char *out = y;
  while (n > 0) {
    int skip = (int)(first % 4);
    int take = PIECE - skip < n ? PIECE - skip : (int)n;
    int wanted = (skip + take + UNIT - 1) / UNIT * UNIT;
    philox(bits, (uint64_t)first / 4, wanted / 4, key);
    if (take == PIECE) {
      make(out, bits, PIECE);
    } else {
      make(cut, bits, wanted);
      memcpy(out, cut + skip, (size_t)take * sizeof *cut);
    }
    out += (size_t)take * sizeof *cut;
    first += take;
    n -= take;
  }
}

KERNEL(void, random_uniform, (float *y, int64_t first, int64_t n,
                              RandomKey key)) {
  walk(y, first, n, key, make_uniform);
}

KERNEL(void, random_normal, (float *y, int64_t first, int64_t n,
                             RandomKey key)) {
  walk(y, first, n, key, make_normal);
}
