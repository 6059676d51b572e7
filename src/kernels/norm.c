/* Normalised rows: less their mean, times the reciprocal of their deviation,
** then a scale and a shift for each column; and the way back. A row is read
** from memory once and lies in L1 from then on. And the moments of columns, by
** which batches and groups are normalised. */
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

/* What a row gives to the sums, by lanes: of u and of u z, where z is the
** normalised x and u = g gamma. */
typedef struct Back {
  float u[LANES], uz[LANES];
} Back;

INLINE void back_lanes(Back *b, const float *restrict x,
                       const float *restrict gamma, const float *restrict g,
                       float *restrict dgamma, float *restrict dbeta, float m,
                       float s) {
  for (int j = 0; j < LANES; j++) {
    float z = (x[j] - m) * s, u = g[j] * gamma[j];
    b->u[j] += u;
    b->uz[j] += u * z;
    dgamma[j] += g[j] * z;
    dbeta[j] += g[j];
  }
}

/* The same for n < LANES numbers. */
INLINE void back_rest(Back *b, const float *x, const float *gamma,
                      const float *g, float *restrict dgamma,
                      float *restrict dbeta, float m, float s, int64_t n) {
  float px[LANES], pgamma[LANES], pg[LANES], dg[LANES], db[LANES];
  pad_lanes(px, x, n, m);
  pad_lanes(pgamma, gamma, n, 0.0f);
  pad_lanes(pg, g, n, 0.0f);
  pad_lanes(dg, dgamma, n, 0.0f);
  pad_lanes(db, dbeta, n, 0.0f);
  back_lanes(b, px, pgamma, pg, dg, db, m, s);
  for (int64_t i = 0; i < n; i++) dgamma[i] = dg[i];
  for (int64_t i = 0; i < n; i++) dbeta[i] = db[i];
}

INLINE void long_back(const Norm *p, const float *x, const float *gamma,
                      const float *g, float *restrict dx, float *dgamma,
                      float *dbeta, float m, float s) {
  int64_t n = p->n, body = n / LANES * LANES;
  Back b = {{0}, {0}};
  for (int64_t i = 0; i < body; i += LANES)
    back_lanes(&b, x + i, gamma + i, g + i, dgamma + i, dbeta + i, m, s);
  if (body < n)
    back_rest(&b, x + body, gamma + body, g + body, dgamma + body,
              dbeta + body, m, s, n - body);
  float u = p->centre ? fold_sum(b.u) / n : 0.0f, uz = fold_sum(b.uz) / n;
  for (int64_t i = 0; i < n; i++)
    dx[i] = s * ((g[i] * gamma[i] - u) - (x[i] - m) * s * uz);
}

/* Row by lane: what is no row has a cotangent of 0. */
INLINE void short_back(const Norm *p, const float *x, const float *gamma,
                       const float *mean, const float *scale, const float *g,
                       float *dx, float *dgamma, float *dbeta, int64_t rows) {
  Turned t, h;
  float m[LANES], s[LANES], u[LANES] = {0}, uz[LANES] = {0}, part[LANES];
  int n = (int)p->n;
  turn(&t, x, n, rows);
  turn(&h, g, n, rows);
  pad_lanes(m, mean, rows, 0.0f);
  pad_lanes(s, scale, rows, 0.0f);
  for (int i = 0; i < n; i++) {
    for (int r = (int)rows; r < LANES; r++) h.column[i][r] = 0.0f;
    for (int r = 0; r < LANES; r++) {
      float z = (t.column[i][r] - m[r]) * s[r], d = h.column[i][r];
      t.column[i][r] = z;
      u[r] += d * gamma[i];
      uz[r] += d * gamma[i] * z;
      part[r] = d * z;
    }
    dgamma[i] += fold_sum(part);
    dbeta[i] += fold_sum(h.column[i]);
  }
  for (int r = 0; r < LANES; r++) {
    u[r] = p->centre ? u[r] / n : 0.0f;
    uz[r] /= n;
  }
  for (int i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t.column[i][r] = s[r] * ((h.column[i][r] * gamma[i] - u[r]) -
                               t.column[i][r] * uz[r]);
  turn_back(&t, dx, n, rows);
}

KERNEL(void, normalize_rows_back,
       (const Norm *p, const float *x, const float *gamma, const float *mean,
        const float *scale, const float *g, float *dx, float *dgamma,
        float *dbeta, int64_t r0, int64_t r1)) {
  int64_t n = p->n, step = n <= SHORT ? LANES : 1;
  for (int64_t i = 0; i < n; i++) dgamma[i] = dbeta[i] = 0.0f;
  for (int64_t r = r0; r < r1; r += step)
    if (n <= SHORT)
      short_back(p, x + r * n, gamma, mean + r, scale + r, g + r * n,
                 dx + r * n, dgamma, dbeta, r1 - r < LANES ? r1 - r : LANES);
    else
      long_back(p, x + r * n, gamma, g + r * n, dx + r * n, dgamma, dbeta,
                mean[r], scale[r]);
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
