/* Where windows walk over an image: what the kernels that do so share. */
#ifndef KERNELS_WALK_H
#define KERNELS_WALK_H

#include "kernels/kernels.h"

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* The numbers from `first` to before `end`. */
typedef struct Span {
  int64_t first, end;
} Span;

/* The k in [0, count) with first <= at + k step < end. */
INLINE Span inside(int64_t at, int64_t step, int64_t count, int64_t first,
                   int64_t end) {
  Span s = {0, count};
  if (at < first) s.first = least((first - at + step - 1) / step, count);
  if (at + (count - 1) * step >= end)
    s.end = at >= end ? 0 : (end - at + step - 1) / step;
  if (s.end < s.first) s.end = s.first;
  return s;
}

/* The taps of axis i under window o that are inside the image. */
INLINE Span taps_inside(const Window *w, int i, int64_t o) {
  return inside(o * w->stride[i] - w->before[i], w->dilation[i], w->size[i],
                0, w->in[i]);
}

/* The windows of a line all of whose taps along it are among these cells. */
INLINE Span whole_windows(const Window *w, Span cells) {
  int64_t reach = (w->size[2] - 1) * w->dilation[2] + 1;
  Span a = inside(-w->before[2], w->stride[2], w->out[2], cells.first,
                  cells.end);
  Span b = inside(reach - 1 - w->before[2], w->stride[2], w->out[2],
                  cells.first, cells.end);
  return (Span){most(a.first, b.first), least(a.end, b.end)};
}

/* The windows along axis i that touch the cells [i0, i1). */
INLINE Span touching(const Window *w, int i, int64_t i0, int64_t i1) {
  int64_t stride = w->stride[i], before = w->before[i];
  int64_t reach = (w->size[i] - 1) * w->dilation[i] + 1;
  Span s = {0, least(w->out[i], (i1 - 1 + before) / stride + 1)};
  if (i0 + before >= reach) s.first = (i0 + before - reach) / stride + 1;
  if (s.end < s.first) s.end = s.first;
  return s;
}

INLINE int64_t cells_of(const Window *w) { /* of one image */
  return w->in[0] * w->in[1] * w->in[2];
}

INLINE int64_t pixels_of(const Window *w) {
  return w->out[0] * w->out[1] * w->out[2];
}

#endif
