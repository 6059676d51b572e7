/* Pooling: one pass over the windows, WIDTH channels at a time, whose numbers
** stay in registers or L1 while the cells under the window go by. Which cell
** was the largest is found anew by the gradient, which is cheaper than to keep
** it. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

enum { WIDTH = 32 }; /* channels at a time */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- windows ----------------------------------------------------------- */

/* The cells under one window that are inside: taps [first, end) of each axis,
** cells of the row `at` + tap . step, in numbers. */
typedef struct Under {
  int64_t first[3], end[3], at, step[3];
} Under;

static Under cells_under(const Window *w, int64_t b, int64_t i, int64_t j,
                         int64_t k) {
  int64_t o[3] = {i, j, k}, size = w->channels;
  Under u = {.at = 0};
  for (int a = 2; a >= 0; a--) {
    int64_t from = o[a] * w->stride[a] - w->before[a], d = w->dilation[a];
    u.first[a] = from < 0 ? (-from + d - 1) / d : 0;
    u.end[a] = from >= w->in[a] ? 0 : least(w->size[a],
                                            (w->in[a] - from + d - 1) / d);
    u.at += from * size;
    u.step[a] = d * size;
    size *= w->in[a];
  }
  u.at += b * size;
  return u;
}

static int64_t count_of(const Under *u) {
  int64_t n = 1;
  for (int a = 0; a < 3; a++)
    n *= u->end[a] > u->first[a] ? u->end[a] - u->first[a] : 0;
  return n;
}

/* A loop over the cells: `cell` is where in the image, `tap` which one. */
#define EACH_CELL(u, w)                                                  \
  for (int64_t ta = (u)->first[0]; ta < (u)->end[0]; ta++)               \
    for (int64_t tb = (u)->first[1]; tb < (u)->end[1]; tb++)             \
      for (int64_t tc = (u)->first[2],                                   \
                   tap = (ta * (w)->size[1] + tb) * (w)->size[2] + tc,   \
                   cell = (u)->at + ta * (u)->step[0] +                  \
                          tb * (u)->step[1] + tc * (u)->step[2];         \
           tc < (u)->end[2]; tc++, tap++, cell += (u)->step[2])

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

INLINE void scatter(const float *restrict x, const float *restrict g,
                    float *restrict dx, const Window *w, const Under *u,
                    int64_t n) {
  int32_t which[WIDTH];
  first_largest(x, which, w, u, n);
  EACH_CELL(u, w) {
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
                   const Window *w, const Under *u, int64_t n) {
  float share[WIDTH], count = (float)count_of(u);
  for (int64_t i = 0; i < n; i++) share[i] = g[i] / count;
  EACH_CELL(u, w) {
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
      Under u = cells_under(w, l / w->out[1] / w->out[0],
                            l / w->out[1] % w->out[0], l % w->out[1], k);
      for (int64_t i = 0; i < c; i += WIDTH)
        if (c - i >= WIDTH)
          one_window(what, x + i, h ? h + i : h, y + i, w, &u, WIDTH);
        else
          one_window(what, x + i, h ? h + i : h, y + i, w, &u, c - i);
    }
}

KERNEL void max_pool(const float *x, float *y, const Window *w, int64_t l0,
                     int64_t l1) {
  walk_lines(LARGEST, x, NULL, y, w, l0, l1);
}

KERNEL void max_pool_pick(const float *x, const float *h, float *y,
                          const Window *w, int64_t l0, int64_t l1) {
  walk_lines(PICKED, x, h, y, w, l0, l1);
}

KERNEL void average_pool(const float *x, float *y, const Window *w, int64_t l0,
                         int64_t l1) {
  walk_lines(MEAN, x, NULL, y, w, l0, l1);
}

static void clear_channels(float *dx, const Window *w, int64_t b, int64_t c0,
                           int64_t c1) {
  int64_t cells = w->in[0] * w->in[1] * w->in[2], c = w->channels;
  dx += b * cells * c;
  if (c1 - c0 == c) {
    memset(dx, 0, (size_t)(cells * c) * sizeof *dx);
    return;
  }
  for (int64_t i = 0; i < cells; i++)
    memset(dx + i * c + c0, 0, (size_t)(c1 - c0) * sizeof *dx);
}

/* x NULL: every cell takes its share */
INLINE void one_share(const float *x, const float *g, float *dx,
                      const Window *w, const Under *u, int64_t n) {
  if (x)
    scatter(x, g, dx, w, u, n);
  else
    spread(g, dx, w, u, n);
}

INLINE void walk_images(const float *x, const float *g, float *dx,
                        const Window *w, int64_t b0, int64_t b1, int64_t c0,
                        int64_t c1) {
  g += b0 * w->out[0] * w->out[1] * w->out[2] * w->channels;
  for (int64_t b = b0; b < b1; b++) {
    clear_channels(dx, w, b, c0, c1);
    for (int64_t i = 0; i < w->out[0]; i++)
      for (int64_t j = 0; j < w->out[1]; j++)
        for (int64_t k = 0; k < w->out[2]; k++, g += w->channels) {
          Under u = cells_under(w, b, i, j, k);
          for (int64_t c = c0; c < c1; c += WIDTH)
            if (c1 - c >= WIDTH)
              one_share(x ? x + c : x, g + c, dx + c, w, &u, WIDTH);
            else
              one_share(x ? x + c : x, g + c, dx + c, w, &u, c1 - c);
        }
  }
}

KERNEL void max_pool_scatter(const float *x, const float *g, float *dx,
                             const Window *w, int64_t b0, int64_t b1,
                             int64_t c0, int64_t c1) {
  walk_images(x, g, dx, w, b0, b1, c0, c1);
}

KERNEL void average_pool_scatter(const float *g, float *dx, const Window *w,
                                 int64_t b0, int64_t b1, int64_t c0,
                                 int64_t c1) {
  walk_images(NULL, g, dx, w, b0, b1, c0, c1);
}
