/* What pooling shares with its gradient: the cells under windows, listed, and
** which of them is the largest. */
#ifndef KERNELS_POOL_H
#define KERNELS_POOL_H

#include "kernels/vector.h"
#include "kernels/walk.h"

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

#endif
