/* The adjoint of attention. Scores are made again, block by block: of those on
** the way there, only the largest of a row and its sum of exponentials were
** kept. */
#include "base/each_isa.h"
#include "kernels/attention.h"

#include <string.h>

static int64_t key_row(const Attention *a, const Spot *s, int64_t j) {
  return key_row_of(a, s, j, false);
}

typedef struct BackWork {
  float *keys, *values, *key_rows; /* panels: both turned, keys as they are */
  float *q, *weights, *slopes, *part, *panels, *kept;
} BackWork;

static int64_t larger_of(int64_t a, int64_t b) { return a > b ? a : b; }

static BackWork back_work_in(const Attention *a, Room *r) {
  int64_t n = keys_of(a, ROOM / 2), size = larger_of(a->size, a->value_size);
  BackWork w;
  w.keys = take(r, gemm_panels(a->size, n));
  w.values = take(r, gemm_panels(a->value_size, n));
  w.key_rows = take(r, gemm_panels(n, a->size));
  w.q = take(r, ROWS * a->size);
  w.weights = take(r, ROWS * LINE);
  w.slopes = take(r, ROWS * LINE);
  w.part = take(r, larger_of(ROWS, n) * size);
  w.kept = take(r, TOGETHER * LINE);
  w.panels = take(r, gemm_scratch(size, ROWS, false) / (int64_t)sizeof(float));
  return w;
}

/* Of a blind row: scores that were put in the place of others have no slope. */
static void flatten(const Attention *a, const Spot *s, int64_t i, int64_t n,
                    float *d) {
  int64_t behind = a->causal ? i + 1 - s->j0 : n;
  const uint8_t *mask = NULL;
  if (a->mask) mask = a->mask + offset_of(a->mask_stride, s, i);
  for (int64_t j = 0; j < n; j++)
    if (j >= behind || (mask && !mask[j * a->mask_stride[3]])) d[j] = 0.0f;
}

/* weights p and slopes p (g . v - g . y) of row i: x has the scores, d has the
** g . v. Where weights are dropped, the g . v count as much as is kept, and so
** do then the weights. */
static void row_back(const Attention *a, const Spot *s, int64_t i, int64_t n,
                     float *restrict x, float *restrict d, const float *kept) {
  int64_t at = query_row(a, s, i) * a->value_size;
  float all = row_total(PRODUCTS, a->g + at, a->y + at, 0.0f, a->value_size);
  float top = a->top[state_of(a, s, i)], share = a->share[state_of(a, s, i)];
  see(a, s, i, n, x);
  for (int64_t j = 0; j < round_up(n); j++) x[j] = vexp_unit(x[j] - top) * share;
  if (kept) multiply_row(d, kept, n);
  for (int64_t j = 0; j < round_up(n); j++) d[j] = x[j] * (d[j] - all);
  if (kept) multiply_row(x, kept, n);
  if (!a->add && is_blind(a, top)) flatten(a, s, i, n, d);
}

/* to (n, size), rows apart, += transpose of w (rows, n) . x (rows, size) */
static void add_turned(const Attention *a, const Spot *s, const BackWork *b,
                       int64_t n, const float *w, const float *x, int64_t x_row,
                       int64_t size, float *to) {
  Product p = {.m = n, .n = size, .k = s->i1 - s->i0, .a = w, .a_row = 1,
               .a_column = LINE, .b = x, .b_row = x_row, .b_column = 1,
               .c = b->part, .c_row = size};
  ISA(gemm)(&p, b->panels);
  add_rows(to + key_row(a, s, s->j0) * size, a->key_heads * size, b->part, n,
           size);
}

static void back_block(const Attention *a, const Spot *s, const BackWork *w) {
  int64_t rows = s->i1 - s->i0, n = seen_of(a, s);
  int64_t first = query_row(a, s, s->i0), g_row = a->heads * a->value_size;
  const float *g = a->g + first * a->value_size;
  if (n == 0) return;
  scale_queries(a, s, w->q);
  multiply(rows, n, a->size, w->q, a->size, w->keys, a->size, w->weights, LINE);
  multiply(rows, n, a->value_size, g, g_row, w->values, a->value_size,
           w->slopes, LINE);
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t j = n; j < round_up(n); j++) w->slopes[i * LINE + j] = 0.0f;
    row_back(a, s, s->i0 + i, n, w->weights + i * LINE, w->slopes + i * LINE,
             a->rate > 0 ? keep(a, s, i, n, w->kept) : NULL);
  }
  add_turned(a, s, w, n, w->weights, g, g_row, a->value_size, a->dv);
  add_turned(a, s, w, n, w->slopes, w->q, a->size, a->size, a->dk);
  multiply(rows, a->size, n, w->slopes, LINE, w->key_rows, s->j1 - s->j0,
           w->part, a->size);
  add_rows(a->dq + first * a->size, a->heads * a->size, w->part, rows, a->size);
}

static bool any_blind(const Attention *a, const Spot *s) {
  for (int64_t i = s->i0; i < s->i1; i++)
    if (is_blind(a, a->top[state_of(a, s, i)])) return true;
  return false;
}

static void back_head(const Attention *a, Spot s, const BackWork *w) {
  int64_t step = keys_of(a, ROOM / 2);
  size_t bytes = (size_t)a->size * sizeof(float);
  for (int64_t i = 0; i < a->queries; i++)
    memset(a->dq + query_row(a, &s, i) * a->size, 0, bytes);
  for (s.j0 = 0; s.j0 < a->keys; s.j0 += step) {
    s.j1 = least(s.j0 + step, a->keys);
    pack(a, &s, a->k, a->one_k, a->size, true, w->keys);
    pack(a, &s, a->v, a->one_v, a->value_size, true, w->values);
    pack(a, &s, a->k, a->one_k, a->size, false, w->key_rows);
    for (s.i0 = 0; s.i0 < a->queries; s.i0 = s.i1) {
      s.i1 = next_row(s.i0, 0, a->queries);
      s.all = any_blind(a, &s);
      back_block(a, &s, w);
    }
  }
  for (int64_t i = 0; i < a->queries; i++)
    scale_row(a->dq + query_row(a, &s, i) * a->size, a->size, a->scale);
}

KERNEL(void, attend_back, (const Attention *a, int64_t item, int64_t key_head,
                           void *scratch)) {
  Room r = {scratch, 0};
  int64_t each = a->heads / a->key_heads;
  Spot s = {.item = item, .head = key_head * each};
  BackWork w = back_work_in(a, &r);
  for (int64_t j = 0; j < a->keys; j++) {
    int64_t row = key_row(a, &s, j);
    memset(a->dk + row * a->size, 0, (size_t)a->size * sizeof(float));
    memset(a->dv + row * a->value_size, 0,
           (size_t)a->value_size * sizeof(float));
  }
  for (int64_t i = 0; i < each; i++, s.head++) back_head(a, s, &w);
}

#if ISA_FIRST
int64_t attend_back_scratch(const Attention *a) {
  Room r = {NULL, 0};
  back_work_in(a, &r);
  return r.used * (int64_t)sizeof(float);
}
#endif
