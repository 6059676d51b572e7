/* How a row of numbers is summed up where all of it is in L1: number i goes to
** lane i % LANES, and the lanes are folded by halves; short rows are turned, so
** that the lanes are neighbouring rows. So the order depends on the length of
** the row alone, and on no instruction set. */
#ifndef KERNELS_LANES_H
#define KERNELS_LANES_H

#include "base/vmath.h"
#include "kernels/fold.h"

enum { LANES = 32 };

/* What of a row is summed up. */
typedef enum Term {
  NUMBERS,  /* x */
  SQUARES,  /* (x - m)^2 */
  PRODUCTS  /* x y */
} Term;

enum { ROW_BLOCK = 64 * LANES }; /* numbers that go into lanes of their own:
                                    it keeps errors of long sums small */

/* n numbers, a multiple of LANES, added to `lane` */
INLINE void add_block(Term t, float *lane, const float *x, const float *y,
                      float m, int64_t n) {
  Sixteen a = SIXTEEN(lane), b = SIXTEEN(lane + 16);
  for (int64_t i = 0; i < n; i += LANES) {
    Sixteen p = SIXTEEN(x + i), q = SIXTEEN(x + i + 16);
    if (t == SQUARES) {
      p = p - m, q = q - m;
      a += p * p, b += q * q;
    } else if (t == PRODUCTS) {
      a += p * SIXTEEN(y + i), b += q * SIXTEEN(y + i + 16);
    } else {
      a += p, b += q;
    }
  }
  SIXTEEN_TO(lane, a);
  SIXTEEN_TO(lane + 16, b);
}

/* The n < LANES numbers at the end of a row, with others behind them that add
** nothing. A loop over them alone would be compiled in another way for each
** set, with and without fused multiplications. */
INLINE void pad_lanes(float *restrict to, const float *restrict x, int64_t n,
                      float other) {
  for (int j = 0; j < LANES; j++) to[j] = other;
  for (int64_t i = 0; i < n; i++) to[i] = x[i];
}

/* The sum of a row's terms. */
INLINE float row_total(Term t, const float *x, const float *y, float m,
                       int64_t n) {
  float lane[LANES] = {0}, rest[LANES], rest_y[LANES];
  int64_t body = n / LANES * LANES;
  if (body < n) {
    pad_lanes(rest, x + body, n - body, t == SQUARES ? m : 0.0f);
    if (t == PRODUCTS) pad_lanes(rest_y, y + body, n - body, 0.0f);
    add_block(t, lane, rest, rest_y, m, LANES);
  }
  for (int64_t i = 0; i < body; i += ROW_BLOCK) {
    float block[LANES] = {0};
    const float *by = t == PRODUCTS ? y + i : NULL;
    add_block(t, block, x + i, by, m, body - i < ROW_BLOCK ? body - i
                                                            : ROW_BLOCK);
    for (int j = 0; j < LANES; j++) lane[j] += block[j];
  }
  return fold_sum(lane);
}

/* ---- short rows ---------------------------------------------------------- */

enum { SHORT = LANES /* the longest row that is turned */ };

/* Up to LANES rows of n <= SHORT numbers: column[i][r] is number i of row r.
** Lanes without a row repeat the last one. */
typedef struct Turned {
  float column[SHORT][LANES];
} Turned;

INLINE void turn(Turned *t, const float *restrict x, int64_t n, int64_t rows) {
  for (int r = 0; r < LANES; r++) {
    const float *row = x + (r < rows ? r : rows - 1) * n;
    for (int64_t i = 0; i < n; i++) t->column[i][r] = row[i];
  }
}

INLINE void turn_back(const Turned *t, float *restrict y, int64_t n,
                      int64_t rows) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < n; i++) y[r * n + i] = t->column[i][r];
}

#endif
