/* Pooling. The cells under a window are a list of places, counted from the
** window's first cell. All windows of a line that are inside the image have the
** same list, so it is made once a line, and between them and their numbers
** stands neither a division nor a question where the edge is; a window at an
** end of a line has a list of its own. */
#include "base/each_isa.h"
#include "kernels/pool.h"

#include <math.h>

INLINE float larger_number(float a, float b) {
  a = b > a ? b : a;
  return b != b ? b : a; /* NaN wins */
}

/* ---- the largest and the mean -------------------------------------------- */

typedef enum Result { LARGEST, PICKED, MEAN } Result;

/* What a sum is divided by. A factor is faster, and the same when it is exact:
** for powers of two. */
typedef struct Divisor {
  float count, factor;
  bool exact;
} Divisor;

static Divisor divisor_of(int64_t count) {
  return (Divisor){(float)count, 1 / (float)count,
                   (count & (count - 1)) == 0};
}

INLINE Vector begin(Result what, const float *x, const float *y,
                   const Cells *c, bool first) {
  if (!first) return FROM(y);
  if (what == LARGEST) return FROM(x + c->at[0]);
  return (Vector){0};
}

INLINE Vector add_cell(Result what, Vector a, const float *x) {
  if (what == LARGEST) return larger(a, FROM(x));
  return a + FROM(x);
}

INLINE void end(Result what, float *y, Vector a, Divisor d) {
  if (what == LARGEST)
    AT(y) = a;
  else if (d.exact)
    AT(y) = a * d.factor;
  else
    AT(y) = a / d.count;
}

/* Whole vectors of y (n) from the `cells` of a list, whose number may be one
** that the compiler knows: y goes on unless they are the first of their window.
** Returns how many numbers these are. */
INLINE int64_t cell_lanes(Result what, const float *x, float *y,
                          const Cells *c, int cells, bool first, Divisor d,
                          int64_t n) {
  int64_t i = 0;
  int k0 = what == LARGEST && first;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    Vector a0 = begin(what, x + i, y + i, c, first);
    Vector a1 = begin(what, x + i + LANES, y + i + LANES, c, first);
    Vector a2 = begin(what, x + i + 2 * LANES, y + i + 2 * LANES, c, first);
    Vector a3 = begin(what, x + i + 3 * LANES, y + i + 3 * LANES, c, first);
    for (int k = k0; k < cells; k++) {
      const float *at = x + i + c->at[k];
      a0 = add_cell(what, a0, at);
      a1 = add_cell(what, a1, at + LANES);
      a2 = add_cell(what, a2, at + 2 * LANES);
      a3 = add_cell(what, a3, at + 3 * LANES);
    }
    end(what, y + i, a0, d);
    end(what, y + i + LANES, a1, d);
    end(what, y + i + 2 * LANES, a2, d);
    end(what, y + i + 3 * LANES, a3, d);
  }
  for (; i + LANES <= n; i += LANES) {
    Vector a = begin(what, x + i, y + i, c, first);
    for (int k = k0; k < cells; k++)
      a = add_cell(what, a, x + i + c->at[k]);
    end(what, y + i, a, d);
  }
  return i;
}

INLINE int64_t list_lanes(Result what, const float *x, float *y,
                          const Cells *c, bool first, Divisor d, int64_t n) {
  return cell_lanes(what, x, y, c, c->n, first, d, n);
}

/* One number; numbers of x are picked by the list alone. */
INLINE float list_number(Result what, const float *x, float y, const Cells *c,
                         bool first, Divisor d) {
  float a = !first ? y : what == LARGEST ? x[c->at[0]] : 0;
  for (int k = what == LARGEST && first; k < c->n; k++)
    a = what == LARGEST ? larger_number(a, x[c->at[k]]) : a + x[c->at[k]];
  return what == LARGEST ? a : a / d.count;
}

/* All n: what is no whole vector here is one of a narrower set's. */
ISA_FUNCTION(void, of_list, (Result what, const float *x, float *y,
                             const Cells *c, bool first, Divisor d,
                             int64_t n)) {
  int64_t i = what == LARGEST ? list_lanes(LARGEST, x, y, c, first, d, n)
                              : list_lanes(MEAN, x, y, c, first, d, n);
#if ISA_LANES > 4
  if (i < n) ISA_NARROWER(of_list)(what, x + i, y + i, c, first, d, n - i);
#else
  for (; i < n; i++) y[i] = list_number(what, x + i, y[i], c, first, d);
#endif
}

/* Windows that share a list, `step` apart in x. The last vector of a window
** overlaps the one before. Fewer channels than that are the narrowest set's:
** each window writes a vector, of which the next ones overwrite what is not its
** own; those at the end, which would read beyond the `room` of x or write
** beyond y, write their channels only. */
INLINE void window_run(Result what, const float *x, float *y, const Cells *c,
                       int cells, int64_t windows, int64_t n, int64_t step,
                       int64_t room) {
  Divisor d = divisor_of(c->n);
  int64_t wide = most(n, LANES), reach = c->at[c->n - 1] + wide, k = 0;
  int64_t fits = windows * n < wide || room < reach
                     ? 0
                     : least((windows * n - wide) / n, (room - reach) / step) +
                           1;
  for (; k < fits; k++, x += step, y += n)
    if (cell_lanes(what, x, y, c, cells, true, d, wide) < wide)
      cell_lanes(what, x + wide - LANES, y + wide - LANES, c, cells, true, d,
                 LANES);
  for (; k < windows; k++, x += step, y += n)
    for (int64_t i = 0; i < n; i++)
      y[i] = list_number(what, x + i, 0, c, true, d);
}

ISA_FUNCTION(void, run_of_windows, (Result what, const float *x, float *y,
                                    const Cells *c, int64_t windows, int64_t n,
                                    int64_t step, int64_t room)) {
#if ISA_LANES > 4
  if (n < LANES && n > 1 && n != step) {
    ISA_NARROWER(run_of_windows)(what, x, y, c, windows, n, step, room);
    return;
  }
#endif
  if (n == step) /* side by side in x as in y */
    ISA_NAME(of_list)(what, x, y, c, true, divisor_of(c->n), windows * n);
  else if (n == 1)
    for (int64_t k = 0; k < windows; k++)
      y[k] = list_number(what, x + k * step, 0, c, true, divisor_of(c->n));
  else if (what == LARGEST && c->n == 4) /* of two by two, as most are */
    window_run(LARGEST, x, y, c, 4, windows, n, step, room);
  else if (what == LARGEST)
    window_run(LARGEST, x, y, c, c->n, windows, n, step, room);
  else
    window_run(MEAN, x, y, c, c->n, windows, n, step, room);
}

/* A window anywhere, of any size; what one with no cell inside gives is in the
** nature of the two. */
static void one_window(Result what, const float *x, float *y, const Window *w,
                       Under u) {
  int64_t count = count_of(&u), done = 0;
  float nothing = what == LARGEST ? -INFINITY : 0 / (float)count;
  Cells c;
  for (int64_t i = 0; count == 0 && i < w->channels; i++) y[i] = nothing;
  while (list_cells(w, &u, &c)) {
    bool first = done == 0;
    done += c.n;
    ISA_NAME(of_list)(what, x + u.at, y, &c, first,
                      divisor_of(done < count ? 1 : count), w->channels);
  }
}

static void pick(const float *x, const float *h, float *y, const Window *w,
                 Under u, int64_t n) {
  int32_t which[WIDTH];
  Cells c;
  first_largest(x, which, w, u, n);
  for (int64_t i = 0; i < n; i++) y[i] = 0;
  while (list_cells(w, &u, &c))
    for (int k = 0; k < c.n; k++)
      for (int64_t i = 0; i < n; i++)
        if (which[i] == c.tap[k]) y[i] = h[u.at + c.at[k] + i];
}

/* ---- forward ------------------------------------------------------------- */

/* Windows of one line of y, from (b, o) to before `end` */
INLINE void walk_line(Result what, const float *x, const float *h, float *y,
                      const Window *w, int64_t b, int64_t o[3], int64_t end) {
  int64_t n = w->channels, step = w->stride[2] * n;
  Under u = cells_under(w, b, o);
  Span whole = alike(w, &u, (Span){0, w->in[2]});
  whole.first = most(whole.first, o[2]);
  whole.end = least(whole.end, end);
  for (; o[2] < end; o[2]++, y += n) {
    u = cells_under(w, b, o);
    if (what == PICKED) {
      for (int64_t i = 0; i < n; i += WIDTH)
        pick(x + i, h + i, y + i, w, u, least(n - i, WIDTH));
    } else if (o[2] == whole.first && whole.first < whole.end) {
      Cells c;
      int64_t windows = whole.end - whole.first;
      list_cells(w, &u, &c);
      ISA_NAME(run_of_windows)(what, x + u.at, y, &c, windows, n, step,
                               w->batch * cells_of(w) * n - u.at);
      o[2] += windows - 1;
      y += (windows - 1) * n;
    } else {
      one_window(what, x, y, w, u);
    }
  }
}

static void walk_windows(Result what, const float *x, const float *h, float *y,
                         const Window *w, int64_t p0, int64_t p1) {
  for (int64_t p = p0, end; p < p1; p += end) {
    int64_t l = p / w->out[2], k = p % w->out[2];
    int64_t o[3] = {l / w->out[1] % w->out[0], l % w->out[1], k};
    end = least(w->out[2] - k, p1 - p);
    walk_line(what, x, h, y + p * w->channels, w, l / w->out[1] / w->out[0],
              o, k + end);
  }
}

KERNEL(void, max_pool, (const float *x, float *y, const Window *w, int64_t p0,
                        int64_t p1)) {
  walk_windows(LARGEST, x, NULL, y, w, p0, p1);
}

KERNEL(void, max_pool_pick, (const float *x, const float *h, float *y,
                             const Window *w, int64_t p0, int64_t p1)) {
  walk_windows(PICKED, x, h, y, w, p0, p1);
}

KERNEL(void, average_pool, (const float *x, float *y, const Window *w,
                            int64_t p0, int64_t p1)) {
  walk_windows(MEAN, x, NULL, y, w, p0, p1);
}
