/* Softmax over rows, each of which is needed whole. Short rows are turned, so
** that the lanes of a vector are neighbouring rows; a longer one is walked
** LANES numbers at a time and its end is padded. Either way all of a row's
** arithmetic is in lanes, in an order that depends on its length alone. */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include <math.h>

#include "base/vmath.h"

enum {
  LANES = 32,
  SHORT = 32 /* longest row that is turned */
};

INLINE float larger(float a, float b) {
  bool wins = (b > a) | (b != b); /* NaN does */
  return wins ? b : a;
}

/* ---- short rows -------------------------------------------------------- */

/* Up to LANES rows of n <= SHORT numbers: column[i][r] is number i of row r.
** Vector without a row repeat the last one. */
typedef struct Turned {
  float column[SHORT][LANES];
  float max[LANES], sum[LANES];
} Turned;

/* Numbers less their row's largest, and the sum of their exponentials, which
** replace the numbers on request. */
INLINE void turn_rows(Turned *t, const float *restrict x, int64_t n,
                      int64_t rows, bool keep_exponentials) {
  for (int r = 0; r < LANES; r++) {
    const float *row = x + (r < rows ? r : rows - 1) * n;
    for (int64_t i = 0; i < n; i++) t->column[i][r] = row[i];
    t->max[r] = -INFINITY;
    t->sum[r] = 0.0f;
  }
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t->max[r] = larger(t->max[r], t->column[i][r]);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) {
      float d = t->column[i][r] - t->max[r], e = vexp(d);
      t->sum[r] += e;
      t->column[i][r] = keep_exponentials ? e : d;
    }
}

INLINE void turn_back(const Turned *t, float *restrict y, int64_t n,
                      int64_t rows) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t i = 0; i < n; i++) y[r * n + i] = t->column[i][r];
}

INLINE void short_softmax(const float *x, float *y, int64_t n, int64_t rows) {
  Turned t;
  turn_rows(&t, x, n, rows, true);
  for (int r = 0; r < LANES; r++) t.sum[r] = 1.0f / t.sum[r];
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) t.column[i][r] *= t.sum[r];
  turn_back(&t, y, n, rows);
}

INLINE void short_log_softmax(const float *x, float *y, int64_t n,
                              int64_t rows) {
  Turned t;
  turn_rows(&t, x, n, rows, false);
  for (int r = 0; r < LANES; r++) t.sum[r] = vlog(t.sum[r]);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) t.column[i][r] -= t.sum[r];
  turn_back(&t, y, n, rows);
}

/* ---- long rows --------------------------------------------------------- */

/* tail[0..LANES) = what is left of a row beyond `body`, padded with -inf */
INLINE void copy_tail(float *tail, const float *x, int64_t body, int64_t n) {
  for (int j = 0; j < LANES; j++) tail[j] = -INFINITY;
  for (int64_t i = body; i < n; i++) tail[i - body] = x[i];
}

INLINE void max_half(float *lane, int half) {
  for (int j = 0; j < half; j++) lane[j] = larger(lane[j], lane[j + half]);
}

INLINE void sum_half(float *lane, int half) {
  for (int j = 0; j < half; j++) lane[j] += lane[j + half];
}

INLINE float lane_sum(float *lane) {
  sum_half(lane, 16);
  sum_half(lane, 8);
  sum_half(lane, 4);
  sum_half(lane, 2);
  return lane[0] + lane[1];
}

INLINE float row_max(const float *x, const float *tail, int64_t body) {
  float lane[LANES];
  for (int j = 0; j < LANES; j++) lane[j] = tail[j];
  for (int64_t i = 0; i < body; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] = larger(lane[j], x[i + j]);
  max_half(lane, 16);
  max_half(lane, 8);
  max_half(lane, 4);
  max_half(lane, 2);
  return larger(lane[0], lane[1]);
}

/* y = exp(x - max) / sum exp(x - max) */
INLINE void long_softmax(const float *restrict x, float *restrict y,
                         int64_t n) {
  float tail[LANES], lane[LANES];
  int64_t body = n / LANES * LANES;
  copy_tail(tail, x, body, n);
  float max = row_max(x, tail, body);
  for (int j = 0; j < LANES; j++) lane[j] = tail[j] = vexp(tail[j] - max);
  for (int64_t i = 0; i < body; i += LANES)
    for (int j = 0; j < LANES; j++) {
      float e = vexp(x[i + j] - max);
      y[i + j] = e;
      lane[j] += e;
    }
  float share = 1.0f / lane_sum(lane);
  for (int64_t i = 0; i < body; i++) y[i] *= share;
  for (int64_t i = body; i < n; i++) y[i] = tail[i - body] * share;
}

/* y = (x - max) - log sum exp(x - max) */
INLINE void long_log_softmax(const float *restrict x, float *restrict y,
                             int64_t n) {
  float tail[LANES], lane[LANES];
  int64_t body = n / LANES * LANES;
  copy_tail(tail, x, body, n);
  float max = row_max(x, tail, body);
  for (int j = 0; j < LANES; j++) lane[j] = vexp(tail[j] - max);
  for (int64_t i = 0; i < body; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] += vexp(x[i + j] - max);
  float rest = vlog(lane_sum(lane));
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - max) - rest;
}

/* ---- the kernels ------------------------------------------------------- */

KERNEL(void, softmax_rows, (const float *x, float *y, int64_t n, int64_t r0,
                            int64_t r1)) {
  if (n <= SHORT)
    for (int64_t r = r0; r < r1; r += LANES)
      short_softmax(x + r * n, y + r * n, n, r1 - r < LANES ? r1 - r : LANES);
  else
    for (int64_t r = r0; r < r1; r++) long_softmax(x + r * n, y + r * n, n);
}

KERNEL(void, log_softmax_rows, (const float *x, float *y, int64_t n, int64_t r0,
                                int64_t r1)) {
  if (n <= SHORT)
    for (int64_t r = r0; r < r1; r += LANES)
      short_log_softmax(x + r * n, y + r * n, n,
                        r1 - r < LANES ? r1 - r : LANES);
  else
    for (int64_t r = r0; r < r1; r++)
      long_log_softmax(x + r * n, y + r * n, n);
}
