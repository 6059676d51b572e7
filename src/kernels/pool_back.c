/* The adjoints of pooling: each window's number goes to its largest cell, or a
** share of it to each. Which cell was the largest is found anew, which is cheaper
** than to keep it. */
#include "base/each_isa.h"
#include "kernels/pool.h"

#include <string.h>

/* Whole vectors: dx at the cells of `to` += g / count */
INLINE int64_t spread_lanes(const float *g, float *dx, const Cells *to,
                            float count, int64_t n) {
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    Vector a = FROM(g + i) / count, b = FROM(g + i + LANES) / count;
    Vector c = FROM(g + i + 2 * LANES) / count;
    Vector d = FROM(g + i + 3 * LANES) / count;
    for (int k = 0; k < to->n; k++) {
      float *at = dx + to->at[k] + i;
      AT(at) += a;
      AT(at + LANES) += b;
      AT(at + 2 * LANES) += c;
      AT(at + 3 * LANES) += d;
    }
  }
  for (; i + LANES <= n; i += LANES) {
    Vector share = FROM(g + i) / count;
    for (int k = 0; k < to->n; k++) AT(dx + to->at[k] + i) += share;
  }
  return i;
}

/* Whole vectors: dx at those cells of `to` that are the first largest of x
** under `c` += g */
INLINE int64_t scatter_lanes(const float *x, const float *g, float *dx,
                             const Cells *c, const Cells *to, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    Vector share = FROM(g + i), best = FROM(x + c->at[0] + i);
    IntVector which = (IntVector){0} + c->tap[0];
    for (int k = 1; k < c->n; k++) {
      Vector b = FROM(x + c->at[k] + i);
      Mask wins = beats(b, best);
      best = choose(wins, b, best);
      which = choose_tap(wins, c->tap[k], which);
    }
    for (int k = 0; k < to->n; k++)
      AT(dx + to->at[k] + i) += where_tap(which, to->tap[k], share);
  }
  return i;
}

#if ISA_LANES == 4
/* One number, which is left to the narrowest set. A branch here is guessed wrong
** as often as not. */
INLINE int32_t bits_of(float x) {
  int32_t i;
  memcpy(&i, &x, sizeof i);
  return i;
}
INLINE float float_of(int32_t i) {
  float x;
  memcpy(&x, &i, sizeof x);
  return x;
}
INLINE int32_t choose_bits(int32_t mask, int32_t b, int32_t a) {
  return (b & mask) | (a & ~mask);
}

INLINE void share_number(const float *x, float g, float *dx, const Cells *c,
                         const Cells *to, float count) {
  if (x == NULL) {
    for (int k = 0; k < to->n; k++) dx[to->at[k]] += g / count;
    return;
  }
  float best = x[c->at[0]];
  int32_t which = c->tap[0];
  for (int k = 1; k < c->n; k++) {
    float b = x[c->at[k]];
    int32_t wins = -(!(b <= best) & (best == best));
    which = choose_bits(wins, c->tap[k], which);
    best = float_of(choose_bits(wins, bits_of(b), bits_of(best)));
  }
  for (int k = 0; k < to->n; k++)
    dx[to->at[k]] += float_of(-(to->tap[k] == which) & bits_of(g));
}
#endif

/* Either, without x the mean's, for `windows` that are `step` apart in x and
** dx; all n channels: the narrower sets do what is left. */
ISA_FUNCTION(void, share_windows, (const float *x, const float *g, float *dx,
                                   const Cells *c, const Cells *to,
                                   float count, int64_t windows, int64_t step,
                                   int64_t g_step, int64_t n)) {
  for (int64_t k = 0; k < windows; k++) {
    int64_t i = n < LANES ? 0
                : x       ? scatter_lanes(x, g, dx, c, to, n)
                          : spread_lanes(g, dx, to, count, n);
#if ISA_LANES > 4
    if (i < n) {
      int64_t left = n < LANES ? windows - k : 1;
      ISA_NARROWER(share_windows)(x ? x + i : x, g + i, dx + i, c, to, count,
                                  left, step, g_step, n - i);
      k += left - 1;
    }
#else
    for (; i < n; i++)
      share_number(x ? x + i : x, g[i], dx + i, c, to, count);
#endif
    x = x ? x + step : x;
    g += g_step;
    dx += step;
  }
}

/* A window anywhere: u, the cells under it; part, those that are written. */
static void share_window(const float *x, const float *g, float *dx,
                         const Window *w, Under u, Under part) {
  int64_t n = w->channels, count = count_of(&u);
  Cells c, to;
  if (x == NULL || count <= LIST) {
    Under under = u;
    list_cells(w, &under, &c);
    while (list_cells(w, &part, &to))
      ISA_NAME(share_windows)(x ? x + u.at : x, g, dx + u.at, &c, &to,
                              (float)count, 1, 0, 0, n);
    return;
  }
  int32_t which[WIDTH];
  for (int64_t i = 0; i < n; i += WIDTH) {
    int64_t many = least(n - i, WIDTH);
    Under rest = part;
    first_largest(x + i, which, w, u, many);
    while (list_cells(w, &rest, &to))
      for (int k = 0; k < to.n; k++)
        for (int64_t q = 0; q < many; q++)
          dx[u.at + to.at[k] + i + q] +=
              which[q] == to.tap[k] ? g[i + q] : 0.0f;
  }
}

/* One line of g, of which the windows from o[2] to before `end` touch the cells
** [i0, i1) of the band's axis; only those are written. */
static void share_line(const float *x, const float *g, float *dx,
                       const Window *w, int64_t b, int64_t o[3], int64_t end,
                       int axis, int64_t i0, int64_t i1) {
  int64_t n = w->channels;
  Under u = cells_under(w, b, o);
  Span all = {0, w->in[2]}, band = {i0, i1};
  Span whole = alike(w, &u, axis == 2 ? band : all);
  for (; o[2] < end; o[2]++) {
    u = cells_under(w, b, o);
    Under part = u;
    part.taps[axis] = inside(o[axis] * w->stride[axis] - w->before[axis],
                             w->dilation[axis], w->size[axis], i0, i1);
    part.next[axis] = part.taps[axis].first;
    if (o[2] == whole.first && whole.first < whole.end) {
      Cells c, to;
      Under under = u;
      list_cells(w, &under, &c);
      if (list_cells(w, &part, &to))
        ISA_NAME(share_windows)(x ? x + u.at : x, g + o[2] * n, dx + u.at, &c,
                                &to, (float)c.n, whole.end - whole.first,
                                w->stride[2] * n, n, n);
      o[2] = whole.end - 1;
    } else {
      share_window(x, g + o[2] * n, dx, w, u, part);
    }
  }
}

/* One image: the cells [i0, i1) of the band's axis. */
static void walk_band(const float *x, const float *g, float *dx,
                      const Window *w, int64_t b, int64_t i0, int64_t i1) {
  int axis = window_band_axis(w);
  int64_t row = cells_of(w) / w->in[axis] * w->channels;
  int64_t line = w->out[2] * w->channels;
  Span o[3] = {{0, w->out[0]}, {0, w->out[1]}, {0, w->out[2]}};
  memset(dx + b * cells_of(w) * w->channels + i0 * row, 0,
         (size_t)((i1 - i0) * row) * sizeof *dx);
  o[axis] = touching(w, axis, i0, i1);
  for (int64_t i = o[0].first; i < o[0].end; i++)
    for (int64_t j = o[1].first; j < o[1].end; j++) {
      int64_t at[3] = {i, j, o[2].first};
      share_line(x, g + ((b * w->out[0] + i) * w->out[1] + j) * line, dx, w, b,
                 at, o[2].end, axis, i0, i1);
    }
}

KERNEL(void, max_pool_scatter, (const float *x, const float *g, float *dx,
                                const Window *w, int64_t b0, int64_t b1,
                                int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) walk_band(x, g, dx, w, b, i0, i1);
}

KERNEL(void, average_pool_scatter,
       (const float *g, float *dx, const Window *w, int64_t b0, int64_t b1,
        int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) walk_band(NULL, g, dx, w, b, i0, i1);
}
