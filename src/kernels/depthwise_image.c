/* The gradient of the image of a convolution with a group for each channel. Where
** windows are dense it is a convolution with the turned kernel; else each cell
** is the sum over the windows that see it. */
#include "base/each_isa.h"
#include "kernels/depthwise.h"

#include <string.h>

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

/* The terms of cell k of a row of the images */
static void list_back(Terms *z, const float *g, const float *kernel,
                      const Window *w, Line l, int64_t k) {
  int64_t n = w->channels;
  z->n = 0;
  for (int64_t t = 0; t < w->size[0]; t++)
    for (int64_t u = 0; u < w->size[1]; u++) {
      int64_t i = window_of(w, 0, l.i, t), j = window_of(w, 1, l.j, u);
      const float *m = kernel + (t * w->size[1] + u) * w->size[2] * n;
      if (i < 0 || j < 0) continue;
      for (int64_t v = 0; v < w->size[2]; v++) {
        int64_t o = window_of(w, 2, k, v);
        if (o >= 0)
          add_term(z, g + (((l.b * w->out[0] + i) * w->out[1] + j) *
                               w->out[2] + o) * n, m + v * n);
      }
    }
}

/* The same of the cells k0 to k1 by vectors. Cells that are a stride apart have
** the same terms, one window further on, where no window is missing. */
ISA_FUNCTION(void, back_lanes, (const float *g, const float *kernel, float *x,
                                const Window *w, Line l, int64_t k0,
                                int64_t k1)) {
#if ISA_LANES > 4
  if (w->channels < LANES) {
    ISA_NARROWER(back_lanes)(g, kernel, x, w, l, k0, k1);
    return;
  }
#endif
  Terms z;
  z.end = NULL;
  int64_t n = w->channels, reach = (w->size[2] - 1) * w->dilation[2];
  for (int64_t phase = 0; phase < w->stride[2]; phase++) {
    bool listed = false;
    for (int64_t k = k0 + phase; k < k1; k += w->stride[2]) {
      bool all = k + w->before[2] >= reach &&
                 k + w->before[2] <= (w->out[2] - 1) * w->stride[2];
      if (all && listed)
        for (int q = 0; q < z.n; q++) z.x[q] += n;
      else
        list_back(&z, g, kernel, w, l, k);
      listed = all;
      ISA_NAME(depthwise_pixel)(&z, x + (k - k0) * n, n);
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
  if (depthwise_in_lanes(c) && is_dense(w)) {
    int64_t cells = w->in[0] * w->in[1] * w->in[2], row = cells / w->in[axis];
    Conv back = turned_around(c);
    ISA_NAME(depthwise_walk)(g, k, true, x, &back, b0 * cells + i0 * row,
            (b1 - 1) * cells + i1 * row, NULL);
    return;
  }
  int64_t first[3] = {0, 0, 0}, end[3] = {w->in[0], w->in[1], w->in[2]};
  first[axis] = i0;
  end[axis] = i1;
  for (int64_t b = b0; b < b1; b++)
    for (int64_t i = first[0]; i < end[0]; i++)
      for (int64_t j = first[1]; j < end[1]; j++) {
        float *row = x + (((b * w->in[0] + i) * w->in[1] + j) * w->in[2] +
                          first[2]) * w->channels;
        Line l = {b, i, j};
        if (depthwise_in_lanes(c) && w->channels >= 2 * LEAST_LANES)
          ISA_NAME(back_lanes)(g, k, row, w, l, first[2], end[2]);
        else
          back_row(g, k, row, c, l, first[2], end[2]);
      }
}
