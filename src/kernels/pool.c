/* Pooling: one pass over the windows, WIDTH channels at a time, whose numbers
** stay in registers or L1 while the cells under the window go by. Which cell
** was the largest is found anew by the gradient, which is cheaper than to keep
** it. */
#include "base/each_isa.h"
#include "kernels/walk.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 32 }; /* channels at a time */

/* ---- windows ----------------------------------------------------------- */

/* The cells under one window that are inside: the taps of each axis, in the
** image the number `at` + tap . step. */
typedef struct Under {
  Span taps[3];
  int64_t at, step[3];
} Under;

static Under cells_under(const Window *w, int64_t b, const int64_t o[3]) {
  int64_t size = w->channels;
  Under u = {.at = 0};
  for (int a = 2; a >= 0; a--) {
    u.taps[a] = taps_inside(w, a, o[a]);
    u.at += (o[a] * w->stride[a] - w->before[a]) * size;
    u.step[a] = w->dilation[a] * size;
    size *= w->in[a];
  }
  u.at += b * size;
  return u;
}

static int64_t count_of(const Under *u) {
  int64_t n = 1;
  for (int a = 0; a < 3; a++) n *= u->taps[a].end - u->taps[a].first;
  return n;
}

/* A loop over the cells: `cell` is where in the image, `tap` which one. */
#define EACH_CELL(u, w)                                                  \
  for (int64_t ta = (u)->taps[0].first; ta < (u)->taps[0].end; ta++)     \
    for (int64_t tb = (u)->taps[1].first; tb < (u)->taps[1].end; tb++)   \
      for (int64_t tc = (u)->taps[2].first,                              \
                   tap = (ta * (w)->size[1] + tb) * (w)->size[2] + tc,   \
                   cell = (u)->at + ta * (u)->step[0] +                  \
                          tb * (u)->step[1] + tc * (u)->step[2];         \
           tc < (u)->taps[2].end; tc++, tap++, cell += (u)->step[2])

/* ---- the largest ------------------------------------------------------- */

/* n channels of one window */
INLINE void largest(const float *restrict x, float *restrict y,
                    const Window *w, const Under *u, int64_t n) {
  float best[WIDTH];
  for (int64_t i = 0; i < n; i++) best[i] = -INFINITY;
  EACH_CELL(u, w) {
    const float *restrict from = x + cell;
    for (int64_t i = 0; i < n; i++) {
      bool wins = (from[i] > best[i]) | (from[i] != from[i]); /* NaN does */
      best[i] = wins ? from[i] : best[i];
    }
  }
  for (int64_t i = 0; i < n; i++) y[i] = best[i];
}

/* which[0..n) = the tap of the first largest of each channel */
INLINE void first_largest(const float *restrict x, int32_t *restrict which,
                          const Window *w, const Under *u, int64_t n) {
  float best[WIDTH];
  for (int64_t i = 0; i < n; i++) {
    best[i] = -INFINITY;
    which[i] = -1;
  }
  EACH_CELL(u, w) {
    const float *restrict from = x + cell;
    for (int64_t i = 0; i < n; i++) {
      bool wins = (from[i] > best[i]) | (which[i] < 0) |
                  ((from[i] != from[i]) & (best[i] == best[i]));
      best[i] = wins ? from[i] : best[i];
      which[i] = wins ? (int32_t)tap : which[i];
    }
  }
}

INLINE void pick(const float *restrict x, const float *restrict h,
                 float *restrict y, const Window *w, const Under *u,
                 int64_t n) {
  int32_t which[WIDTH];
  first_largest(x, which, w, u, n);
  for (int64_t i = 0; i < n; i++) y[i] = 0;
  EACH_CELL(u, w) {
    for (int64_t i = 0; i < n; i++)
      y[i] = which[i] == (int32_t)tap ? h[cell + i] : y[i];
  }
}

/* u: the cells under the window; part: those of them that are written */
INLINE void scatter(const float *restrict x, const float *restrict g,
                    float *restrict dx, const Window *w, const Under *u,
                    const Under *part, int64_t n) {
  int32_t which[WIDTH];
  first_largest(x, which, w, u, n);
  EACH_CELL(part, w) {
    float *restrict to = dx + cell;
    for (int64_t i = 0; i < n; i++)
      to[i] += which[i] == (int32_t)tap ? g[i] : 0.0f;
  }
}

/* ---- the mean ---------------------------------------------------------- */

INLINE void mean(const float *restrict x, float *restrict y, const Window *w,
                 const Under *u, int64_t n) {
  float sum[WIDTH], count = (float)count_of(u);
  for (int64_t i = 0; i < n; i++) sum[i] = 0;
  EACH_CELL(u, w) {
    (void)tap;
    for (int64_t i = 0; i < n; i++) sum[i] += x[cell + i];
  }
  for (int64_t i = 0; i < n; i++) y[i] = sum[i] / count;
}

INLINE void spread(const float *restrict g, float *restrict dx,
                   const Window *w, const Under *u, const Under *part,
                   int64_t n) {
  float share[WIDTH], count = (float)count_of(u);
  for (int64_t i = 0; i < n; i++) share[i] = g[i] / count;
  EACH_CELL(part, w) {
    (void)tap;
    for (int64_t i = 0; i < n; i++) dx[cell + i] += share[i];
  }
}

/* ---- the walks --------------------------------------------------------- */

typedef enum Result { LARGEST, PICKED, MEAN } Result;

/* Called with a constant for n where it can be. */
INLINE void one_window(Result what, const float *x, const float *h, float *y,
                       const Window *w, const Under *u, int64_t n) {
  if (what == LARGEST)
    largest(x, y, w, u, n);
  else if (what == PICKED)
    pick(x, h, y, w, u, n);
  else
    mean(x, y, w, u, n);
}

INLINE void walk_lines(Result what, const float *x, const float *h, float *y,
                       const Window *w, int64_t l0, int64_t l1) {
  int64_t c = w->channels;
  y += l0 * w->out[2] * c;
  for (int64_t l = l0; l < l1; l++)
    for (int64_t k = 0; k < w->out[2]; k++, y += c) {
      int64_t o[3] = {l / w->out[1] % w->out[0], l % w->out[1], k};
      Under u = cells_under(w, l / w->out[1] / w->out[0], o);
      for (int64_t i = 0; i < c; i += WIDTH)
        if (c - i >= WIDTH)
          one_window(what, x + i, h ? h + i : h, y + i, w, &u, WIDTH);
        else
          one_window(what, x + i, h ? h + i : h, y + i, w, &u, c - i);
    }
}

KERNEL(void, max_pool, (const float *x, float *y, const Window *w, int64_t l0,
                        int64_t l1)) {
  walk_lines(LARGEST, x, NULL, y, w, l0, l1);
}

KERNEL(void, max_pool_pick, (const float *x, const float *h, float *y,
                             const Window *w, int64_t l0, int64_t l1)) {
  walk_lines(PICKED, x, h, y, w, l0, l1);
}

KERNEL(void, average_pool, (const float *x, float *y, const Window *w,
                            int64_t l0, int64_t l1)) {
  walk_lines(MEAN, x, NULL, y, w, l0, l1);
}

/* x NULL: every cell takes its share */
INLINE void one_share(const float *x, const float *g, float *dx,
                      const Window *w, const Under *u, const Under *part,
                      int64_t n) {
  if (x)
    scatter(x, g, dx, w, u, part, n);
  else
    spread(g, dx, w, u, part, n);
}

/* One image: the cells [i0, i1) of the band's axis. */
INLINE void walk_band(const float *x, const float *g, float *dx,
                      const Window *w, int64_t b, int64_t i0, int64_t i1) {
  int axis = window_band_axis(w);
  int64_t row = cells_of(w) / w->in[axis] * w->channels, c = w->channels;
  Span o[3] = {{0, w->out[0]}, {0, w->out[1]}, {0, w->out[2]}};
  memset(dx + b * cells_of(w) * c + i0 * row, 0,
         (size_t)((i1 - i0) * row) * sizeof *dx);
  o[axis] = touching(w, axis, i0, i1);
  for (int64_t i = o[0].first; i < o[0].end; i++)
    for (int64_t j = o[1].first; j < o[1].end; j++)
      for (int64_t k = o[2].first; k < o[2].end; k++) {
        int64_t at[3] = {i, j, k};
        Under u = cells_under(w, b, at), part = u;
        const float *from =
            g + (((b * w->out[0] + i) * w->out[1] + j) * w->out[2] + k) * c;
        part.taps[axis] =
            inside(at[axis] * w->stride[axis] - w->before[axis],
                   w->dilation[axis], w->size[axis], i0, i1);
        for (int64_t q = 0; q < c; q += WIDTH)
          if (c - q >= WIDTH)
            one_share(x ? x + q : x, from + q, dx + q, w, &u, &part, WIDTH);
          else
            one_share(x ? x + q : x, from + q, dx + q, w, &u, &part, c - q);
      }
}

static void scatter_band(const float *x, const float *g, float *dx,
                                const Window *w, int64_t b, int64_t i0,
                                int64_t i1) {
  walk_band(x, g, dx, w, b, i0, i1);
}

static void spread_band(const float *g, float *dx, const Window *w,
                               int64_t b, int64_t i0, int64_t i1) {
  walk_band(NULL, g, dx, w, b, i0, i1);
}

KERNEL(void, max_pool_scatter, (const float *x, const float *g, float *dx,
                                const Window *w, int64_t b0, int64_t b1,
                                int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) scatter_band(x, g, dx, w, b, i0, i1);
}

KERNEL(void, average_pool_scatter,
       (const float *g, float *dx, const Window *w, int64_t b0, int64_t b1,
        int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) spread_band(g, dx, w, b, i0, i1);
}
