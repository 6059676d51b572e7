/* Fourier transforms of real rows, by those of complex ones: neighbours in a
** row of even length are taken for one complex number. */
#include "base/each_isa.h"

#include <string.h>

#include "kernels/fft.h"

/* The first of what a real row has as its spectrum, and of an even row the
** last, come once in the whole of it; the others twice. */
typedef struct Weights {
  float ends, others;
} Weights;

/* z (h), the transform of a real row (2 h) whose neighbours were taken for one
** complex number, as the row's own: y_k is half of
** (z_k + z*_(h-k)) - i root_k (z_k - z*_(h-k)). */
INLINE void whole_of_halves(int64_t h, const float *z_re, const float *z_im,
                            const float *c, const float *s, Weights w,
                            float *restrict re, float *restrict im) {
  float half = 0.5f * w.others;
  re[0] = (z_re[0] + z_im[0]) * w.ends;
  re[h] = (z_re[0] - z_im[0]) * w.ends;
  im[0] = im[h] = 0;
  for (int64_t k = 1; k < h; k++) {
    float a = z_re[k], b = z_im[k], p = z_re[h - k], q = z_im[h - k];
    float sr = a + p, si = b - q, dr = a - p, di = b + q;
    re[k] = half * (sr + (di * c[k] + dr * s[k]));
    im[k] = half * (si + (di * s[k] - dr * c[k]));
  }
}

/* The way back, twice as large. */
INLINE void halves_of_whole(int64_t h, const float *re, const float *im,
                            const float *c, const float *s, float ends,
                            float *restrict z_re, float *restrict z_im) {
  z_re[0] = (re[0] + re[h]) * ends;
  z_im[0] = (re[0] - re[h]) * ends;
  for (int64_t k = 1; k < h; k++) {
    float a = re[k], b = im[k], p = re[h - k], q = im[h - k];
    float sr = a + p, si = b - q, dr = a - p, di = b + q;
    z_re[k] = sr - (di * c[k] - dr * s[k]);
    z_im[k] = si + (di * s[k] + dr * c[k]);
  }
}

/* Numbers of even and of odd place, n of each. */
INLINE void split_places(int64_t n, const float *restrict x,
                         float *restrict even, float *restrict odd) {
  for (int64_t i = 0; i < n; i++) {
    even[i] = x[2 * i];
    odd[i] = x[2 * i + 1];
  }
}

INLINE void join_places(int64_t n, const float *restrict even,
                        const float *restrict odd, float factor,
                        float *restrict x) {
  for (int64_t i = 0; i < n; i++) {
    x[2 * i] = even[i] * factor;
    x[2 * i + 1] = odd[i] * factor;
  }
}

/* Room of the rows that go together: complex numbers before and after. */
typedef struct RealRoom {
  int64_t rows;
  float *re, *im, *z_re, *z_im, *rest;
} RealRoom;

INLINE RealRoom real_room(const RealFourier *f, float *room) {
  RealRoom t = {.rows = f->inner.way == FOURIER_SHORT ? SIDE : 1};
  int64_t size = whole_lines(t.rows * f->inner.n);
  t.re = room, t.im = t.re + size, t.z_re = t.im + size;
  t.z_im = t.z_re + size, t.rest = t.z_im + size;
  return t;
}

/* The factors of a transform and of the other's adjoint. */
INLINE Weights weights_of(const RealFourier *f, bool adjoint) {
  float share = 1.0f / (float)f->n;
  return adjoint ? (Weights){share, 2 * share} : (Weights){1, 1};
}

static void odd_row(const RealFourier *f, const float *z_re, const float *z_im,
                    Weights w, float *re, float *im) {
  for (int64_t k = 0; k <= f->n / 2; k++) {
    re[k] = z_re[k] * (k ? w.others : w.ends);
    im[k] = k ? z_im[k] * w.others : 0;
  }
}

KERNEL(void, fourier_real, (const RealFourier *f, bool adjoint, const float *x,
                            float *re, float *im, int64_t rows,
                            const float *tables, float *room)) {
  RealRoom t = real_room(f, room);
  int64_t n = f->n, h = f->inner.n, bins = n / 2 + 1;
  const float *c = tables + fourier_tables(&f->inner);
  Weights w = weights_of(f, adjoint);
  for (int64_t r = 0; r < rows; r += t.rows) {
    int64_t count = rows - r < t.rows ? rows - r : t.rows;
    if (f->halves)
      split_places(count * h, x + r * n, t.re, t.im);
    else
      memset(t.im, 0, (size_t)(count * h) * sizeof *t.im);
    ISA(fourier_rows)(&f->inner, f->halves ? t.re : x + r * n, t.im, t.z_re,
                      t.z_im, count, tables, t.rest);
    for (int64_t i = 0; i < count; i++)
      if (f->halves)
        whole_of_halves(h, t.z_re + i * h, t.z_im + i * h, c,
                        c + whole_lines(bins), w, re + (r + i) * bins,
                        im + (r + i) * bins);
      else
        odd_row(f, t.z_re + i * h, t.z_im + i * h, w, re + (r + i) * bins,
                im + (r + i) * bins);
  }
}

/* All n numbers of an odd row's spectrum, the second half mirrored. */
static void mirrored(int64_t n, const float *re, const float *im, float ends,
                     float *z_re, float *z_im) {
  z_re[0] = re[0] * ends;
  z_im[0] = 0;
  for (int64_t k = 1; k <= n / 2; k++) {
    z_re[k] = z_re[n - k] = re[k];
    z_im[k] = im[k];
    z_im[n - k] = -im[k];
  }
}

KERNEL(void, fourier_real_back, (const RealFourier *f, bool adjoint,
                                 const float *re, const float *im, float *x,
                                 int64_t rows, const float *tables,
                                 float *room)) {
  RealRoom t = real_room(f, room);
  int64_t n = f->n, h = f->inner.n, bins = n / 2 + 1;
  const float *c = tables + fourier_tables(&f->inner);
  float ends = adjoint ? 2 : 1, factor = adjoint ? 0.5f : 1 / (float)n;
  for (int64_t r = 0; r < rows; r += t.rows) {
    int64_t count = rows - r < t.rows ? rows - r : t.rows;
    for (int64_t i = 0; i < count; i++)
      if (f->halves)
        halves_of_whole(h, re + (r + i) * bins, im + (r + i) * bins, c,
                        c + whole_lines(bins), ends, t.re + i * h,
                        t.im + i * h);
      else
        mirrored(n, re + (r + i) * bins, im + (r + i) * bins, ends,
                 t.re + i * h, t.im + i * h);
    /* the inverse is the transform with both parts exchanged */
    ISA(fourier_rows)(&f->inner, t.im, t.re, t.z_im, t.z_re, count, tables,
                      t.rest);
    if (f->halves)
      join_places(count * h, t.z_re, t.z_im, factor, x + r * n);
    else
      for (int64_t i = 0; i < count * n; i++) x[r * n + i] = t.z_re[i] * factor;
  }
}
