/* Lanes become one number: the end of each sum and maximum along a row. */
#ifndef KERNELS_FOLD_H
#define KERNELS_FOLD_H

#include "base/base.h"

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
#define SIXTEEN_TO(x, v) (*(Sixteen *)(void *)(x) = (v))
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

/* 32 lanes by halves: 16 and 16, 8 and 8, ... */
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
  for (int j = 4; j < 32; j += 4) a = larger_four(a, FOUR(lane + j));
  a = larger_four(a, FOUR_TURNED(a, 2, 3, 0, 1));
  a = larger_four(a, FOUR_TURNED(a, 1, 0, 3, 2));
  return a[0];
}

#endif
