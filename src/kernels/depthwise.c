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
typedef struct VectorEnding {
  bool any;
  Vector plus, low, high;
} VectorEnding;

INLINE VectorEnding vector_ending(const Terms *z, int64_t c) {
  const Ending *e = z->end;
  VectorEnding k = {e != NULL, {0}, {0}, {0}};
  if (e == NULL) return k;
  if (e->pluses) k.plus = FROM(e->plus[0] + c);
  k.plus += e->clips ? CLIP_ZERO(e->low) : SPLAT(-0.0F);
  k.low = SPLAT(e->clips ? e->low : -INFINITY);
  k.high = SPLAT(e->clips ? e->high : INFINITY);
  return k;
}

/* An ending that adds nothing has bounds, which make 0 of -0; so 0 may be added
** in its place. */
INLINE Vector ended(Vector s, const VectorEnding *k) {
  if (!k->any) return s;
  s += k->plus;
  CLIP(s, k->low, k->high)
  return s;
}

INLINE void put_vector(const Terms *z, float *y, int64_t c, Vector s) {
  VectorEnding e = vector_ending(z, c);
  AT(y + c) = ended(s, &e);
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
  put_vector(z, y, c, s.a);
  put_vector(z, y, c + LANES, s.b);
  put_vector(z, y, c + 2 * LANES, s.c);
  put_vector(z, y, c + 3 * LANES, s.d);
}

INLINE void one_vector(const Terms *z, float *y, int64_t c) {
  Vector s = {0};
  for (int q = 0; q < z->n; q++) s += FROM(z->m[q] + c) * FROM(z->x[q] + c);
  put_vector(z, y, c, s);
}

ISA_FUNCTION(void, depthwise_pixel, (const Terms *z, float *y, int64_t m)) {
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

INLINE void put_four(float *y, int64_t n, Four s, const VectorEnding *k) {
  AT(y) = ended(s.a, k);
  AT(y + n) = ended(s.b, k);
  AT(y + 2 * n) = ended(s.c, k);
  AT(y + 3 * n) = ended(s.d, k);
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
  VectorEnding end = vector_ending(z, c);
  for (int64_t i = 0; i < windows; i += 4) {
    int64_t k = least(i, windows - 4), at = k * stride * n;
    Four s = {{0}, {0}, {0}, {0}};
    s = three_taps(s, x0 + at, n, stride, f0, g0, h0);
    if (rows > 1) s = three_taps(s, x1 + at, n, stride, f1, g1, h1);
    if (rows > 2) s = three_taps(s, x2 + at, n, stride, f2, g2, h2);
    put_four(y + k * n + c, n, s, &end);
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
  VectorEnding end = vector_ending(z, c);
  for (int64_t i = 0; i < windows; i += 4) {
    int64_t k = least(i, windows - 4), at = k * step + c;
    Four s = {{0}, {0}, {0}, {0}};
    for (int64_t q = 0; q < z->n; q += w->size[2])
      if (width == 5)
        s = five_taps(s, z->x[q] + at, z->m[q] + c, n, stride, m_step);
      else
        s = any_taps(s, z->x[q] + at, z->m[q] + c, w, step, m_step);
    put_four(y + k * n + c, n, s, &end);
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
    ISA_NAME(depthwise_pixel)(z, y + k * n, m);
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
      ISA_NAME(depthwise_pixel)(&z, y, m);
  }
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
static void end_pixels(float *y, int64_t pixels, int64_t filters,
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
    if (depthwise_in_lanes(c))
      ISA_NAME(forward_lanes)(x + c0, taps, y + p * c->filters + c0, w, l,
                              first, last, c1 - c0, end ? &part : NULL);
    else
      forward_any(x, k, y + p * c->filters, c, l, first, last);
    if (end && !depthwise_in_lanes(c))
      end_pixels(y + p * c->filters, last - first, c->filters, end);
    p += last - first;
  }
}

ISA_FUNCTION(void, depthwise_walk, (const float *x, const float *k, bool turned,
                                    float *y, const Conv *c, int64_t p0,
                                    int64_t p1, const Ending *end)) {
  int64_t n = c->w.channels;
  int64_t many = depthwise_in_lanes(c) ? channels_in_cache(&c->w) : n;
  for (int64_t c0 = 0, c1; c0 < n; c0 = c1) {
    c1 = n - c0 - many < LANES ? n : c0 + many; /* a vector is left, or none */
    forward_part(x, k, turned, y, c, p0, p1, c0, c1, end);
  }
}

KERNEL(void, depthwise_forward, (const float *x, const float *k, float *y,
                                 const Conv *c, int64_t p0, int64_t p1,
                                 const Ending *end)) {
  ISA_NAME(depthwise_walk)(x, k, false, y, c, p0, p1, end);
}
