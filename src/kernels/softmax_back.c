/* The adjoints of softmax, of its logarithm and of the losses of classes. Rows
** are short or long as on the way there (softmax.c). */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include "kernels/lanes.h"

/* dx = y (g - sum g y), or of the logarithm: dx = g - exp(y) sum g */
INLINE void short_back(bool logarithm, const float *y, const float *g,
                       float *dx, int64_t n, int64_t rows) {
  Turned t, u;
  float sum[LANES] = {0};
  turn(&t, y, n, rows);
  turn(&u, g, n, rows);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      sum[r] += logarithm ? u.column[i][r] : u.column[i][r] * t.column[i][r];
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t.column[i][r] =
          logarithm ? u.column[i][r] - vexp(t.column[i][r]) * sum[r]
                    : t.column[i][r] * (u.column[i][r] - sum[r]);
  turn_back(&t, dx, n, rows);
}

INLINE void long_back(bool logarithm, const float *restrict y,
                      const float *restrict g, float *restrict dx, int64_t n) {
  float sum = row_total(logarithm ? NUMBERS : PRODUCTS, g, y, 0.0f, n);
  for (int64_t i = 0; i < n; i++)
    dx[i] = logarithm ? g[i] - vexp(y[i]) * sum : y[i] * (g[i] - sum);
}

INLINE void any_back(bool logarithm, const float *y, const float *g, float *dx,
                     int64_t n, int64_t r0, int64_t r1) {
  int64_t step = n <= SHORT ? LANES : 1;
  for (int64_t r = r0; r < r1; r += step)
    if (n <= SHORT)
      short_back(logarithm, y + r * n, g + r * n, dx + r * n, n,
                 r1 - r < LANES ? r1 - r : LANES);
    else
      long_back(logarithm, y + r * n, g + r * n, dx + r * n, n);
}

KERNEL(void, softmax_rows_back, (const float *y, const float *g, float *dx,
                                 int64_t n, int64_t r0, int64_t r1)) {
  any_back(false, y, g, dx, n, r0, r1);
}

KERNEL(void, log_softmax_rows_back, (const float *y, const float *g, float *dx,
                                     int64_t n, int64_t r0, int64_t r1)) {
  any_back(true, y, g, dx, n, r0, r1);
}

/* ---- losses of classes -------------------------------------------------- */

INLINE void short_shares(const float *x, const float *max, const float *rest,
                         const float *g, float *dx, int64_t n, int64_t rows) {
  Turned t;
  float m[LANES], l[LANES], d[LANES];
  turn(&t, x, n, rows);
  pad_lanes(m, max, rows, 0.0f);
  pad_lanes(l, rest, rows, 0.0f);
  pad_lanes(d, g, rows, 0.0f);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++)
      t.column[i][r] = d[r] * vexp_unit((t.column[i][r] - m[r]) - l[r]);
  turn_back(&t, dx, n, rows);
}

KERNEL(void, class_losses_back, (const float *x, const int32_t *ids,
                                 const float *max, const float *rest,
                                 const float *g, float *dx, int64_t n,
                                 int64_t r0, int64_t r1)) {
  int64_t step = n <= SHORT ? LANES : 1;
  for (int64_t r = r0; r < r1; r += step) {
    const float *restrict a = x + r * n;
    float *restrict b = dx + r * n, m = max[r], l = rest[r], d = g[r];
    if (n <= SHORT)
      short_shares(a, max + r, rest + r, g + r, b, n,
                   r1 - r < LANES ? r1 - r : LANES);
    else
      for (int64_t i = 0; i < n; i++) b[i] = d * vexp_unit((a[i] - m) - l);
  }
  for (int64_t r = r0; r < r1; r++)
    if (ids[r] >= 0 && ids[r] < n) dx[r * n + ids[r]] -= g[r];
}
