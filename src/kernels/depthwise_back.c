/* The gradient of the kernel of a convolution with a group for each channel: the
** sum over all pixels for each of its numbers, a vector of filters at a time. */
#include "base/each_isa.h"
#include "kernels/depthwise.h"

#include <string.h>

/* sum += x g over the pixels of a span, for as many filters of [f0, f1) as
** make whole vectors, here and in the narrower sets; returns the first that is
** left. */
ISA_FUNCTION(int64_t, add_pixels, (const float *x, const float *g, float *sum,
                                   int64_t x_step, int64_t g_step, Span in,
                                   int64_t f0, int64_t f1)) {
  for (; f0 + LANES <= f1; f0 += LANES) {
    Vector a = {0}, b = {0};
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

/* What one tap sums up over the pixels of a line, every other one by itself. */
typedef struct Pair {
  Vector now, next;
} Pair;

INLINE Pair add_product(Pair s, Vector x, Vector g) {
  return (Pair){s.next, s.now + x * g};
}

INLINE Pair add_span(Pair s, const float *x, const float *g, int64_t x_step,
                     int64_t g_step, int64_t k, int64_t end) {
  for (; k < end; k++) s = add_product(s, FROM(x + k * x_step),
                                       FROM(g + k * g_step));
  return s;
}

/* The same as add_pixels for three taps, `d` apart in x and n in sum, which
** share what they load of g. */
ISA_FUNCTION(int64_t, add_three, (const float *x, const float *g, float *sum,
                                  int64_t x_step, int64_t d, int64_t n,
                                  const Span *in, int64_t f0, int64_t f1)) {
  int64_t lo = most(most(in[0].first, in[1].first), in[2].first);
  int64_t hi = most(least(least(in[0].end, in[1].end), in[2].end), lo);
  for (; f0 + LANES <= f1; f0 += LANES) {
    const float *a = x + f0, *b = a + d, *c = b + d, *with = g + f0;
    Pair p = {{0}, {0}}, q = p, r = p;
    p = add_span(p, a, with, x_step, n, in[0].first, least(lo, in[0].end));
    q = add_span(q, b, with, x_step, n, in[1].first, least(lo, in[1].end));
    r = add_span(r, c, with, x_step, n, in[2].first, least(lo, in[2].end));
    for (int64_t k = lo; k < hi; k++) {
      Vector h = FROM(with + k * n);
      p = add_product(p, FROM(a + k * x_step), h);
      q = add_product(q, FROM(b + k * x_step), h);
      r = add_product(r, FROM(c + k * x_step), h);
    }
    p = add_span(p, a, with, x_step, n, most(hi, in[0].first), in[0].end);
    q = add_span(q, b, with, x_step, n, most(hi, in[1].first), in[1].end);
    r = add_span(r, c, with, x_step, n, most(hi, in[2].first), in[2].end);
    AT(sum + f0) += p.now + p.next;
    AT(sum + n + f0) += q.now + q.next;
    AT(sum + 2 * n + f0) += r.now + r.next;
  }
#if ISA_LANES > 4
  if (f0 < f1)
    f0 = ISA_NARROWER(add_three)(x, g, sum, x_step, d, n, in, f0, f1);
#endif
  return f0;
}

/* The pixels of a line that tap v sees, and the cell under it at pixel 0 */
typedef struct Seen {
  Span in;
  int64_t at;
} Seen;

static Seen seen_by(const Window *w, int64_t v) {
  int64_t at = v * w->dilation[2] - w->before[2];
  return (Seen){inside(at, w->stride[2], w->out[2], 0, w->in[2]), at};
}

/* One tap, the filters [f0, f1) of it */
static void kernel_tap(const float *row, const float *g, float *k,
                       const Conv *c, Seen s, int64_t f0, int64_t f1) {
  int64_t n = c->w.channels, f = c->filters, times = f / n;
  int64_t step = c->w.stride[2] * n, i = f0;
  row += s.at * n;
  if (times == 1)
    i = ISA_NAME(add_pixels)(row, g, k, step, f, s.in, f0, f1);
  for (; i < f1; i++) {
    float sum = 0;
    for (int64_t p = s.in.first; p < s.in.end; p++)
      sum += row[p * step + i / times] * g[p * f + i];
    k[i] += sum;
  }
}

/* Three taps at once; returns the first filter that is left. */
static int64_t kernel_three(const float *row, const float *g, float *k,
                            const Conv *c, int64_t f0, int64_t f1) {
  const Window *w = &c->w;
  int64_t n = w->channels;
  Span in[3] = {seen_by(w, 0).in, seen_by(w, 1).in, seen_by(w, 2).in};
  return ISA_NAME(add_three)(row + seen_by(w, 0).at * n, g, k,
                             w->stride[2] * n, w->dilation[2] * n, n, in, f0,
                             f1);
}

/* The filters [f0, f1) of a row's share of the kernel's gradient: each row is
** summed by itself first, which keeps the rounding errors small. */
static void kernel_row(const float *x, const float *g, float *k,
                       const Conv *c, Line l, int64_t f0, int64_t f1) {
  const Window *w = &c->w;
  Span ts = taps_inside(w, 0, l.i), us = taps_inside(w, 1, l.j);
  bool three = w->size[2] == 3 && c->filters == w->channels;
  for (int64_t t = ts.first; t < ts.end; t++)
    for (int64_t u = us.first; u < us.end; u++) {
      const float *row = x + row_under(w, l, t, u) * w->channels;
      float *to = k + (t * w->size[1] + u) * w->size[2] * c->filters;
      int64_t rest = three ? kernel_three(row, g, to, c, f0, f1) : f0;
      for (int64_t v = 0; rest < f1 && v < w->size[2]; v++)
        kernel_tap(row, g, to + v * c->filters, c, seen_by(w, v), rest, f1);
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
  int64_t many = c->filters == w->channels ? channels_in_cache(w) : f1 - f0;
  for (; f0 < f1; f0 += many)
    for (int64_t i = 0; i < lines; i++)
      kernel_row(x, g + i * w->out[2] * c->filters, k, c, line_at(w, i), f0,
                 least(f0 + many, f1));
}
