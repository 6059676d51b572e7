/* Convolutions in which every channel is on its own: nothing to multiply in
** bulk, so each number is summed directly, a vector of neighbouring channels
** and a few pixels at a time, which share the kernel's numbers. Fewer channels
** than a vector has, or several filters a channel, go number by number. */
#include "base/each_isa.h"
#include "kernels/lanes.h"
#include "kernels/walk.h"

#include <string.h>

/* ---- geometry ---------------------------------------------------------- */

/* Place (b, i, j) of one row of the output. */
typedef struct Line {
  int64_t b, i, j;
} Line;

static Line line_at(const Window *w, int64_t line) {
  return (Line){line / w->out[1] / w->out[0], line / w->out[1] % w->out[0],
                line % w->out[1]};
}

/* Cell 0 of the row of x under tap (t, u, .) of the line's windows. */
INLINE int64_t row_under(const Window *w, Line l, int64_t t, int64_t u) {
  int64_t i = l.i * w->stride[0] - w->before[0] + t * w->dilation[0];
  int64_t j = l.j * w->stride[1] - w->before[1] + u * w->dilation[1];
  return ((l.b * w->in[0] + i) * w->in[1] + j) * w->in[2];
}

/* The kernel's numbers for the taps (t, u, .) of n channels, and from tap to
** tap; a turned one is read from its end. */
typedef struct Taps {
  const float *first;
  int64_t line, step; /* from line (t, u) to line, from tap to tap */
} Taps;

static Taps taps_new(const float *kernel, const Window *w, bool turned) {
  int64_t n = w->channels, lines = w->size[0] * w->size[1];
  if (!turned) return (Taps){kernel, w->size[2] * n, n};
  return (Taps){kernel + (lines * w->size[2] - 1) * n, -w->size[2] * n, -n};
}

enum { LEAST_LANES = 4 };

/* ---- forward ----------------------------------------------------------- */

/* Four pixels from k on, whose windows are inside the row. */
INLINE void four_pixels(const float *x, Taps taps, float *y,
                              const Window *w, Line l, Span ts, Span us,
                              int64_t k, int64_t n) {
  Lanes a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  int64_t step = w->stride[2] * n;
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *m = taps.first + (t * w->size[1] + u) * taps.line;
      const float *at = x + (row_under(w, l, t, u) + k * w->stride[2] -
                             w->before[2]) * n;
      for (int64_t v = 0; v < w->size[2]; v++) {
        Lanes f = FROM(m);
        a0 += f * FROM(at);
        a1 += f * FROM(at + step);
        a2 += f * FROM(at + 2 * step);
        a3 += f * FROM(at + 3 * step);
        m += taps.step;
        at += w->dilation[2] * n;
      }
    }
  AT(y) = a0;
  AT(y + n) = a1;
  AT(y + 2 * n) = a2;
  AT(y + 3 * n) = a3;
}

/* The same for three taps side by side, which share their cells. */
INLINE void four_by_three(const float *x, Taps taps, float *y,
                                const Window *w, Line l, Span ts, Span us,
                                int64_t k, int64_t n) {
  Lanes a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *m = taps.first + (t * w->size[1] + u) * taps.line;
      const float *at = x + (row_under(w, l, t, u) + k - w->before[2]) * n;
      Lanes f = FROM(m), g = FROM(m + taps.step);
      Lanes h = FROM(m + 2 * taps.step);
      Lanes c0 = FROM(at), c1 = FROM(at + n), c2 = FROM(at + 2 * n);
      Lanes c3 = FROM(at + 3 * n), c4 = FROM(at + 4 * n);
      Lanes c5 = FROM(at + 5 * n);
      a0 += f * c0;
      a1 += f * c1;
      a2 += f * c2;
      a3 += f * c3;
      a0 += g * c1;
      a1 += g * c2;
      a2 += g * c3;
      a3 += g * c4;
      a0 += h * c2;
      a1 += h * c3;
      a2 += h * c4;
      a3 += h * c5;
    }
  AT(y) = a0;
  AT(y + n) = a1;
  AT(y + 2 * n) = a2;
  AT(y + 3 * n) = a3;
}

/* One pixel, with those of its taps that are inside. */
INLINE void one_pixel(const float *x, Taps taps, float *y,
                            const Window *w, Line l, Span ts, Span us,
                            int64_t k, int64_t n) {
  Lanes a = {0};
  Span vs = taps_inside(w, 2, k);
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *m = taps.first + (t * w->size[1] + u) * taps.line;
      int64_t row = row_under(w, l, t, u) + k * w->stride[2] - w->before[2];
      for (int64_t v = vs.first; v < vs.end; v++)
        a += FROM(m + v * taps.step) *
             FROM(x + (row + v * w->dilation[2]) * n);
    }
  AT(y) = a;
}

/* Pixels [k0, k1) of a line; the last channels overlap those before them.
** Fewer channels than a vector has are the narrower set's. */
ISA_FUNCTION(void, forward_lanes, (const float *x, const float *kernel,
                                   bool turned, float *y, const Window *w,
                                   Line l, int64_t k0, int64_t k1)) {
#if ISA_LANES > 4
  if (w->channels < LANES) {
    ISA_NARROWER(forward_lanes)(x, kernel, turned, y, w, l, k0, k1);
    return;
  }
#endif
  int64_t n = w->channels;
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  Span whole = whole_windows(w, (Span){0, w->in[2]});
  bool three = w->size[2] == 3 && w->stride[2] == 1 && w->dilation[2] == 1;
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t c = least(i, n - LANES);
    Taps taps = taps_new(kernel + c, w, turned);
    for (int64_t k = k0; k < k1;) {
      float *to = y + (k - k0) * n + c;
      if (k < whole.first || k + 4 > least(whole.end, k1)) {
        one_pixel(x + c, taps, to, w, l, ts, us, k, n);
        k++;
        continue;
      }
      if (three)
        four_by_three(x + c, taps, to, w, l, ts, us, k, n);
      else
        four_pixels(x + c, taps, to, w, l, ts, us, k, n);
      k += 4;
    }
  }
}

/* ---- gradient of the kernel -------------------------------------------- */

/* sum += x g over the pixels of a span, for as many filters of [f0, f1) as
** make whole vectors, here and in the narrower sets; returns the first that is
** left. */
ISA_FUNCTION(int64_t, add_pixels, (const float *x, const float *g, float *sum,
                                   int64_t x_step, int64_t g_step, Span in,
                                   int64_t f0, int64_t f1)) {
  for (; f0 + LANES <= f1; f0 += LANES) {
    Lanes a = {0}, b = {0};
    const float *from = x + f0, *with = g + f0;
    int64_t k = in.first;
    for (; k + 2 <= in.end; k += 2) {
      a += FROM(from + k * x_step) * FROM(with + k * g_step);
      b += FROM(from + (k + 1) * x_step) * FROM(with + (k + 1) * g_step);
    }
    if (k < in.end) a += FROM(from + k * x_step) * FROM(with + k * g_step);
    AT(sum + f0) += a + b;
  }
#if ISA_LANES > 4
  if (f0 < f1)
    f0 = ISA_NARROWER(add_pixels)(x, g, sum, x_step, g_step, in, f0, f1);
#endif
  return f0;
}

static bool in_lanes(const Conv *c) {
  return c->filters == c->w.channels && c->filters >= LEAST_LANES;
}
/* ---- forward ----------------------------------------------------------- */

/* y (filters) += m (filters) x (channels), `times` filters a channel */
INLINE void add_products(float *restrict y, const float *restrict m,
                         const float *restrict x, int64_t channels,
                         int64_t times) {
  if (times == 1)
    for (int64_t i = 0; i < channels; i++) y[i] += m[i] * x[i];
  else
    for (int64_t i = 0; i < channels; i++)
      for (int64_t j = 0; j < times; j++)
        y[i * times + j] += m[i * times + j] * x[i];
}

static void forward_any(const float *x, const float *kernel, float *y,
                        const Conv *c, Line l, int64_t k0, int64_t k1) {
  const Window *w = &c->w;
  int64_t times = c->filters / w->channels;
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  memset(y, 0, (size_t)((k1 - k0) * c->filters) * sizeof *y);
  for (int64_t k = k0; k < k1; k++, y += c->filters) {
    Span vs = taps_inside(w, 2, k);
    for (int64_t t = ts.first; t < ts.end; t++)
      for (int64_t u = us.first; u < us.end; u++)
        for (int64_t v = vs.first; v < vs.end; v++)
          add_products(
              y, kernel + ((t * w->size[1] + u) * w->size[2] + v) * c->filters,
              x + (row_under(w, l, t, u) + k * w->stride[2] - w->before[2] +
                   v * w->dilation[2]) * w->channels,
              w->channels, times);
  }
}

/* the pixels [p0, p1) of y */
static void forward(const float *x, const float *k, bool turned, float *y,
                    const Conv *c, int64_t p0, int64_t p1) {
  const Window *w = &c->w;
  for (int64_t p = p0; p < p1;) {
    int64_t first = p % w->out[2];
    int64_t end = least(w->out[2], first + p1 - p);
    Line l = line_at(w, p / w->out[2]);
    if (in_lanes(c))
      ISA_NAME(forward_lanes)(x, k, turned, y + p * c->filters, w, l, first,
                              end);
    else
      forward_any(x, k, y + p * c->filters, c, l, first, end);
    p += end - first;
  }
}

KERNEL(void, depthwise_forward, (const float *x, const float *k, float *y,
                                 const Conv *c, int64_t p0, int64_t p1)) {
  forward(x, k, false, y, c, p0, p1);
}

/* ---- gradient of the image --------------------------------------------- */

/* The one window along axis i that has cell `at` under tap t, or -1. */
INLINE int64_t window_of(const Window *w, int i, int64_t at, int64_t t) {
  int64_t from = at + w->before[i] - t * w->dilation[i];
  if (from < 0 || from % w->stride[i] != 0) return -1;
  from /= w->stride[i];
  return from < w->out[i] ? from : -1;
}

/* x (channels) += the sums of m (filters) g (filters) over each channel's */
INLINE void add_back(float *restrict x, const float *restrict m,
                     const float *restrict g, int64_t channels,
                     int64_t times) {
  if (times == 1)
    for (int64_t i = 0; i < channels; i++) x[i] += m[i] * g[i];
  else
    for (int64_t i = 0; i < channels; i++) {
      float sum = 0;
      for (int64_t j = 0; j < times; j++)
        sum += m[i * times + j] * g[i * times + j];
      x[i] += sum;
    }
}

/* The row (i, j) of the images' cells from cell k0 to k1 */
static void back_row(const float *g, const float *kernel, float *x,
                     const Conv *c, Line l, int64_t k0, int64_t k1) {
  const Window *w = &c->w;
  int64_t n = w->channels, times = c->filters / n;
  memset(x, 0, (size_t)((k1 - k0) * n) * sizeof *x);
  for (int64_t t = 0; t < w->size[0]; t++)
    for (int64_t u = 0; u < w->size[1]; u++) {
      int64_t i = window_of(w, 0, l.i, t), j = window_of(w, 1, l.j, u);
      if (i < 0 || j < 0) continue;
      const float *row =
          g + ((l.b * w->out[0] + i) * w->out[1] + j) * w->out[2] * c->filters;
      const float *m =
          kernel + (t * w->size[1] + u) * w->size[2] * c->filters;
      for (int64_t k = k0; k < k1; k++)
        for (int64_t v = 0; v < w->size[2]; v++) {
          int64_t o = window_of(w, 2, k, v);
          if (o >= 0)
            add_back(x + (k - k0) * n, m + v * c->filters,
                     row + o * c->filters, n, times);
        }
    }
}

static bool is_dense(const Window *w) {
  return w->stride[0] == 1 && w->stride[1] == 1 && w->stride[2] == 1 &&
         w->in[0] > 0 && w->in[1] > 0 && w->in[2] > 0;
}

/* The convolution of g with the turned kernel that gives x. */
static Conv turned_around(const Conv *c) {
  Conv back = *c;
  for (int i = 0; i < 3; i++) {
    back.w.in[i] = c->w.out[i];
    back.w.out[i] = c->w.in[i];
    back.w.before[i] =
        (c->w.size[i] - 1) * c->w.dilation[i] - c->w.before[i];
  }
  return back;
}

KERNEL(void, depthwise_input_gradient,
       (const float *g, const float *k, float *x, const Conv *c, int64_t b0,
        int64_t b1, int64_t i0, int64_t i1)) {
  const Window *w = &c->w;
  int axis = window_band_axis(w);
  if (in_lanes(c) && is_dense(w)) {
    int64_t cells = w->in[0] * w->in[1] * w->in[2], row = cells / w->in[axis];
    Conv back = turned_around(c);
    forward(g, k, true, x, &back, b0 * cells + i0 * row,
            (b1 - 1) * cells + i1 * row);
    return;
  }
  int64_t first[3] = {0, 0, 0}, end[3] = {w->in[0], w->in[1], w->in[2]};
  first[axis] = i0;
  end[axis] = i1;
  for (int64_t b = b0; b < b1; b++)
    for (int64_t i = first[0]; i < end[0]; i++)
      for (int64_t j = first[1]; j < end[1]; j++)
        back_row(g, k,
                 x + (((b * w->in[0] + i) * w->in[1] + j) * w->in[2] +
                      first[2]) * w->channels,
                 c, (Line){b, i, j}, first[2], end[2]);
}

/* ---- gradient of the kernel -------------------------------------------- */

/* The filters [f0, f1) of a row's share of the kernel's gradient: each row is
** summed by itself first, which keeps the rounding errors small. */
static void kernel_row(const float *x, const float *g, float *k,
                              const Conv *c, Line l, int64_t f0, int64_t f1) {
  const Window *w = &c->w;
  int64_t n = w->channels, f = c->filters, times = f / n;
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++)
      for (int64_t v = 0; v < w->size[2]; v++) {
        int64_t at = v * w->dilation[2] - w->before[2];
        Span in = inside(at, w->stride[2], w->out[2], 0, w->in[2]);
        const float *row = x + (row_under(w, l, t, u) + at) * n;
        float *to = k + ((t * w->size[1] + u) * w->size[2] + v) * f;
        int64_t i = f0;
        if (times == 1)
          i = ISA_NAME(add_pixels)(row, g, to, w->stride[2] * n, f, in, f0, f1);
        for (; i < f1; i++) {
          float sum = 0;
          for (int64_t p = in.first; p < in.end; p++)
            sum += row[p * w->stride[2] * n + i / times] * g[p * f + i];
          to[i] += sum;
        }
      }
}

KERNEL(void, depthwise_kernel_gradient,
       (const float *x, const float *g, float *k, const Conv *c, int64_t f0,
        int64_t f1)) {
  const Window *w = &c->w;
  int64_t taps = w->size[0] * w->size[1] * w->size[2];
  int64_t lines = w->batch * w->out[0] * w->out[1];
  for (int64_t t = 0; t < taps; t++)
    memset(k + t * c->filters + f0, 0, (size_t)(f1 - f0) * sizeof *k);
  for (int64_t i = 0; i < lines; i++)
    kernel_row(x, g + i * w->out[2] * c->filters, k, c, line_at(w, i), f0, f1);
}
