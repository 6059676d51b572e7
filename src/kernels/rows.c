/* Kernels that need a whole row at once. A row is walked LANES numbers at a
** time and its end is padded, so that the same vector code serves it, and
** sums are taken lane by lane whatever the instruction set. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#include "base/vmath.h"

enum { LANES = 32 };

INLINE float larger(float a, float b) {
  bool wins = (b > a) | (b != b); /* NaN does */
  return wins ? b : a;
}

/* tail[0..LANES) = what is left of a row beyond `body`, padded with -inf */
INLINE void copy_tail(float *tail, const float *x, int64_t body, int64_t n) {
  for (int j = 0; j < LANES; j++) tail[j] = -INFINITY;
  for (int64_t i = body; i < n; i++) tail[i - body] = x[i];
}

INLINE float row_max(const float *x, const float *tail, int64_t body) {
  float lane[LANES];
  for (int j = 0; j < LANES; j++) lane[j] = tail[j];
  for (int64_t i = 0; i < body; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] = larger(lane[j], x[i + j]);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] = larger(lane[j], lane[j + half]);
  return lane[0];
}

INLINE float lane_sum(float *lane) {
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) lane[j] += lane[j + half];
  return lane[0];
}

/* y = exp(x - max) / sum exp(x - max) */
INLINE void softmax_row(const float *restrict x, float *restrict y,
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
INLINE void log_softmax_row(const float *restrict x, float *restrict y,
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

KERNEL void softmax_rows(const float *x, float *y, int64_t n, int64_t r0,
                         int64_t r1) {
  for (int64_t r = r0; r < r1; r++) softmax_row(x + r * n, y + r * n, n);
}

KERNEL void log_softmax_rows(const float *x, float *y, int64_t n, int64_t r0,
                             int64_t r1) {
  for (int64_t r = r0; r < r1; r++) log_softmax_row(x + r * n, y + r * n, n);
}
