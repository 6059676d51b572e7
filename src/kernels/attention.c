/* Attention by blocks: some rows of queries against some keys at a time, whose
** scores stay in the second cache. A row knows the largest score and the sum of
** exponentials so far; when a larger one comes, what it has is scaled down.
** Blocks depend on sizes of the op alone, and each is worked on in order, so
** bits do, too. */
#include "base/each_isa.h"
#include "kernels/attention.h"

#include <string.h>

typedef struct Work {
  float *keys, *values, *q, *scores, *part, *max, *sum, *kept;
} Work;

static Work work_in(const Attention *a, Room *r) {
  int64_t n = keys_of(a, ROOM);
  Work w;
  w.keys = take(r, gemm_panels(a->size, n));
  w.values = take(r, gemm_panels(n, a->value_size));
  w.q = take(r, ROWS * a->size);
  w.scores = take(r, ROWS * LINE);
  w.part = take(r, ROWS * a->value_size);
  w.max = take(r, ATTENTION_GROUP);
  w.sum = take(r, ATTENTION_GROUP);
  w.kept = take(r, TOGETHER * LINE);
  return w;
}

/* x (n), n whole vectors, becomes exponentials of its differences to the
** largest so far. Returns what older ones are to be multiplied by. */
static float soften(float *x, int64_t n, float *max, float *sum) {
  float lane[LANES], total[LANES] = {0};
  for (int j = 0; j < LANES; j++) lane[j] = x[j];
  for (int64_t i = LANES; i < n; i += LANES)
    for (int j = 0; j < LANES; j++) lane[j] = larger(lane[j], x[i + j]);
  float m = larger(*max, fold_max(lane));
  float base = m == -INFINITY ? 0.0f : m, factor = vexp_unit(*max - base);
  for (int64_t i = 0; i < n; i++) x[i] = vexp_unit(x[i] - base);
  add_block(NUMBERS, total, x, NULL, 0.0f, n);
  *sum = *sum * factor + fold_sum(total);
  *max = m;
  return factor;
}

/* One block; `max` and `sum` are those of its first row. */
static void attend_block(const Attention *a, const Spot *s, const Work *w,
                         float *max, float *sum) {
  int64_t rows = s->i1 - s->i0, n = seen_of(a, s), size = a->value_size;
  int64_t y_row = a->heads * size;
  float *y = a->y + query_row(a, s, s->i0) * size;
  if (n == 0) return;
  scale_queries(a, s, w->q);
  multiply(rows, n, a->size, w->q, a->size, w->keys, a->size, w->scores, LINE);
  for (int64_t i = 0; i < rows; i++) {
    float *x = w->scores + i * LINE;
    see(a, s, s->i0 + i, n, x);
    float factor = soften(x, round_up(n), max + i, sum + i);
    if (s->j0 > 0 && factor != 1.0f) scale_row(y + i * y_row, size, factor);
    if (a->rate > 0) multiply_row(x, keep(a, s, i, n, w->kept), n);
  }
  bool first = s->j0 == 0;
  multiply(rows, size, n, w->scores, LINE, w->values, s->j1 - s->j0,
           first ? y : w->part, first ? y_row : size);
  if (!first) add_rows(y, y_row, w->part, rows, size);
}

/* y of the rows of a group; false when one of them turned out to be blind. */
static bool attend_group(const Attention *a, Spot s, const Work *w) {
  int64_t step = keys_of(a, ROOM), i0 = s.i0, i1 = s.i1;
  for (int64_t i = i0; i < i1; i++) {
    w->max[i - i0] = -INFINITY;
    w->sum[i - i0] = 0.0f;
  }
  int64_t end = a->causal && !s.all ? least(a->keys, i1) : a->keys;
  for (s.j0 = 0; s.j0 < end; s.j0 += step) {
    s.j1 = least(s.j0 + step, a->keys);
    pack(a, &s, a->k, a->one_k, a->size, true, w->keys);
    pack(a, &s, a->v, a->one_v, a->value_size, false, w->values);
    for (s.i0 = i0; s.i0 < i1; s.i0 = s.i1) {
      s.i1 = next_row(s.i0, i0, i1);
      attend_block(a, &s, w, w->max + s.i0 - i0, w->sum + s.i0 - i0);
    }
  }
  bool good = true;
  for (int64_t i = i0; i < i1; i++)
    good = good && !is_blind(a, w->max[i - i0]);
  return good || s.all || !a->causal;
}

static void finish_group(const Attention *a, const Spot *s, const Work *w) {
  for (int64_t i = s->i0; i < s->i1; i++) {
    float *y = a->y + query_row(a, s, i) * a->value_size;
    float share = 1.0f / w->sum[i - s->i0];
    a->top[state_of(a, s, i)] = w->max[i - s->i0];
    a->share[state_of(a, s, i)] = share;
    if (a->keys > 0)
      scale_row(y, a->value_size, share);
    else
      memset(y, 0, (size_t)a->value_size * sizeof *y);
  }
}

KERNEL(void, attend, (const Attention *a, int64_t item, int64_t head,
                      int64_t i0, int64_t i1, void *scratch)) {
  Room r = {scratch, 0};
  Spot s = {.item = item, .head = head, .i0 = i0, .i1 = i1};
  Work w = work_in(a, &r);
  if (!attend_group(a, s, &w)) {
    s.all = true;
    attend_group(a, s, &w);
  }
  finish_group(a, &s, &w);
}

#if ISA_FIRST
int64_t attend_scratch(const Attention *a) {
  Room r = {NULL, 0};
  work_in(a, &r);
  return r.used * (int64_t)sizeof(float);
}
#endif
