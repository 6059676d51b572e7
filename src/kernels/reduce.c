/* Reductions of x (outer, n, inner) along n. Neighbouring rows are taken
** together as a wide row of at least LANES numbers, so that the loops always
** run along memory and vectorise; with inner = 1 a wide row is LANES
** neighbours. Wide rows are joined one by one into a block, blocks into a
** second level, which keeps the rounding errors of long sums small; last the
** wide row is folded. All of this depends on n and inner alone. */
#include "base/each_isa.h"
#include "kernels/fold.h"
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum {
  LANES = 64,  /* least width of a wide row */
  BLOCK = 64,  /* wide rows that are joined before the second level */
  STRIP = 512, /* columns that are worked on at a time */
  SHORT = 16,  /* rows below this length are reduced number by number */
  ARG_LANES = 16
};

/* Which part of y (outer, inner), and the sizes of x. */
typedef struct Part {
  int64_t n, inner, o0, o1, i0, i1;
} Part;

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- the operations ---------------------------------------------------- */

INLINE float identity_f32(Reduction r) {
  switch (r) {
    case REDUCE_SUM: return 0.0f;
    case REDUCE_MAX: return -INFINITY;
    case REDUCE_MIN: return INFINITY;
    default: return 1.0f;
  }
}

INLINE float join_f32(Reduction r, float a, float b) {
  bool wins = b != b; /* NaN does */
  switch (r) {
    case REDUCE_SUM: return a + b;
    case REDUCE_MAX: wins |= b > a; return wins ? b : a;
    case REDUCE_MIN: wins |= b < a; return wins ? b : a;
    default: return a * b;
  }
}

INLINE int32_t identity_i32(Reduction r) {
  switch (r) {
    case REDUCE_SUM: return 0;
    case REDUCE_MAX: return INT32_MIN;
    case REDUCE_MIN: return INT32_MAX;
    default: return 1;
  }
}

/* Sums and products wrap around. */
INLINE int32_t join_i32(Reduction r, int32_t a, int32_t b) {
  switch (r) {
    case REDUCE_SUM: return (int32_t)((uint32_t)a + (uint32_t)b);
    case REDUCE_MAX: return b > a ? b : a;
    case REDUCE_MIN: return b < a ? b : a;
    default: return (int32_t)((uint32_t)a * (uint32_t)b);
  }
}

/* ---- float32 ----------------------------------------------------------- */

/* total[0..width) = the join of `rows` rows that stand `stride` apart. Where
** the width is LANES, four turns are all of the widest vectors, and a block
** stays in registers. */
INLINE void join_rows(Reduction r, const float *restrict x,
                      float *restrict total, int64_t rows, int64_t stride,
                      int width) {
  float block[STRIP];
  for (int j = 0; j < width; j++) total[j] = identity_f32(r);
  while (rows > 0) {
    int m = (int)least(rows, BLOCK), i = 0;
    UNROLL(4)
    for (int j = 0; j < width; j++) block[j] = identity_f32(r);
    for (; i + 4 <= m; i += 4) {
      const float *a = x + i * stride, *b = a + stride, *c = b + stride,
                  *d = c + stride;
      UNROLL(4)
      for (int j = 0; j < width; j++) {
        float s = join_f32(r, join_f32(r, block[j], a[j]), b[j]);
        block[j] = join_f32(r, join_f32(r, s, c[j]), d[j]);
      }
    }
    for (; i < m; i++)
      UNROLL(4)
      for (int j = 0; j < width; j++)
        block[j] = join_f32(r, block[j], x[i * stride + j]);
    UNROLL(4)
    for (int j = 0; j < width; j++)
      total[j] = join_f32(r, total[j], block[j]);
    x += m * stride;
    rows -= m;
  }
}

/* Joins the `count` groups of `inner` numbers in a wide row by halves. */
INLINE void fold_groups(Reduction r, float *wide, int count, int inner) {
  while (count > 1) {
    int half = (count + 1) / 2;
    for (int j = 0; j < (count - half) * inner; j++)
      wide[j] = join_f32(r, wide[j], wide[j + half * inner]);
    count = half;
  }
}

INLINE void fold_half(Reduction r, float *wide, int half) {
  UNROLL(4)
  for (int j = 0; j < half; j++) wide[j] = join_f32(r, wide[j], wide[j + half]);
}

/* The same for LANES numbers, each step a loop of known length. */
INLINE float fold_lanes(Reduction r, float *wide) {
  fold_half(r, wide, 32);
  if (r == REDUCE_SUM) return fold_sum(wide);
  if (r == REDUCE_MAX) return fold_max(wide);
  fold_half(r, wide, 16);
  fold_half(r, wide, 8);
  fold_half(r, wide, 4);
  fold_half(r, wide, 2);
  return join_f32(r, wide[0], wide[1]);
}

INLINE float reduce_short(Reduction r, const float *x, int64_t n) {
  float y = identity_f32(r);
  UNROLL(SHORT)
  for (int64_t i = 0; i < n; i++) y = join_f32(r, y, x[i]);
  return y;
}

/* n >= SHORT numbers side by side */
INLINE float reduce_run(Reduction r, const float *x, int64_t n) {
  float wide[LANES];
  int64_t rows = n / LANES;
  join_rows(r, x, wide, rows, LANES, LANES);
  for (int64_t j = 0; j < n - rows * LANES; j++)
    wide[j] = join_f32(r, wide[j], x[rows * LANES + j]);
  return fold_lanes(r, wide);
}

/* inner below LANES: a wide row is `group` rows */
INLINE void reduce_narrow(Reduction r, const float *x, float *y, Part p) {
  float wide[2 * LANES];
  int inner = (int)p.inner, group = (LANES + inner - 1) / inner;
  int width = group * inner;
  int64_t rows = p.n / group, rest = p.n % group * inner;
  join_rows(r, x, wide, rows, width, width);
  for (int64_t j = 0; j < rest; j++)
    wide[j] = join_f32(r, wide[j], x[rows * width + j]);
  fold_groups(r, wide, group, inner);
  for (int64_t i = p.i0; i < p.i1; i++) y[i] = wide[i];
}

INLINE void reduce_wide(Reduction r, const float *x, float *y, Part p) {
  for (int64_t i = p.i0; i < p.i1; i += STRIP)
    join_rows(r, x + i, y + i, p.n, p.inner, (int)least(STRIP, p.i1 - i));
}

/* Rows of numbers side by side, short ones by a loop that asks nothing else. */
INLINE void reduce_lines(Reduction r, const float *x, float *y, Part p) {
  if (p.n < SHORT)
    for (int64_t o = p.o0; o < p.o1; o++)
      y[o] = reduce_short(r, x + o * p.n, p.n);
  else
    for (int64_t o = p.o0; o < p.o1; o++)
      y[o] = reduce_run(r, x + o * p.n, p.n);
}

INLINE void reduce_any(Reduction r, const float *x, float *y, Part p) {
  if (p.inner == 1 && p.i0 < p.i1) {
    reduce_lines(r, x, y, p);
    return;
  }
  for (int64_t o = p.o0; o < p.o1; o++) {
    const float *a = x + o * p.n * p.inner;
    float *b = y + o * p.inner;
    if (p.inner < LANES && p.i0 < p.i1)
      reduce_narrow(r, a, b, p);
    else
      reduce_wide(r, a, b, p);
  }
}

static void sum_f32(const float *x, float *y, Part p) {
  reduce_any(REDUCE_SUM, x, y, p);
}

static void max_f32(const float *x, float *y, Part p) {
  reduce_any(REDUCE_MAX, x, y, p);
}

static void min_f32(const float *x, float *y, Part p) {
  reduce_any(REDUCE_MIN, x, y, p);
}

static void prod_f32(const float *x, float *y, Part p) {
  reduce_any(REDUCE_PROD, x, y, p);
}

KERNEL(void, reduce_f32, (Reduction r, const float *x, float *y, int64_t n,
                          int64_t inner, int64_t o0, int64_t o1, int64_t i0,
                          int64_t i1)) {
  Part p = {n, inner, o0, o1, i0, i1};
  switch (r) {
    case REDUCE_SUM: sum_f32(x, y, p); break;
    case REDUCE_MAX: max_f32(x, y, p); break;
    case REDUCE_MIN: min_f32(x, y, p); break;
    case REDUCE_PROD: prod_f32(x, y, p); break;
  }
}

/* ---- int32: any order gives the same ------------------------------------ */

INLINE void reduce_ints(Reduction r, const int32_t *restrict x,
                        int32_t *restrict y, Part p) {
  for (int64_t o = p.o0; o < p.o1; o++) {
    const int32_t *a = x + o * p.n * p.inner;
    int32_t *b = y + o * p.inner;
    if (p.inner == 1 && p.i0 < p.i1) {
      int32_t s = identity_i32(r);
      for (int64_t k = 0; k < p.n; k++) s = join_i32(r, s, a[k]);
      *b = s;
      continue;
    }
    for (int64_t i = p.i0; i < p.i1; i += STRIP) {
      int width = (int)least(STRIP, p.i1 - i);
      for (int j = 0; j < width; j++) b[i + j] = identity_i32(r);
      for (int64_t k = 0; k < p.n; k++)
        for (int j = 0; j < width; j++)
          b[i + j] = join_i32(r, b[i + j], a[k * p.inner + i + j]);
    }
  }
}

static void sum_i32(const int32_t *x, int32_t *y, Part p) {
  reduce_ints(REDUCE_SUM, x, y, p);
}

static void max_i32(const int32_t *x, int32_t *y, Part p) {
  reduce_ints(REDUCE_MAX, x, y, p);
}

static void min_i32(const int32_t *x, int32_t *y, Part p) {
  reduce_ints(REDUCE_MIN, x, y, p);
}

static void prod_i32(const int32_t *x, int32_t *y, Part p) {
  reduce_ints(REDUCE_PROD, x, y, p);
}

KERNEL(void, reduce_i32, (Reduction r, const int32_t *x, int32_t *y, int64_t n,
                          int64_t inner, int64_t o0, int64_t o1, int64_t i0,
                          int64_t i1)) {
  Part p = {n, inner, o0, o1, i0, i1};
  switch (r) {
    case REDUCE_SUM: sum_i32(x, y, p); break;
    case REDUCE_MAX: max_i32(x, y, p); break;
    case REDUCE_MIN: min_i32(x, y, p); break;
    case REDUCE_PROD: prod_i32(x, y, p); break;
  }
}

/* ---- positions --------------------------------------------------------- */

/* Does b displace a that stands before it? The first NaN wins. */
INLINE bool displaces(bool smallest, float a, float b) {
  bool better = smallest ? b < a : b > a;
  return better | ((b != b) & (a == a));
}

/* Of each column: the best of `rows` >= 1 rows, and its row. */
INLINE void arg_rows(bool smallest, const float *restrict x,
                     float *restrict best, int32_t *restrict where,
                     int64_t rows, int64_t stride, int width) {
  for (int j = 0; j < width; j++) {
    best[j] = x[j];
    where[j] = 0;
  }
  for (int64_t k = 1; k < rows; k++)
    for (int j = 0; j < width; j++) {
      float b = x[k * stride + j];
      bool take = displaces(smallest, best[j], b);
      best[j] = take ? b : best[j];
      where[j] = take ? (int32_t)k : where[j];
    }
}

INLINE int32_t arg_run(bool smallest, const float *x, int64_t n) {
  float best[ARG_LANES], top = n > 0 ? x[0] : 0.0f;
  int32_t where[ARG_LANES], at = 0;
  int64_t rows = n / ARG_LANES, done = 1;
  if (rows > 1) {
    arg_rows(smallest, x, best, where, rows, ARG_LANES, ARG_LANES);
    done = rows * ARG_LANES;
    top = best[0];
    at = where[0] * ARG_LANES;
    for (int j = 1; j < ARG_LANES; j++) {
      int32_t k = where[j] * ARG_LANES + j;
      bool same = !displaces(smallest, best[j], top);
      if (displaces(smallest, top, best[j]) || (same && k < at)) {
        top = best[j];
        at = k;
      }
    }
  }
  for (int64_t i = done; i < n; i++)
    if (displaces(smallest, top, x[i])) {
      top = x[i];
      at = (int32_t)i;
    }
  return at;
}

INLINE void arg_any(bool smallest, const float *x, int32_t *y, Part p) {
  float best[STRIP];
  for (int64_t o = p.o0; o < p.o1; o++) {
    const float *a = x + o * p.n * p.inner;
    int32_t *b = y + o * p.inner;
    if (p.inner == 1)
      *b = arg_run(smallest, a, p.n);
    else
      for (int64_t i = 0; i < p.inner; i += STRIP)
        arg_rows(smallest, a + i, best, b + i, p.n, p.inner,
                 (int)least(STRIP, p.inner - i));
  }
}

static void argmax_f32(const float *x, int32_t *y, Part p) {
  arg_any(false, x, y, p);
}

static void argmin_f32(const float *x, int32_t *y, Part p) {
  arg_any(true, x, y, p);
}

KERNEL(void, arg_f32, (bool smallest, const float *x, int32_t *y, int64_t n,
                       int64_t inner, int64_t o0, int64_t o1)) {
  Part p = {n, inner, o0, o1, 0, inner};
  if (smallest)
    argmin_f32(x, y, p);
  else
    argmax_f32(x, y, p);
}

KERNEL(void, arg_i32, (bool smallest, const int32_t *x, int32_t *y, int64_t n,
                       int64_t inner, int64_t o0, int64_t o1)) {
  for (int64_t o = o0; o < o1; o++)
    for (int64_t i = 0; i < inner; i++) {
      const int32_t *a = x + o * n * inner + i;
      int64_t at = 0;
      for (int64_t k = 1; k < n; k++)
        if (smallest ? a[k * inner] < a[at * inner]
                     : a[k * inner] > a[at * inner])
          at = k;
      y[o * inner + i] = (int32_t)at;
    }
}

/* ---- running sums ------------------------------------------------------ */

/* One line of n numbers, `step` apart, by an accumulator. */
static void cumsum_line_f32(const float *x, float *y, int64_t n, int64_t step,
                            bool exclusive) {
  float s = 0.0f;
  if (exclusive)
    for (int64_t k = 0; k < n; k++) {
      float next = s + x[k * step]; /* y may be x */
      y[k * step] = s;
      s = next;
    }
  else
    UNROLL(4)
    for (int64_t k = 0; k < n; k++) y[k * step] = s += x[k * step];
}

static void cumsum_line_i32(const int32_t *x, int32_t *y, int64_t n,
                            int64_t step, bool exclusive) {
  uint32_t s = 0;
  for (int64_t k = 0; k < n; k++) {
    uint32_t before = s;
    s += (uint32_t)x[k * step];
    y[k * step] = (int32_t)(exclusive ? before : s);
  }
}

static void add_rows_f32(float *restrict y, const float *restrict a,
                                const float *restrict b, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = a[i] + b[i];
}

static void add_rows_i32(int32_t *restrict y, const int32_t *restrict a,
                                const int32_t *restrict b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    y[i] = (int32_t)((uint32_t)a[i] + (uint32_t)b[i]);
}

/* Many lines side by side, row by row: an exclusive sum adds the row before. */
static void cumsum_rows_f32(const float *x, float *y, int64_t n, int64_t step,
                            int64_t inner, bool exclusive) {
  if (exclusive)
    memset(y, 0, (size_t)inner * sizeof *y);
  else
    memcpy(y, x, (size_t)inner * sizeof *y);
  for (int64_t k = 1; k < n; k++)
    add_rows_f32(y + k * step, y + (k - 1) * step,
                 x + (exclusive ? k - 1 : k) * step, inner);
}

static void cumsum_rows_i32(const int32_t *x, int32_t *y, int64_t n,
                            int64_t step, int64_t inner, bool exclusive) {
  if (exclusive)
    memset(y, 0, (size_t)inner * sizeof *y);
  else
    memcpy(y, x, (size_t)inner * sizeof *y);
  for (int64_t k = 1; k < n; k++)
    add_rows_i32(y + k * step, y + (k - 1) * step,
                 x + (exclusive ? k - 1 : k) * step, inner);
}

KERNEL(void, cumsum_f32, (const float *x, float *y, int64_t n, int64_t inner,
                          bool reverse, bool exclusive, int64_t o0,
                          int64_t o1)) {
  int64_t first = reverse ? (n - 1) * inner : 0;
  int64_t step = reverse ? -inner : inner;
  if (n == 0) return;
  for (int64_t o = o0; o < o1; o++) {
    int64_t at = o * n * inner + first;
    if (inner == 1)
      cumsum_line_f32(x + at, y + at, n, step, exclusive);
    else
      cumsum_rows_f32(x + at, y + at, n, step, inner, exclusive);
  }
}

KERNEL(void, cumsum_i32, (const int32_t *x, int32_t *y, int64_t n,
                          int64_t inner, bool reverse, bool exclusive,
                          int64_t o0, int64_t o1)) {
  int64_t first = reverse ? (n - 1) * inner : 0;
  int64_t step = reverse ? -inner : inner;
  if (n == 0) return;
  for (int64_t o = o0; o < o1; o++) {
    int64_t at = o * n * inner + first;
    if (inner == 1)
      cumsum_line_i32(x + at, y + at, n, step, exclusive);
    else
      cumsum_rows_i32(x + at, y + at, n, step, inner, exclusive);
  }
}

/* ---- recurrences -------------------------------------------------------- */

/* One row of neighbours after the other; the first has nobody before it. */
KERNEL(void, recurrence_f32, (const float *a, const float *b, float *y,
                              int64_t n, int64_t inner, bool reverse,
                              int64_t o0, int64_t o1)) {
  int64_t step = reverse ? -inner : inner;
  for (int64_t o = o0; o < o1; o++) {
    int64_t at = o * n * inner + (reverse ? (n - 1) * inner : 0);
    for (int64_t k = 0; k < n; k++, at += step)
      for (int64_t i = at; i < at + inner; i++)
        y[i] = k == 0 ? b[i] : a[i] * y[i - step] + b[i];
  }
}

KERNEL(void, recurrence_i32, (const int32_t *a, const int32_t *b, int32_t *y,
                              int64_t n, int64_t inner, bool reverse,
                              int64_t o0, int64_t o1)) {
  int64_t step = reverse ? -inner : inner;
  for (int64_t o = o0; o < o1; o++) {
    int64_t at = o * n * inner + (reverse ? (n - 1) * inner : 0);
    for (int64_t k = 0; k < n; k++, at += step)
      for (int64_t i = at; i < at + inner; i++)
        y[i] = k == 0 ? b[i]
                      : (int32_t)((uint32_t)a[i] * (uint32_t)y[i - step] +
                                  (uint32_t)b[i]);
  }
}
