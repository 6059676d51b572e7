/* Convolutions in which every channel is on its own: nothing to multiply in
** bulk, so each number is summed directly, a vector of neighbouring channels
** and a few pixels at a time, which share the kernel's numbers. Fewer channels
** than a vector has, or several filters a channel, go number by number. */
#include "base/each_isa.h"
#include "kernels/depthwise.h"

#include <math.h>
#include <string.h>

/* ---- geometry ---------------------------------------------------------- */

/* The kernel's numbers for tap (0, 0, 0), and from tap to tap; a turned kernel
** is read from its end. */
typedef struct Taps {
  const float *first;
  int64_t step;
} Taps;

static Taps taps_new(const float *kernel, const Window *w, bool turned) {
  int64_t n = w->channels, taps = w->size[0] * w->size[1] * w->size[2];
  return turned ? (Taps){kernel + (taps - 1) * n, -n} : (Taps){kernel, n};
}

/* What one pixel is the sum of, in the order of the taps: products of channels
** at x with those at m. */
enum { TERMS = 256, LEAST_LANES = 4 };

typedef struct Terms {
  const Ending *end; /* of the pixels, with numbers for each channel; or NULL */
  int n;
  const float *x[TERMS], *m[TERMS];
} Terms;

static void add_term(Terms *z, const float *x, const float *m) {
  z->x[z->n] = x;
  z->m[z->n++] = m;
}

/* The terms of pixel k of a line */
static void list_terms(Terms *z, const float *x, Taps taps, const Window *w,
                       Line l, int64_t k) {
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  Span vs = taps_inside(w, 2, k);
  z->n = 0;
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *row = x + (row_under(w, l, t, u) + k * w->stride[2] -
                              w->before[2]) * w->channels;
      const float *m =
          taps.first + (t * w->size[1] + u) * w->size[2] * taps.step;
      for (int64_t v = vs.first; v < vs.end; v++)
        add_term(z, row + v * w->dilation[2] * w->channels,
                 m + v * taps.step);
    }
}

/* ---- forward ----------------------------------------------------------- */

typedef struct Four {
  Vector a, b, c, d;
} Four;

/* The ending of a vector of channels. */
typedef struct Close {
  bool any;
  Vector plus, low, high;
} Close;

INLINE Close close_at(const Terms *z, int64_t c) {
  const Ending *e = z->end;
  Close k = {e != NULL, {0}, {0}, {0}};
  if (e == NULL) return k;
  if (e->pluses) k.plus = FROM(e->plus[0] + c);
  k.low = SPLAT(e->clips ? e->low : -INFINITY);
  k.high = SPLAT(e->clips ? e->high : INFINITY);
  return k;
}

/* Sums that began with 0 are never -0: they stay what they are when 0 is added
** because there is nothing else. */
INLINE Vector closed(Vector s, const Close *k) {
  if (!k->any) return s;
  s += k->plus;
  CLIP(s, k->low, k->high)
  return s;
}

/* Channels [c, c + 4 LANES) of one pixel, and one vector of them */
INLINE void four_vectors(const Terms *z, float *y, int64_t c) {
  Four s = {{0}, {0}, {0}, {0}};
  for (int q = 0; q < z->n; q++) {
    const float *x = z->x[q] + c, *m = z->m[q] + c;
    s.a += FROM(m) * FROM(x);
    s.b += FROM(m + LANES) * FROM(x + LANES);
    s.c += FROM(m + 2 * LANES) * FROM(x + 2 * LANES);
    s.d += FROM(m + 3 * LANES) * FROM(x + 3 * LANES);
  }
  Close a = close_at(z, c), b = close_at(z, c + LANES);
  Close d = close_at(z, c + 2 * LANES), e = close_at(z, c + 3 * LANES);
  AT(y + c) = closed(s.a, &a);
  AT(y + c + LANES) = closed(s.b, &b);
  AT(y + c + 2 * LANES) = closed(s.c, &d);
  AT(y + c + 3 * LANES) = closed(s.d, &e);
}

INLINE void one_vector(const Terms *z, float *y, int64_t c) {
  Vector s = {0};
  for (int q = 0; q < z->n; q++) s += FROM(z->m[q] + c) * FROM(z->x[q] + c);
  Close k = close_at(z, c);
  AT(y + c) = closed(s, &k);
}

/* One pixel, m channels; the last ones overlap those before them. */
static void one_pixel(const Terms *z, float *y, int64_t m) {
  int64_t c = 0;
  for (; c + 4 * LANES <= m; c += 4 * LANES) four_vectors(z, y, c);
  for (; c < m; c += LANES) one_vector(z, y, least(c, m - LANES));
}

/* One vector of four pixels' channels: any kernel, whose rows of taps are all
** inside. */
INLINE Four any_taps(Four s, const float *x, const float *m, const Window *w,
                     int64_t step, int64_t m_step) {
  for (int64_t v = 0; v < w->size[2]; v++) {
    Vector f = FROM(m + v * m_step);
    const float *at = x + v * w->dilation[2] * w->channels;
    s.a += f * FROM(at);
    s.b += f * FROM(at + step);
    s.c += f * FROM(at + 2 * step);
    s.d += f * FROM(at + 3 * step);
  }
  return s;
}

INLINE void put_four(float *y, int64_t n, Four s, const Close *k) {
  AT(y) = closed(s.a, k);
  AT(y + n) = closed(s.b, k);
  AT(y + 2 * n) = closed(s.c, k);
  AT(y + 3 * n) = closed(s.d, k);
}

/* s += three taps side by side of four pixels, which share their cells. The
** stride, 1 or 2, is a constant. */
INLINE Four three_taps(Four s, const float *x, int64_t n, int stride, Vector f,
                       Vector g, Vector h) {
  Vector c0 = FROM(x), c1 = FROM(x + n), c2 = FROM(x + 2 * n);
  Vector c3 = FROM(x + 3 * n), c4 = FROM(x + 4 * n), c5 = FROM(x + 5 * n);
  if (stride == 1) {
    s.a += f * c0, s.b += f * c1, s.c += f * c2, s.d += f * c3;
    s.a += g * c1, s.b += g * c2, s.c += g * c3, s.d += g * c4;
    s.a += h * c2, s.b += h * c3, s.c += h * c4, s.d += h * c5;
  } else {
    Vector c6 = FROM(x + 6 * n), c7 = FROM(x + 7 * n), c8 = FROM(x + 8 * n);
    s.a += f * c0, s.b += f * c2, s.c += f * c4, s.d += f * c6;
    s.a += g * c1, s.b += g * c3, s.c += g * c5, s.d += g * c7;
    s.a += h * c2, s.b += h * c4, s.c += h * c6, s.d += h * c8;
  }
  return s;
}

/* The same for five */
INLINE Four five_taps(Four s, const float *x, const float *m, int64_t n,
                      int stride, int64_t m_step) {
  Vector f = FROM(m), g = FROM(m + m_step), h = FROM(m + 2 * m_step);
  Vector i = FROM(m + 3 * m_step), j = FROM(m + 4 * m_step);
  Vector c3 = FROM(x + 3 * n), c4 = FROM(x + 4 * n), c5 = FROM(x + 5 * n);
  Vector c6 = FROM(x + 6 * n), c7 = FROM(x + 7 * n);
  s = three_taps(s, x, n, stride, f, g, h);
  if (stride == 1) {
    s.a += i * c3, s.b += i * c4, s.c += i * c5, s.d += i * c6;
    s.a += j * c4, s.b += j * c5, s.c += j * c6, s.d += j * c7;
  } else {
    Vector c8 = FROM(x + 8 * n), c9 = FROM(x + 9 * n), c10 = FROM(x + 10 * n);
    s.a += i * c3, s.b += i * c5, s.c += i * c7, s.d += i * c9;
    s.a += j * c4, s.b += j * c6, s.c += j * c8, s.d += j * c10;
  }
  return s;
}

/* One vector of the channels for all windows of a run of kernels that are three
** taps wide. The kernel's numbers stay in registers. `rows` and the stride are
** constants; the last four pixels overlap those before them. */
INLINE void three_wide(const Terms *z, float *y, int64_t windows, int64_t n,
                       int64_t c, int rows, int stride) {
  int two = 3 * (rows > 1), three = 6 * (rows > 2);
  Vector f0 = FROM(z->m[0] + c), g0 = FROM(z->m[1] + c);
  Vector h0 = FROM(z->m[2] + c), f1 = FROM(z->m[two] + c);
  Vector g1 = FROM(z->m[two + 1] + c), h1 = FROM(z->m[two + 2] + c);
  Vector f2 = FROM(z->m[three] + c), g2 = FROM(z->m[three + 1] + c);
  Vector h2 = FROM(z->m[three + 2] + c);
  const float *x0 = z->x[0] + c, *x1 = z->x[two] + c, *x2 = z->x[three] + c;
  Close close = close_at(z, c);
  for (int64_t i = 0; i < windows; i += 4) {
    int64_t k = least(i, windows - 4), at = k * stride * n;
    Four s = {{0}, {0}, {0}, {0}};
    s = three_taps(s, x0 + at, n, stride, f0, g0, h0);
    if (rows > 1) s = three_taps(s, x1 + at, n, stride, f1, g1, h1);
    if (rows > 2) s = three_taps(s, x2 + at, n, stride, f2, g2, h2);
    put_four(y + k * n + c, n, s, &close);
  }
}

INLINE void three_wide_run(const Terms *z, float *y, int64_t windows,
                           int64_t n, int64_t m, int stride) {
  for (int64_t i = 0; i < m; i += LANES) {
    int64_t c = least(i, m - LANES);
    if (z->n == 9)
      three_wide(z, y, windows, n, c, 3, stride);
    else if (z->n == 6)
      three_wide(z, y, windows, n, c, 2, stride);
    else
      three_wide(z, y, windows, n, c, 1, stride);
  }
}

/* The same for kernels of any other width: `width` is 5 and the stride 1 or 2,
** or both 0. */
INLINE void wide(const Terms *z, float *y, const Window *w, int64_t windows,
                 int64_t c, int width, int stride) {
  int64_t n = w->channels, step = w->stride[2] * n;
  int64_t m_step = z->n > 1 ? z->m[1] - z->m[0] : 0;
  Close close = close_at(z, c);
  for (int64_t i = 0; i < windows; i += 4) {
    int64_t k = least(i, windows - 4), at = k * step + c;
    Four s = {{0}, {0}, {0}, {0}};
    for (int64_t q = 0; q < z->n; q += w->size[2])
      if (width == 5)
        s = five_taps(s, z->x[q] + at, z->m[q] + c, n, stride, m_step);
      else
        s = any_taps(s, z->x[q] + at, z->m[q] + c, w, step, m_step);
    put_four(y + k * n + c, n, s, &close);
  }
}

static void wide_run(const Terms *z, float *y, const Window *w,
                     int64_t windows, int64_t m) {
  bool five = w->size[2] == 5 && w->dilation[2] == 1;
  for (int64_t i = 0; i < m; i += LANES) {
    int64_t c = least(i, m - LANES);
    if (five && w->stride[2] == 1)
      wide(z, y, w, windows, c, 5, 1);
    else if (five && w->stride[2] == 2)
      wide(z, y, w, windows, c, 5, 2);
    else
      wide(z, y, w, windows, c, 0, 0);
  }
}

/* Four or more windows side by side that have the same terms, but for where x
** is. */
static void fours_of_windows(const Terms *z, float *y, const Window *w,
                             int64_t windows, int64_t m) {
  int64_t n = w->channels, stride = w->stride[2];
  bool three = w->size[2] == 3 && w->dilation[2] == 1 && z->n >= 3 && z->n <= 9;
  if (three && stride == 1)
    three_wide_run(z, y, windows, n, m, 1);
  else if (three && stride == 2)
    three_wide_run(z, y, windows, n, m, 2);
  else
    wide_run(z, y, w, windows, m);
}

/* Any number of them: what is less than two is not worth four. */
static void run_of_windows(Terms *z, float *y, const Window *w,
                           int64_t windows, int64_t m) {
  int64_t n = w->channels, k = 0;
  if (windows >= 4) k = windows % 4 == 1 ? windows - 1 : windows;
  if (k) fours_of_windows(z, y, w, k, m);
  for (int64_t move = k; k < windows; k++, move = 1) {
    for (int q = 0; q < z->n; q++) z->x[q] += move * w->stride[2] * n;
    one_pixel(z, y + k * n, m);
  }
}

/* Pixels [k0, k1) of a line, m of their channels. Fewer than a vector has are
** the narrower set's. */
ISA_FUNCTION(void, forward_lanes, (const float *x, Taps taps, float *y,
                                   const Window *w, Line l, int64_t k0,
                                   int64_t k1, int64_t m, const Ending *end)) {
#if ISA_LANES > 4
  if (m < LANES) {
    ISA_NARROWER(forward_lanes)(x, taps, y, w, l, k0, k1, m, end);
    return;
  }
#endif
  Terms z;
  z.end = end;
  Span whole = whole_windows(w, (Span){0, w->in[2]});
  whole.first = most(whole.first, k0);
  whole.end = least(whole.end, k1);
  for (int64_t k = k0, many; k < k1; k += many, y += many * w->channels) {
    many = k == whole.first && whole.end > k ? whole.end - k : 1;
    list_terms(&z, x, taps, w, l, k);
    if (many > 1)
      run_of_windows(&z, y, w, many, m);
    else
      one_pixel(&z, y, m);
  }
}

static bool in_lanes(const Conv *c) {
  const Window *w = &c->w;
  return c->filters == w->channels && c->filters >= LEAST_LANES &&
         w->size[0] * w->size[1] * w->size[2] <= TERMS;
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

/* Pixels, each with as many filters. */
static void close_any(float *y, int64_t pixels, int64_t filters,
                      const Ending *e) {
  for (int64_t p = 0; p < pixels; p++, y += filters)
    for (int64_t i = 0; i < filters; i++) {
      float s = e->pluses ? y[i] + e->plus[0][i] : y[i];
      y[i] = !e->clips ? s : s <= e->low ? e->low : s > e->high ? e->high : s;
    }
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

/* the pixels [p0, p1) of y, the channels [c0, c1) of them where they go by
** vectors */
static void forward_part(const float *x, const float *k, bool turned, float *y,
                         const Conv *c, int64_t p0, int64_t p1, int64_t c0,
                         int64_t c1, const Ending *end) {
  const Window *w = &c->w;
  Taps taps = taps_new(k + c0, w, turned);
  Ending part = {0};
  if (end) part = *end;
  ending_move(&part, 0, c0);
  for (int64_t p = p0; p < p1;) {
    int64_t first = p % w->out[2];
    int64_t last = least(w->out[2], first + p1 - p);
    Line l = line_at(w, p / w->out[2]);
    if (in_lanes(c))
      ISA_NAME(forward_lanes)(x + c0, taps, y + p * c->filters + c0, w, l,
                              first, last, c1 - c0, end ? &part : NULL);
    else
      forward_any(x, k, y + p * c->filters, c, l, first, last);
    if (end && !in_lanes(c))
      close_any(y + p * c->filters, last - first, c->filters, end);
    p += last - first;
  }
}

static void forward(const float *x, const float *k, bool turned, float *y,
                    const Conv *c, int64_t p0, int64_t p1, const Ending *end) {
  int64_t n = c->w.channels;
  int64_t many = in_lanes(c) ? channels_in_cache(&c->w) : n;
  for (int64_t c0 = 0, c1; c0 < n; c0 = c1) {
    c1 = n - c0 - many < LANES ? n : c0 + many; /* a vector is left, or none */
    forward_part(x, k, turned, y, c, p0, p1, c0, c1, end);
  }
}

KERNEL(void, depthwise_forward, (const float *x, const float *k, float *y,
                                 const Conv *c, int64_t p0, int64_t p1,
                                 const Ending *end)) {
  forward(x, k, false, y, c, p0, p1, end);
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
      one_pixel(&z, x + (k - k0) * n, n);
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
        if (in_lanes(c) && w->channels >= 2 * LEAST_LANES)
          ISA_NAME(back_lanes)(g, k, row, w, l, first[2], end[2]);
        else
          back_row(g, k, row, c, l, first[2], end[2]);
      }
}
