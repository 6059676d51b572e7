/* The body of depthwise.c for one instruction set, included once for each with
** TARGET, NAME(x) and LANES (channels at a time) defined. */

typedef float NAME(Lanes)
    __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define FROM(x) (*(const NAME(Lanes) *)(const void *)(x))
#define AT(x) (*(NAME(Lanes) *)(void *)(x))

/* ---- forward ----------------------------------------------------------- */

/* Four pixels from k on, whose windows are inside the row. */
INLINE void NAME(four_pixels)(const float *x, Taps taps, float *y,
                              const Window *w, Line l, Span ts, Span us,
                              int64_t k, int64_t n) {
  NAME(Lanes) a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  int64_t step = w->stride[2] * n;
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *m = taps.first + (t * w->size[1] + u) * taps.line;
      const float *at = x + (row_under(w, l, t, u) + k * w->stride[2] -
                             w->before[2]) * n;
      for (int64_t v = 0; v < w->size[2]; v++) {
        NAME(Lanes) f = FROM(m);
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
INLINE void NAME(four_by_three)(const float *x, Taps taps, float *y,
                                const Window *w, Line l, Span ts, Span us,
                                int64_t k, int64_t n) {
  NAME(Lanes) a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0};
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *m = taps.first + (t * w->size[1] + u) * taps.line;
      const float *at = x + (row_under(w, l, t, u) + k - w->before[2]) * n;
      NAME(Lanes) f = FROM(m), g = FROM(m + taps.step);
      NAME(Lanes) h = FROM(m + 2 * taps.step);
      NAME(Lanes) c0 = FROM(at), c1 = FROM(at + n), c2 = FROM(at + 2 * n);
      NAME(Lanes) c3 = FROM(at + 3 * n), c4 = FROM(at + 4 * n);
      NAME(Lanes) c5 = FROM(at + 5 * n);
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
INLINE void NAME(one_pixel)(const float *x, Taps taps, float *y,
                            const Window *w, Line l, Span ts, Span us,
                            int64_t k, int64_t n) {
  NAME(Lanes) a = {0};
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

/* Pixels [k0, k1) of a line; the last channels overlap those before them. */
TARGET static void NAME(forward)(const float *x, const float *kernel,
                                 bool turned, float *y, const Window *w,
                                 Line l, int64_t k0, int64_t k1) {
  int64_t n = w->channels;
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  Span whole = whole_windows(w);
  bool three = w->size[2] == 3 && w->stride[2] == 1 && w->dilation[2] == 1;
  for (int64_t i = 0; i < n; i += LANES) {
    int64_t c = least(i, n - LANES);
    Taps taps = taps_new(kernel + c, w, turned);
    for (int64_t k = k0; k < k1;) {
      float *to = y + (k - k0) * n + c;
      if (k < whole.first || k + 4 > least(whole.end, k1)) {
        NAME(one_pixel)(x + c, taps, to, w, l, ts, us, k, n);
        k++;
        continue;
      }
      if (three)
        NAME(four_by_three)(x + c, taps, to, w, l, ts, us, k, n);
      else
        NAME(four_pixels)(x + c, taps, to, w, l, ts, us, k, n);
      k += 4;
    }
  }
}

/* ---- gradient of the kernel -------------------------------------------- */

/* sum += x g over the pixels of a span, for as many filters of [f0, f1) as
** make whole vectors; returns the first that is left. */
TARGET static int64_t NAME(add_pixels)(const float *x, const float *g,
                                       float *sum, int64_t x_step,
                                       int64_t g_step, Span in, int64_t f0,
                                       int64_t f1) {
  for (; f0 + LANES <= f1; f0 += LANES) {
    NAME(Lanes) a = {0}, b = {0};
    const float *from = x + f0, *with = g + f0;
    int64_t k = in.first;
    for (; k + 2 <= in.end; k += 2) {
      a += FROM(from + k * x_step) * FROM(with + k * g_step);
      b += FROM(from + (k + 1) * x_step) * FROM(with + (k + 1) * g_step);
    }
    if (k < in.end) a += FROM(from + k * x_step) * FROM(with + k * g_step);
    AT(sum + f0) += a + b;
  }
  return f0;
}

#undef FROM
#undef AT
#undef TARGET
#undef NAME
#undef LANES
