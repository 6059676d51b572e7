/* Pooling. The cells under a window are a list of places, counted from the
** window's first cell. All windows of a line that are inside the image have the
** same list, so it is made once a line, and between them and their numbers
** stands neither a division nor a question where the edge is; a window at an
** end of a line has a list of its own. Which cell was the largest is found anew
** by the gradient, which is cheaper than to keep it. */
#include "base/each_isa.h"
#include "kernels/vector.h"
#include "kernels/walk.h"

#include <math.h>
#include <string.h>

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

/* ---- windows ----------------------------------------------------------- */

enum { LIST = 64 }; /* cells of a list; larger windows take several */

typedef struct Cells {
  int n;
  int32_t tap[LIST]; /* which cell of the window it is */
  int64_t at[LIST];  /* from tap 0 on, in numbers; they ascend */
} Cells;

/* The cells under one window that are inside: the taps of each axis, in the
** image the number `at` + tap . step, and the one that is listed next. */
typedef struct Under {
  Span taps[3];
  int64_t at, step[3], next[3];
} Under;

static Under cells_under(const Window *w, int64_t b, const int64_t o[3]) {
  int64_t size = w->channels;
  Under u = {.at = 0};
  for (int a = 2; a >= 0; a--) {
    u.taps[a] = taps_inside(w, a, o[a]);
    u.next[a] = u.taps[a].first;
    u.at += (o[a] * w->stride[a] - w->before[a]) * size;
    u.step[a] = w->dilation[a] * size;
    size *= w->in[a];
  }
  u.at += b * size;
  return u;
}

static int64_t count_of(const Under *u) {
  int64_t n = 1;
  for (int a = 0; a < 3; a++) n *= u->taps[a].end - u->taps[a].first;
  return n;
}

/* The next cells, LIST at most; false when there is none left. */
static bool list_cells(const Window *w, Under *u, Cells *c) {
  int64_t *t = u->next;
  c->n = 0;
  for (; t[0] < u->taps[0].end; t[0]++, t[1] = u->taps[1].first)
    for (; t[1] < u->taps[1].end; t[1]++, t[2] = u->taps[2].first)
      for (; t[2] < u->taps[2].end; t[2]++) {
        if (c->n == LIST) return true;
        c->tap[c->n] =
            (int32_t)((t[0] * w->size[1] + t[1]) * w->size[2] + t[2]);
        c->at[c->n++] =
            t[0] * u->step[0] + t[1] * u->step[1] + t[2] * u->step[2];
      }
  return c->n > 0;
}

/* The windows of a line that share a list, since their taps along it are all
** among `cells`: none when they are too large, or outside along other axes. */
static Span alike(const Window *w, const Under *u, Span cells) {
  Span whole = whole_windows(w, cells);
  int64_t lines = (u->taps[0].end - u->taps[0].first) *
                  (u->taps[1].end - u->taps[1].first);
  if (lines == 0 || lines * w->size[2] > LIST) whole.first = whole.end = 0;
  return whole;
}

/* ---- vectors ------------------------------------------------------------- */

/* In each lane: is b larger than a, or NaN where a is none? AVX-512 has masks
** of its own, of which compilers know too little. */
#if defined(__AVX512F__)

typedef __mmask16 Mask;

INLINE Mask is_nan(Vector b) { return _mm512_cmp_ps_mask(b, b, _CMP_UNORD_Q); }
INLINE Mask beats(Vector b, Vector a) {
  return (Mask)(_mm512_cmp_ps_mask(b, a, _CMP_NLE_UQ) & ~is_nan(a));
}
INLINE Vector choose(Mask m, Vector b, Vector a) {
  return _mm512_mask_mov_ps(a, m, b);
}
INLINE IntVector choose_tap(Mask m, int32_t tap, IntVector which) {
  return (IntVector)_mm512_mask_set1_epi32((__m512i)which, m, tap);
}
INLINE Vector where_tap(IntVector which, int32_t tap, Vector g) {
  return _mm512_maskz_mov_ps(
      _mm512_cmpeq_epi32_mask((__m512i)which, _mm512_set1_epi32(tap)), g);
}
INLINE Vector larger(Vector a, Vector b) {
  return choose(is_nan(b), b, _mm512_max_ps(b, a));
}

#else

typedef IntVector Mask;

INLINE Mask beats(Vector b, Vector a) { return ~(b <= a) & (a == a); }
INLINE Vector choose(Mask m, Vector b, Vector a) {
  return (Vector)((m & (IntVector)b) | (~m & (IntVector)a));
}
INLINE IntVector choose_tap(Mask m, int32_t tap, IntVector which) {
  return (m & tap) | (~m & which);
}
INLINE Vector where_tap(IntVector which, int32_t tap, Vector g) {
  return (Vector)((which == tap) & (IntVector)g);
}
INLINE Vector larger(Vector a, Vector b) {
  return choose((b > a) | (b != b), b, a);
}

#endif

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

/* ---- the first largest --------------------------------------------------- */

enum { WIDTH = 64 }; /* channels at a time */

/* which[0..n) = the tap of the first largest of each channel, of a window of
** any size */
static void first_largest(const float *x, int32_t *which, const Window *w,
                          Under u, int64_t n) {
  float best[WIDTH];
  Cells c;
  bool first = true;
  while (list_cells(w, &u, &c))
    for (int k = 0; k < c.n; k++, first = false)
      for (int64_t i = 0; i < n; i++) {
        float b = x[u.at + c.at[k] + i];
        if (first || (best[i] == best[i] && !(b <= best[i]))) {
          best[i] = b;
          which[i] = c.tap[k];
        }
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

/* ---- backward ------------------------------------------------------------ */

/* Whole vectors: dx at the cells of `to` += g / count */
INLINE int64_t spread_lanes(const float *g, float *dx, const Cells *to,
                            float count, int64_t n) {
  int64_t i = 0;
  for (; i + 4 * LANES <= n; i += 4 * LANES) {
    Vector a = FROM(g + i) / count, b = FROM(g + i + LANES) / count;
    Vector c = FROM(g + i + 2 * LANES) / count;
    Vector d = FROM(g + i + 3 * LANES) / count;
    for (int k = 0; k < to->n; k++) {
      float *at = dx + to->at[k] + i;
      AT(at) += a;
      AT(at + LANES) += b;
      AT(at + 2 * LANES) += c;
      AT(at + 3 * LANES) += d;
    }
  }
  for (; i + LANES <= n; i += LANES) {
    Vector share = FROM(g + i) / count;
    for (int k = 0; k < to->n; k++) AT(dx + to->at[k] + i) += share;
  }
  return i;
}

/* Whole vectors: dx at those cells of `to` that are the first largest of x
** under `c` += g */
INLINE int64_t scatter_lanes(const float *x, const float *g, float *dx,
                             const Cells *c, const Cells *to, int64_t n) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    Vector share = FROM(g + i), best = FROM(x + c->at[0] + i);
    IntVector which = (IntVector){0} + c->tap[0];
    for (int k = 1; k < c->n; k++) {
      Vector b = FROM(x + c->at[k] + i);
      Mask wins = beats(b, best);
      best = choose(wins, b, best);
      which = choose_tap(wins, c->tap[k], which);
    }
    for (int k = 0; k < to->n; k++)
      AT(dx + to->at[k] + i) += where_tap(which, to->tap[k], share);
  }
  return i;
}

#if ISA_LANES == 4
/* One number, which is left to the narrowest set. A branch here is guessed wrong
** as often as not. */
INLINE int32_t bits_of(float x) {
  int32_t i;
  memcpy(&i, &x, sizeof i);
  return i;
}
INLINE float float_of(int32_t i) {
  float x;
  memcpy(&x, &i, sizeof x);
  return x;
}
INLINE int32_t choose_bits(int32_t mask, int32_t b, int32_t a) {
  return (b & mask) | (a & ~mask);
}

INLINE void share_number(const float *x, float g, float *dx, const Cells *c,
                         const Cells *to, float count) {
  if (x == NULL) {
    for (int k = 0; k < to->n; k++) dx[to->at[k]] += g / count;
    return;
  }
  float best = x[c->at[0]];
  int32_t which = c->tap[0];
  for (int k = 1; k < c->n; k++) {
    float b = x[c->at[k]];
    int32_t wins = -(!(b <= best) & (best == best));
    which = choose_bits(wins, c->tap[k], which);
    best = float_of(choose_bits(wins, bits_of(b), bits_of(best)));
  }
  for (int k = 0; k < to->n; k++)
    dx[to->at[k]] += float_of(-(to->tap[k] == which) & bits_of(g));
}
#endif

/* Either, without x the mean's, for `windows` that are `step` apart in x and
** dx; all n channels: the narrower sets do what is left. */
ISA_FUNCTION(void, share_windows, (const float *x, const float *g, float *dx,
                                   const Cells *c, const Cells *to,
                                   float count, int64_t windows, int64_t step,
                                   int64_t g_step, int64_t n)) {
  for (int64_t k = 0; k < windows; k++) {
    int64_t i = n < LANES ? 0
                : x       ? scatter_lanes(x, g, dx, c, to, n)
                          : spread_lanes(g, dx, to, count, n);
#if ISA_LANES > 4
    if (i < n) {
      int64_t left = n < LANES ? windows - k : 1;
      ISA_NARROWER(share_windows)(x ? x + i : x, g + i, dx + i, c, to, count,
                                  left, step, g_step, n - i);
      k += left - 1;
    }
#else
    for (; i < n; i++)
      share_number(x ? x + i : x, g[i], dx + i, c, to, count);
#endif
    x = x ? x + step : x;
    g += g_step;
    dx += step;
  }
}

/* A window anywhere: u, the cells under it; part, those that are written. */
static void share_window(const float *x, const float *g, float *dx,
                         const Window *w, Under u, Under part) {
  int64_t n = w->channels, count = count_of(&u);
  Cells c, to;
  if (x == NULL || count <= LIST) {
    Under under = u;
    list_cells(w, &under, &c);
    while (list_cells(w, &part, &to))
      ISA_NAME(share_windows)(x ? x + u.at : x, g, dx + u.at, &c, &to,
                              (float)count, 1, 0, 0, n);
    return;
  }
  int32_t which[WIDTH];
  for (int64_t i = 0; i < n; i += WIDTH) {
    int64_t many = least(n - i, WIDTH);
    Under rest = part;
    first_largest(x + i, which, w, u, many);
    while (list_cells(w, &rest, &to))
      for (int k = 0; k < to.n; k++)
        for (int64_t q = 0; q < many; q++)
          dx[u.at + to.at[k] + i + q] +=
              which[q] == to.tap[k] ? g[i + q] : 0.0f;
  }
}

/* One line of g, of which the windows from o[2] to before `end` touch the cells
** [i0, i1) of the band's axis; only those are written. */
static void share_line(const float *x, const float *g, float *dx,
                       const Window *w, int64_t b, int64_t o[3], int64_t end,
                       int axis, int64_t i0, int64_t i1) {
  int64_t n = w->channels;
  Under u = cells_under(w, b, o);
  Span all = {0, w->in[2]}, band = {i0, i1};
  Span whole = alike(w, &u, axis == 2 ? band : all);
  for (; o[2] < end; o[2]++) {
    u = cells_under(w, b, o);
    Under part = u;
    part.taps[axis] = inside(o[axis] * w->stride[axis] - w->before[axis],
                             w->dilation[axis], w->size[axis], i0, i1);
    part.next[axis] = part.taps[axis].first;
    if (o[2] == whole.first && whole.first < whole.end) {
      Cells c, to;
      Under under = u;
      list_cells(w, &under, &c);
      if (list_cells(w, &part, &to))
        ISA_NAME(share_windows)(x ? x + u.at : x, g + o[2] * n, dx + u.at, &c,
                                &to, (float)c.n, whole.end - whole.first,
                                w->stride[2] * n, n, n);
      o[2] = whole.end - 1;
    } else {
      share_window(x, g + o[2] * n, dx, w, u, part);
    }
  }
}

/* One image: the cells [i0, i1) of the band's axis. */
static void walk_band(const float *x, const float *g, float *dx,
                      const Window *w, int64_t b, int64_t i0, int64_t i1) {
  int axis = window_band_axis(w);
  int64_t row = cells_of(w) / w->in[axis] * w->channels;
  int64_t line = w->out[2] * w->channels;
  Span o[3] = {{0, w->out[0]}, {0, w->out[1]}, {0, w->out[2]}};
  memset(dx + b * cells_of(w) * w->channels + i0 * row, 0,
         (size_t)((i1 - i0) * row) * sizeof *dx);
  o[axis] = touching(w, axis, i0, i1);
  for (int64_t i = o[0].first; i < o[0].end; i++)
    for (int64_t j = o[1].first; j < o[1].end; j++) {
      int64_t at[3] = {i, j, o[2].first};
      share_line(x, g + ((b * w->out[0] + i) * w->out[1] + j) * line, dx, w, b,
                 at, o[2].end, axis, i0, i1);
    }
}

KERNEL(void, max_pool_scatter, (const float *x, const float *g, float *dx,
                                const Window *w, int64_t b0, int64_t b1,
                                int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) walk_band(x, g, dx, w, b, i0, i1);
}

KERNEL(void, average_pool_scatter,
       (const float *g, float *dx, const Window *w, int64_t b0, int64_t b1,
        int64_t i0, int64_t i1)) {
  for (int64_t b = b0; b < b1; b++) walk_band(NULL, g, dx, w, b, i0, i1);
}
