/* Walks of windows that read an image in place: what convolutions and their
** gradients share. Between their files only. */
#ifndef KERNELS_DIRECT_H
#define KERNELS_DIRECT_H

#include <string.h>

#include "kernels/walk.h"

enum {
  ROOM = 96 << 10, /* numbers that are copied for a band, at most */
  COLUMNS = 224,   /* of a band's lines */
  LINES = 64,      /* of a band */
  RUNS = 256,      /* under a window */
  PIXELS = 256,    /* of a band, in the gradient of the kernel; there at a */
  ROWS = 128,      /* time: rows of it, */
  FILTERS = 128,   /* filters, */
  LINE = 144       /* numbers from pixel to pixel of what is gathered */
};

INLINE int64_t divide_up(int64_t n, int64_t by) {
  return n <= 0 ? 0 : (n + by - 1) / by;
}

INLINE void clear(float *x, int64_t n) {
  if (n > 0) memset(x, 0, (size_t)n * sizeof *x);
}

/* A walk of windows, whose pixels along an axis are every `step`th cell from
** `first` on, of as many as `cells`. All that is read and written has
** w.channels and `filters` numbers in a cell. `before` may be less than 0. */
typedef struct Direct {
  Window w;
  int64_t groups, filters;
  int64_t cells[3], first[3], step[3];
  bool hangs;   /* windows hang over the edge, where cells are read in runs */
  bool in_runs; /* windows are read in runs; else tap by tap */
} Direct;

Direct direct_forward(const Conv *c);
/* What makes the cells of the image that these taps are the first to see. */
Direct direct_turned(const Conv *c, const int64_t *t);
/* The next taps that are the first ones; false after the last. */
bool direct_next(const Window *w, int64_t *t);
/* Taps that see the same cells of an axis stand so far apart. */
int64_t direct_tap_step(const Window *w, int i);
/* The taps of an axis that are the first ones to see their cells. */
INLINE int64_t first_taps(const Window *w, int i) {
  return least(w->size[i], direct_tap_step(w, i));
}

/* The walk of the forward pass, for the gradient of the kernel. */
Direct direct_kernel(const Conv *c);

INLINE int64_t taps_of(const Window *w) {
  return w->size[0] * w->size[1] * w->size[2];
}

INLINE int64_t group_channels(const Direct *d) {
  return d->w.channels / d->groups;
}

INLINE int64_t chain_of(const Direct *d) {
  return taps_of(&d->w) * group_channels(d);
}

/* Taps whose cells are neighbours, all channels of them. */
INLINE int64_t run_taps(const Direct *d) {
  return d->groups == 1 && d->w.dilation[2] == 1 ? d->w.size[2] : 1;
}

INLINE int64_t run_length(const Direct *d) {
  return run_taps(d) * group_channels(d);
}

INLINE int64_t runs_of(const Direct *d) {
  return taps_of(&d->w) / run_taps(d);
}

INLINE int64_t channel_parts(const Direct *d) {
  return divide_up(group_channels(d), ROWS);
}

INLINE int64_t blocks_of(const Direct *d) {
  int64_t parts = channel_parts(d), taps = taps_of(&d->w);
  return parts > 1 ? taps * parts
                   : divide_up(taps, ROWS / group_channels(d));
}

/* The lines of a band. What the first pixel of each sees begins `from` numbers
** after a, which is 0 for the first line; what is computed for that pixel comes
** `to` after the band's first pixel. The line is number `line` of all. */
typedef struct Lines {
  const float *a;
  int64_t n, column0, column1;
  int64_t from[LINES], to[LINES], line[LINES];
  int64_t pixel, tap[3]; /* numbers from one to the next */
} Lines;

/* Those pixels of the walk that are cells of the band; what they see is copied
** to `room` where it must be. */
void direct_lines(Lines *s, const Direct *d, const float *x, const ConvBand *b,
                  float *room);
/* Where the runs of a window begin, from its first cell on. */
void direct_runs(const Direct *d, const Lines *s, int64_t *run);
/* The row of cells under a row of taps of a line of pixels, or NULL. */
const float *direct_row(const Window *w, const float *x, int64_t line,
                        int64_t taps);
/* Numbers of its panels, one group after the other. */
int64_t direct_panels(const Direct *d);

/* ---- spread (conv_spread.c) --------------------------------------------- */

/* Whether the gradient of the image is made of products that are added to its
** cells. They have so many columns, and so many pixels at a time. */
bool direct_spreads(const Conv *c);
INLINE int64_t spread_columns(const Conv *c) {
  return taps_of(&c->w) * c->w.channels;
}
INLINE int64_t spread_tile(const Conv *c) {
  enum { MOST = 56 };
  return least(MOST, ROOM / (spread_columns(c) + GEMM_COLUMNS));
}
/* x at the cells of a band, all channels; panels are the kernel (taps *
** channels, filters) turned */
extern void SET(conv_spread)(const float *g, const float *panels, float *x,
                             const Conv *c, const ConvBand *b, void *scratch);

#endif
