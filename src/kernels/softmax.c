/* Softmax over rows, each of which is needed whole. Short rows are turned, so
** that the lanes of a vector are neighbouring rows; a longer one is walked
** LANES numbers at a time. Either way all of a row's arithmetic is in an order
** that depends on its length alone. */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include "kernels/lanes.h"

/* ---- short rows -------------------------------------------------------- */

/* Numbers less their row's largest, and the sum of their exponentials, which
** replace the numbers on request. */
INLINE void turn_rows(Turned *t, float *sum, const float *restrict x,
                      int64_t n, int64_t rows, bool keep_exponentials) {
  float max[LANES];
  turn(t, x, n, rows);
  for (int r = 0; r < LANES; r++) {
    max[r] = -INFINITY;
    sum[r] = 0.0f;
  }
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) max[r] = larger(max[r], t->column[i][r]);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) {
      float d = t->column[i][r] - max[r], e = vexp_unit(d);
      sum[r] += e;
      t->column[i][r] = keep_exponentials ? e : d;
    }
}

INLINE void short_softmax(const float *x, float *y, int64_t n, int64_t rows) {
  Turned t;
  float sum[LANES];
  turn_rows(&t, sum, x, n, rows, true);
  for (int r = 0; r < LANES; r++) sum[r] = 1.0f / sum[r];
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) t.column[i][r] *= sum[r];
  turn_back(&t, y, n, rows);
}

INLINE void short_log_softmax(const float *x, float *y, int64_t n,
                              int64_t rows) {
  Turned t;
  float sum[LANES];
  turn_rows(&t, sum, x, n, rows, false);
  for (int r = 0; r < LANES; r++) sum[r] = vlog(sum[r]);
  for (int64_t i = 0; i < n; i++)
    for (int r = 0; r < LANES; r++) t.column[i][r] -= sum[r];
  turn_back(&t, y, n, rows);
}

/* ---- long rows --------------------------------------------------------- */

/* The largest of n > LANES numbers; the last LANES may be looked at twice. */
INLINE float row_max(const float *x, int64_t n) {
  float lane[LANES];
  for (int j = 0; j < LANES; j++) lane[j] = x[n - LANES + j];
  for (int64_t i = 0; i + LANES <= n; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] = larger(lane[j], x[i + j]);
  return fold_max(lane);
}

/* e = exp(x - max), and the sum of them */
INLINE float row_exponentials(const float *restrict x, float *restrict e,
                              int64_t n, float max) {
  for (int64_t i = 0; i < n; i++) e[i] = vexp_unit(x[i] - max);
  return row_total(NUMBERS, e, NULL, 0.0f, n);
}

/* y = exp(x - max) / sum exp(x - max) */
INLINE void long_softmax(const float *restrict x, float *restrict y,
                         int64_t n) {
  float share = 1.0f / row_exponentials(x, y, n, row_max(x, n));
  for (int64_t i = 0; i < n; i++) y[i] *= share;
}

/* y = (x - max) - log sum exp(x - max) */
INLINE void long_log_softmax(const float *restrict x, float *restrict y,
                             int64_t n) {
  float max = row_max(x, n);
  float rest = vlog(row_exponentials(x, y, n, max));
  for (int64_t i = 0; i < n; i++) y[i] = (x[i] - max) - rest;
}

/* ---- losses of classes --------------------------------------------------- */

/* Of each row its largest and the logarithm of the sum of exponentials of
** numbers less that; of up to LANES short rows. */
INLINE void short_levels(const float *x, float *max, float *rest, int64_t n,
                         int64_t rows) {
  Turned t;
  float sum[LANES];
  turn_rows(&t, sum, x, n, rows, false);
  for (int r = 0; r < LANES; r++) sum[r] = vlog(sum[r]);
  for (int64_t r = 0; r < rows; r++) {
    max[r] = x[r * n] - t.column[0][r];
    rest[r] = sum[r];
  }
}

/* The exponentials need no place in memory: so many of them are there at a
** time. */
INLINE void long_level(const float *x, float *max, float *rest, int64_t n) {
  enum { PART = 16 * LANES };
  float lane[LANES] = {0}, e[PART];
  float m = row_max(x, n);
  for (int64_t i = 0; i < n; i += PART) {
    int64_t k = n - i < PART ? n - i : PART, whole = (k + LANES - 1) / LANES;
    for (int64_t j = 0; j < k; j++) e[j] = vexp_unit(x[i + j] - m);
    for (int64_t j = k; j < whole * LANES; j++) e[j] = 0.0f;
    add_block(NUMBERS, lane, e, NULL, 0.0f, whole * LANES);
  }
  *max = m;
  *rest = vlog(fold_sum(lane));
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

KERNEL(int64_t, class_losses, (const float *x, const int32_t *ids, float *loss,
                               float *max, float *rest, int64_t n, int64_t r0,
                               int64_t r1)) {
  int64_t bad = -1, step = n <= SHORT ? LANES : 1;
  for (int64_t r = r0; n > 0 && r < r1; r += step)
    if (n <= SHORT)
      short_levels(x + r * n, max + r, rest + r, n,
                   r1 - r < LANES ? r1 - r : LANES);
    else
      long_level(x + r * n, max + r, rest + r, n);
  for (int64_t r = r0; r < r1; r++) {
    bool there = ids[r] >= 0 && ids[r] < n;
    loss[r] = there ? rest[r] - (x[r * n + ids[r]] - max[r]) : 0.0f;
    if (!there && bad < 0) bad = r;
  }
  return bad;
}
