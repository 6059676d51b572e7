/* What attention and its adjoint share: how a head is cut into blocks, where
** things are, scores as they count, products of a block. */
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H

#include "kernels/kernels.h"
#include "kernels/lanes.h"

enum {
  ROWS = 64,   /* of queries that are worked on at a time */
  KEYS = 256,  /* that these meet, at most */
  LINE = KEYS, /* numbers from row to row of scores */
  TOGETHER = 8, /* rows for which random numbers are drawn */
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

/* The n numbers by which the weights of row i of the spot are multiplied when
** some are dropped: the same for any blocks, forwards and backwards. Rows that
** see all keys lie side by side, and some are drawn together; i goes up. */
static const float *keep(const Attention *a, const Spot *s, int64_t i,
                         int64_t n, float *restrict kept) {
  float rate = a->rate, more = a->more;
  bool together = n == a->keys;
  int64_t place = together ? i % TOGETHER : 0;
  int64_t rows = together ? least(TOGETHER, s->i1 - s->i0 - i) : 1;
  if (place == 0) {
    int64_t first = state_of(a, s, s->i0 + i) * a->keys + s->j0;
    ISA(random_uniform)(kept, first, rows * n, a->key);
    for (int64_t j = 0; j < rows * n; j++)
      kept[j] = rate <= kept[j] ? more : 0.0f;
  }
  return kept + place * n;
}

static void multiply_row(float *restrict y, const float *restrict x,
                         int64_t n) {
  for (int64_t j = 0; j < n; j++) y[j] *= x[j];
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

/* A row that sees none of its keys sees all alike, also those behind its own
** place. */
static bool is_blind(const Attention *a, float max) {
  return max <= a->hidden / 2;
}

#endif
