/* What convolutions with a group for each channel share with the gradient of
** their kernel: where lines are, and how many channels go at a time. */
#ifndef KERNELS_DEPTHWISE_H
#define KERNELS_DEPTHWISE_H

#include "kernels/vector.h"
#include "kernels/walk.h"

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

/* Channels at a time: the rows under a line stay in L1 until the next line
** reads them again. */
static int64_t channels_in_cache(const Window *w) {
  enum { NUMBERS = 8 << 10, LEAST = 32 }; /* two lines of the cache */
  int64_t cells = w->size[0] * w->size[1] * w->in[2];
  return most(NUMBERS / most(cells, 1) / LANES * LANES, LEAST);
}

#endif
