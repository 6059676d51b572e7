/* Attention by blocks: some rows of queries against some keys at a time, whose
** scores stay in the second cache. A row knows the largest score and the sum of
** exponentials so far; when a larger one comes, what it has is scaled down. The
** way back makes the scores again, block by block. Blocks depend on sizes of
** the op alone, and each is worked on in order, so bits do, too. */
#include "base/each_isa.h"
#include "kernels/kernels.h"

#include <string.h>

#include "kernels/lanes.h"

enum {
  ROWS = 64,   /* of queries that are worked on at a time */
  KEYS = 256,  /* that these meet, at most */
  LINE = KEYS, /* numbers from row to row of scores */
  ROOM = 1 << 16 /* numbers of keys and values that are packed at a time */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t round_up(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* How many keys are met at a time: as many as leave room for their panels. */
static int64_t keys_of(const Attention *a, int64_t room) {
  int64_t n = KEYS;
  while (n > LANES && n * (a->size + a->value_size) > room) n /= 2;
  return least(n, round_up(a->keys));
}

/* ---- where things are --------------------------------------------------- */

/* The rows [i0, i1) of a head, and the keys [j0, j1) that they meet; `all` when
** they may look at those behind their own place, which weigh nothing. */
typedef struct Spot {
  int64_t item, head, i0, i1, j0, j1;
  bool all;
} Spot;

/* Rows of the item, or of the only one when all share it. */
static int64_t query_row_of(const Attention *a, const Spot *s, int64_t i,
                            bool shared) {
  return ((shared ? 0 : s->item) * a->queries + i) * a->heads + s->head;
}

static int64_t key_row_of(const Attention *a, const Spot *s, int64_t j,
                          bool shared) {
  int64_t head = s->head / (a->heads / a->key_heads);
  return ((shared ? 0 : s->item) * a->keys + j) * a->key_heads + head;
}

static int64_t query_row(const Attention *a, const Spot *s, int64_t i) {
  return query_row_of(a, s, i, false);
}

static int64_t key_row(const Attention *a, const Spot *s, int64_t j) {
  return key_row_of(a, s, j, false);
}

static int64_t state_of(const Attention *a, const Spot *s, int64_t i) {
  return (s->item * a->heads + s->head) * a->queries + i;
}

static int64_t offset_of(const int64_t *stride, const Spot *s, int64_t i) {
  return s->item * stride[0] + s->head * stride[1] + i * stride[2] +
         s->j0 * stride[3];
}

/* How many of the keys some row of these may see, made up to whole vectors. */
static int64_t seen_of(const Attention *a, const Spot *s) {
  int64_t n = s->j1 - s->j0;
  if (!a->causal || s->all) return n;
  return s->i1 > s->j0 ? least(n, round_up(s->i1 - s->j0)) : 0;
}

/* The rows of some that are next, all of them about as many. */
static int64_t next_row(int64_t i, int64_t i0, int64_t i1) {
  int64_t n = i1 - i0, parts = (n + ROWS - 1) / ROWS;
  int64_t part = (i - i0) * parts / n;
  while (i0 + n * part / parts <= i) part++;
  return i0 + n * part / parts;
}

/* ---- scores ------------------------------------------------------------- */

INLINE void hide(const Attention *a, float *x) {
  *x = (a->add ? *x : 0.0f) + a->hidden;
}

static void add_bias(const Attention *a, const Spot *s, int64_t i, int64_t n,
                     float *restrict x) {
  const float *restrict bias = a->bias + offset_of(a->bias_stride, s, i);
  int64_t step = a->bias_stride[3];
  if (step == 1)
    for (int64_t j = 0; j < n; j++) x[j] += bias[j];
  else
    for (int64_t j = 0; j < n; j++) x[j] += bias[j * step];
}

static void put_mask(const Attention *a, const Spot *s, int64_t i, int64_t n,
                     float *restrict x, int64_t behind) {
  const uint8_t *restrict mask = a->mask + offset_of(a->mask_stride, s, i);
  int64_t step = a->mask_stride[3];
  n = least(n, behind); /* those behind are hidden anyway, and only once */
  for (int64_t j = 0; j < n; j++) {
    float other = (a->add ? x[j] : 0.0f) + a->hidden;
    x[j] = mask[j * step] ? x[j] : other;
  }
}

/* The n scores of row i as they count; then numbers that weigh nothing. */
static void see(const Attention *a, const Spot *s, int64_t i, int64_t n,
                float *x) {
  int64_t behind = a->causal ? i + 1 - s->j0 : n;
  if (behind < 0) behind = 0;
  if (a->bias) add_bias(a, s, i, n, x);
  if (a->mask) put_mask(a, s, i, n, x, behind);
  for (int64_t j = behind; j < n; j++) hide(a, x + j);
  for (int64_t j = n; j < round_up(n); j++) x[j] = -INFINITY;
}

/* to (rows, size) = the queries, scaled */
static void scale_queries(const Attention *a, const Spot *s,
                          float *restrict to) {
  for (int64_t i = s->i0; i < s->i1; i++, to += a->size) {
    int64_t row = query_row_of(a, s, i, a->one_q);
    const float *restrict q = a->q + row * a->size;
    for (int64_t l = 0; l < a->size; l++) to[l] = q[l] * a->scale;
  }
}

/* panels = the keys or values of the spot as the right side of a product, its
** rows what they are or, turned, their columns */
static void pack(const Attention *a, const Spot *s, const float *x,
                 bool shared, int64_t size, bool turned, float *panels) {
  int64_t n = s->j1 - s->j0, row = a->key_heads * size;
  Product p = {.n = turned ? n : size, .k = turned ? size : n,
               .panel_rows = turned ? size : n,
               .b = x + key_row_of(a, s, s->j0, shared) * size,
               .b_row = turned ? 1 : row, .b_column = turned ? row : 1};
  ISA(gemm_pack)(&p, 0, panels);
}

/* c (rows, n) = a (rows, k) . panels */
static void multiply(int64_t rows, int64_t n, int64_t k, const float *a,
                     int64_t a_row, const float *panels, int64_t panel_rows,
                     float *c, int64_t c_row) {
  Product p = {.m = rows, .n = n, .k = k, .a = a, .a_row = a_row,
               .a_column = 1, .panels = panels, .panel_rows = panel_rows,
               .c = c, .c_row = c_row};
  ISA(gemm)(&p, NULL);
}

/* y (rows, n), rows apart, += x (rows, n) */
static void add_rows(float *restrict y, int64_t y_row, const float *restrict x,
                     int64_t rows, int64_t n) {
  for (int64_t i = 0; i < rows; i++, y += y_row, x += n)
    for (int64_t l = 0; l < n; l++) y[l] += x[l];
}

static void scale_row(float *y, int64_t n, float by) {
  for (int64_t l = 0; l < n; l++) y[l] *= by;
}

/* Memory that is given out, by whole lines of cache; or only counted. */
typedef struct Room {
  float *base; /* NULL: there is none */
  int64_t used;
} Room;

static float *take(Room *r, int64_t n) {
  float *x = r->base ? r->base + r->used : NULL;
  r->used += (n + 15) / 16 * 16;
  return x;
}

/* ---- forward ------------------------------------------------------------ */

typedef struct Work {
  float *keys, *values, *q, *scores, *part, *max, *sum;
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
  float base = m == -INFINITY ? 0.0f : m, factor = vexp(*max - base);
  for (int64_t i = 0; i < n; i++) x[i] = vexp(x[i] - base);
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
  }
  bool first = s->j0 == 0;
  multiply(rows, size, n, w->scores, LINE, w->values, s->j1 - s->j0,
           first ? y : w->part, first ? y_row : size);
  if (!first) add_rows(y, y_row, w->part, rows, size);
}

/* A row that sees none of its keys sees all alike, also those behind its own
** place. */
static bool is_blind(const Attention *a, float max) {
  return max <= a->hidden / 2;
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

/* ---- backward ----------------------------------------------------------- */

typedef struct BackWork {
  float *keys, *values, *key_rows; /* panels: both turned, keys as they are */
  float *q, *weights, *slopes, *part, *panels;
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
** g . v */
static void row_back(const Attention *a, const Spot *s, int64_t i, int64_t n,
                     float *restrict x, float *restrict d) {
  int64_t at = query_row(a, s, i) * a->value_size;
  float all = row_total(PRODUCTS, a->g + at, a->y + at, 0.0f, a->value_size);
  float top = a->top[state_of(a, s, i)], share = a->share[state_of(a, s, i)];
  see(a, s, i, n, x);
  for (int64_t j = 0; j < round_up(n); j++) x[j] = vexp(x[j] - top) * share;
  for (int64_t j = 0; j < round_up(n); j++) d[j] = x[j] * (d[j] - all);
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
    row_back(a, s, s->i0 + i, n, w->weights + i * LINE, w->slopes + i * LINE);
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
int64_t attend_scratch(const Attention *a, bool back) {
  Room r = {NULL, 0};
  if (back)
    back_work_in(a, &r);
  else
    work_in(a, &r);
  return r.used * (int64_t)sizeof(float);
}
#endif
