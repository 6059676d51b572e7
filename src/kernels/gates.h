/* The functions of gates, of whole vectors. Where a loop over numbers brings them
** within bounds, the compiler makes branches of it, and masks of these, which cost
** a quarter of a sigmoid; vectors have instructions for that. Errors and special
** cases are as at the head of vmath.h. */
#ifndef KERNELS_GATES_H
#define KERNELS_GATES_H

#include "base/vmath.h"
#include "kernels/vector.h"

/* See power_of_two. */
INLINE Vector powers_of_two(Vector t) {
  return (Vector)(((BitVector)t << 23) + (127u << 23));
}

/* 1 / (1 + e^-x). At the ends the power is no more than 2^127, and 0. */
INLINE Vector sigmoids(Vector x) {
  Vector c = SMALLER(SPLAT(88.0f), LARGER(SPLAT(-88.0f), x));
  Vector t = c * -LOG2_E + ROUNDER;
  Vector n = t - ROUNDER;
  Vector r = -c - n * LN2_HIGH;
  r = r - n * LN2_LOW;
  Vector p = EXP_TAIL(r) * r + 1.0f;
  p = p * r + 1.0f;
  return 1.0f / (1.0f + p * powers_of_two(t));
}

/* With u = e^-2|x| - 1 it is -u / (2 + u); beyond 10 that is 1. */
INLINE Vector tanhs(Vector x) {
  Vector a = (Vector)((BitVector)x & ~SIGN_BIT);
  a = SMALLER(SPLAT(10.0f), a);
  Vector t = a * (-2.0f * LOG2_E) + ROUNDER;
  Vector n = t - ROUNDER;
  Vector r = -2.0f * a - n * LN2_HIGH;
  r = r - n * LN2_LOW;
  Vector q = r + r * r * EXP_TAIL(r);
  Vector s = powers_of_two(t);
  Vector u = s * q + (s - 1.0f), y = u / (2.0f + u);
  return (Vector)(((BitVector)y & ~SIGN_BIT) | ((BitVector)x & SIGN_BIT));
}

#endif
