/* How a row of numbers is summed up where all of it is in L1: number i goes to
** lane i % LANES, and the lanes are folded by halves. So the order depends on
** the length of the row alone, and on no instruction set. */
#ifndef KERNELS_LANES_H
#define KERNELS_LANES_H

#include "base/vmath.h"

enum { LANES = 32 };

/* Vectors of gcc and clang; the narrow ones are there because folding loops
** over arrays become branches, one number at a time. */
typedef float Sixteen __attribute__((vector_size(64), aligned(4), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));
typedef int32_t FourInts __attribute__((vector_size(16)));

#ifdef __clang__
#define FOUR_TURNED(a, i, j, k, l) __builtin_shufflevector(a, a, i, j, k, l)
#else
#define FOUR_TURNED(a, i, j, k, l) \
  __builtin_shuffle(a, (FourInts){i, j, k, l})
#endif

/* macros, since results of that width would depend on the set */
#define SIXTEEN(x) (*(const Sixteen *)(const void *)(x))
#define FOUR(x) (*(const Four *)(const void *)(x))

/* NaN wins. */
INLINE float larger(float a, float b) {
  bool wins = (b > a) | (b != b);
  return wins ? b : a;
}

INLINE Four larger_four(Four a, Four b) {
  FourInts wins = (FourInts)(b > a) | (FourInts)(b != b);
  return (Four)(((FourInts)b & wins) | ((FourInts)a & ~wins));
}

INLINE float fold_sum(const float *lane) {
  Four a = FOUR(lane) + FOUR(lane + 16);
  Four b = FOUR(lane + 4) + FOUR(lane + 20);
  Four c = FOUR(lane + 8) + FOUR(lane + 24);
  Four d = FOUR(lane + 12) + FOUR(lane + 28);
  a = (a + c) + (b + d);
  a = a + FOUR_TURNED(a, 2, 3, 0, 1);
  return a[0] + a[1];
}

INLINE float fold_max(const float *lane) {
  Four a = FOUR(lane);
  for (int j = 4; j < LANES; j += 4) a = larger_four(a, FOUR(lane + j));
  a = larger_four(a, FOUR_TURNED(a, 2, 3, 0, 1));
  a = larger_four(a, FOUR_TURNED(a, 1, 0, 3, 2));
  return a[0];
}

/* Two vectors of lanes, to which a row is added LANES numbers at a time. */
typedef struct Lanes {
  Sixteen a, b;
} Lanes;

INLINE void lanes_clear(Lanes *t) {
  t->a = t->b = (Sixteen){0};
}

INLINE void lanes_add(Lanes *t, const float *x) {
  t->a += SIXTEEN(x);
  t->b += SIXTEEN(x + 16);
}

/* Products are fused into the sum by all sets with multiply-add. */
INLINE void lanes_add_product(Lanes *t, const float *x, const float *y) {
  t->a += SIXTEEN(x) * SIXTEEN(y);
  t->b += SIXTEEN(x + 16) * SIXTEEN(y + 16);
}

/* The sum of the lanes, and of what was left of the row, by lane. */
INLINE float lanes_sum(const Lanes *t, const float *rest, int64_t n) {
  float lane[LANES];
  memcpy(lane, t, sizeof lane);
  for (int64_t i = 0; i < n; i++) lane[i] += rest[i];
  return fold_sum(lane);
}

#endif
