/* Normalised rows: less their mean, times the reciprocal of their deviation,
** then a scale and a shift for each column. A row is read from memory once and
** lies in L1 from then on. And the moments of columns, by which batches and
** groups are normalised. */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include "kernels/lanes.h"

/* Of one row: its mean and the reciprocal of its deviation. */
INLINE void long_row(const Norm *p, const float *restrict x,
                     const float *restrict gamma, const float *restrict beta,
                     float *restrict y, float *mean, float *scale) {
  int64_t n = p->n;
  float m = p->centre ? row_total(NUMBERS, x, NULL, 0.0f, n) / n : 0.0f;
  float v = row_total(SQUARES, x, NULL, m, n) / n;
  float s = 1.0f / vsqrt(v + p->epsilon);
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - m) * s * gamma[i] + beta[i];
  *mean = m;
  *scale = s;
}

INLINE void short_rows(const Norm *p, const float *x, const float *gamma,
                       const float *beta, float *y, float *mean, float *scale,
                       int64_t rows) {
  Turned t;
  float m[LANES] = {0}, s[LANES] = {0};
  int n = (int)p->n;
  turn(&t, x, n, rows);
  for (int i = 0; p->centre && i < n; i++)
    for (int r = 0; r < LANES; r++) m[r] += t.column[i][r];
  for (int r = 0; r < LANES; r++) m[r] /= n;
  for (int i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) {
      float d = t.column[i][r] - m[r];
      t.column[i][r] = d;
      s[r] += d * d;
    }
  for (int r = 0; r < LANES; r++) s[r] = 1.0f / vsqrt(s[r] / n + p->epsilon);
  for (int i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t.column[i][r] = t.column[i][r] * s[r] * gamma[i] + beta[i];
  turn_back(&t, y, n, rows);
  for (int r = 0; r < rows; r++) mean[r] = m[r], scale[r] = s[r];
}

KERNEL(void, normalize_rows, (const Norm *p, const float *x,
                              const float *gamma, const float *beta, float *y,
                              float *mean, float *scale, int64_t r0,
                              int64_t r1)) {
  int64_t n = p->n, step = n <= SHORT ? LANES : 1;
  for (int64_t r = r0; r < r1; r += step)
    if (n <= SHORT)
      short_rows(p, x + r * n, gamma, beta, y + r * n, mean + r, scale + r,
                 r1 - r < LANES ? r1 - r : LANES);
    else
      long_row(p, x + r * n, gamma, beta, y + r * n, mean + r, scale + r);
}

/* ---- moments of columns -------------------------------------------------- */

enum { STRIP = 256, MOMENT_ROWS = 32 };

/* Mean and sum of squared distances of so many rows. */
INLINE void block_moments(const float *restrict x, int64_t rows, int64_t stride,
                          int width, float *restrict mean,
                          float *restrict squares) {
  for (int j = 0; j < width; j++) mean[j] = squares[j] = 0.0f;
  for (int64_t i = 0; i < rows; i++)
    for (int j = 0; j < width; j++) mean[j] += x[i * stride + j];
  for (int j = 0; j < width; j++) mean[j] /= rows;
  for (int64_t i = 0; i < rows; i++)
    for (int j = 0; j < width; j++) {
      float d = x[i * stride + j] - mean[j];
      squares[j] += d * d;
    }
}

/* Blocks of rows are joined one by one, each looked at twice while it is in L1:
** x is read from memory once, and nothing is lost where numbers are far from
** 0. Of a and b rows, mean and squares of both together. */
INLINE void strip_moments(const float *x, int64_t rows, int64_t stride,
                          int width, float *restrict mean,
                          float *restrict squares) {
  float m[STRIP], q[STRIP];
  int64_t a = rows < MOMENT_ROWS ? rows : MOMENT_ROWS;
  block_moments(x, a, stride, width, mean, squares);
  while (a < rows) {
    int64_t b = rows - a < MOMENT_ROWS ? rows - a : MOMENT_ROWS;
    block_moments(x + a * stride, b, stride, width, m, q);
    float share = (float)b / (float)(a + b);
    float weight = (float)a * share;
    for (int j = 0; j < width; j++) {
      float d = m[j] - mean[j];
      mean[j] += d * share;
      squares[j] += q[j] + d * d * weight;
    }
    a += b;
  }
}

KERNEL(void, column_moments, (const float *x, float *mean, float *variance,
                              int64_t n, int64_t inner, int64_t o0, int64_t o1,
                              int64_t i0, int64_t i1)) {
  for (int64_t o = o0; o < o1; o++)
    for (int64_t i = i0; i < i1; i += STRIP) {
      int width = (int)(i1 - i < STRIP ? i1 - i : STRIP);
      float *v = variance + o * inner + i;
      strip_moments(x + o * n * inner + i, n, inner, width,
                    mean + o * inner + i, v);
      for (int j = 0; j < width; j++) v[j] /= n;
    }
}
