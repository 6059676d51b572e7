/* What convolutions with a group for each channel share with their gradients:
** where lines are, how many channels go at a time, what a pixel is the sum of. */
#ifndef KERNELS_DEPTHWISE_H
#define KERNELS_DEPTHWISE_H

#include "kernels/vector.h"
#include "kernels/walk.h"

/* Place (b, i, j) of one row of the output. */
typedef struct Line {
  int64_t b, i, j;
} Line;

INLINE Line line_at(const Window *w, int64_t line) {
  return (Line){line / w->out[1] / w->out[0], line / w->out[1] % w->out[0],
                line % w->out[1]};
}

/* Cell 0 of the row of x under tap (t, u, .) of the line's windows. */
INLINE int64_t row_under(const Window *w, Line l, int64_t t, int64_t u) {
  int64_t i = l.i * w->stride[0] - w->before[0] + t * w->dilation[0];
  int64_t j = l.j * w->stride[1] - w->before[1] + u * w->dilation[1];
  return ((l.b * w->in[0] + i) * w->in[1] + j) * w->in[2];
}

/* Channels at a time: the rows under a line stay in L1 until the next line
** reads them again. */
INLINE int64_t channels_in_cache(const Window *w) {
  enum { NUMBERS = 8 << 10, LEAST = 32 }; /* two lines of the cache */
  int64_t cells = w->size[0] * w->size[1] * w->in[2];
  return most(NUMBERS / most(cells, 1) / LANES * LANES, LEAST);
}

/* What one pixel is the sum of, in the order of the taps: products of channels
** at x with those at m. */
enum { TERMS = 256, LEAST_LANES = 4 };

typedef struct Terms {
  const Ending *end; /* of the pixels, with numbers for each channel; or NULL */
  int n;
  const float *x[TERMS], *m[TERMS];
} Terms;

INLINE void add_term(Terms *z, const float *x, const float *m) {
  z->x[z->n] = x;
  z->m[z->n++] = m;
}

/* One pixel, m channels; the last ones overlap those before them. */
ISA_DECLARE(void, depthwise_pixel, (const Terms *z, float *y, int64_t m))

/* The pixels [p0, p1); turned: the kernel is read from its end. */
ISA_DECLARE(void, depthwise_walk, (const float *x, const float *k, bool turned,
                                   float *y, const Conv *c, int64_t p0,
                                   int64_t p1, const Ending *end))

/* Whether it goes by vectors of channels. */
INLINE bool depthwise_in_lanes(const Conv *c) {
  const Window *w = &c->w;
  return c->filters == w->channels && c->filters >= LEAST_LANES &&
         w->size[0] * w->size[1] * w->size[2] <= TERMS;
}

#endif
