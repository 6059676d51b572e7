/* Discrete Fourier transforms of rows, of any length. Lengths whose prime
** factors are small go by factors (Stockham's way: each step leaves the numbers
** in order), sixteen transforms side by side, one in each lane. A long row is
** a matrix: its columns are transformed, turned by roots of one, and then its
** rows. Lengths with a large prime factor are a convolution with a chirp
** (Bluestein), whose length is a power of two. */
#include "base/each_isa.h"

#include <string.h>

#include "kernels/fft.h"
#include "kernels/vector.h"

/* ---- steps -------------------------------------------------------------- */

/* A block of lanes: real and imaginary parts. */
typedef struct Block {
  float *re, *im;
} Block;

/* A step by r, of transforms of m, s numbers apart: out of x into y. Numbers
** p + (m / r) j of x become numbers r p + k of y, turned by root p k of m; the
** roots of m are each `every`-th of the table. */
typedef struct FourierStep {
  int64_t m, s, every;
  const float *roots;
  Block x, y;
} FourierStep;

/* As many numbers as a vector has. */
typedef struct Numbers {
  Vector re, im;
} Numbers;

INLINE Numbers numbers_at(const FourierStep *t, int64_t at) {
  return (Numbers){FROM(t->x.re + at), FROM(t->x.im + at)};
}

/* (y.re, y.im)[at] = (re + i im) root number i */
#define PUT_TURNED(step, at, a, b, i)                      \
  do {                                                     \
    float c_ = (step)->roots[2 * (i)];                     \
    float s_ = (step)->roots[2 * (i) + 1];                 \
    Vector a_ = (a), b_ = (b);                             \
    AT((step)->y.re + (at)) = a_ * c_ - b_ * s_;           \
    AT((step)->y.im + (at)) = a_ * s_ + b_ * c_;           \
  } while (0)

#define PUT(step, at, a, b)           \
  do {                                \
    AT((step)->y.re + (at)) = (a);    \
    AT((step)->y.im + (at)) = (b);    \
  } while (0)

INLINE void step_by_two(const FourierStep *t) {
  int64_t half = t->m / 2, s = t->s;
  for (int64_t p = 0; p < half; p++)
    for (int64_t q = 0; q < s; q += LANES) {
      int64_t x = s * p + q, next = s * half, y = s * 2 * p + q;
      Numbers a = numbers_at(t, x), b = numbers_at(t, x + next);
      PUT(t, y, a.re + b.re, a.im + b.im);
      PUT_TURNED(t, y + s, a.re - b.re, a.im - b.im, p * t->every);
    }
}

INLINE void step_by_three(const FourierStep *t) {
  const float half = 0.5f, root = 0.86602540378443864676f;
  int64_t third = t->m / 3, s = t->s;
  for (int64_t p = 0; p < third; p++)
    for (int64_t q = 0; q < s; q += LANES) {
      int64_t x = s * p + q, next = s * third, y = s * 3 * p + q;
      Numbers a = numbers_at(t, x), b = numbers_at(t, x + next);
      Numbers c = numbers_at(t, x + 2 * next);
      Vector sr = b.re + c.re, si = b.im + c.im;
      Vector dr = (b.re - c.re) * root, di = (b.im - c.im) * root;
      Vector mr = a.re - sr * half, mi = a.im - si * half;
      PUT(t, y, a.re + sr, a.im + si);
      PUT_TURNED(t, y + s, mr + di, mi - dr, p * t->every);
      PUT_TURNED(t, y + 2 * s, mr - di, mi + dr, 2 * p * t->every);
    }
}

INLINE void step_by_four(const FourierStep *t) {
  int64_t part = t->m / 4, s = t->s;
  for (int64_t p = 0; p < part; p++)
    for (int64_t q = 0; q < s; q += LANES) {
      int64_t x = s * p + q, next = s * part, y = s * 4 * p + q;
      Numbers a = numbers_at(t, x), b = numbers_at(t, x + next);
      Numbers c = numbers_at(t, x + 2 * next);
      Numbers d = numbers_at(t, x + 3 * next);
      Vector er = a.re + c.re, ei = a.im + c.im;
      Vector fr = a.re - c.re, fi = a.im - c.im;
      Vector gr = b.re + d.re, gi = b.im + d.im;
      Vector hr = b.re - d.re, hi = b.im - d.im;
      PUT(t, y, er + gr, ei + gi);
      PUT_TURNED(t, y + s, fr + hi, fi - hr, p * t->every);
      PUT_TURNED(t, y + 2 * s, er - gr, ei - gi, 2 * p * t->every);
      PUT_TURNED(t, y + 3 * s, fr - hi, fi + hr, 3 * p * t->every);
    }
}

/* Any other prime r: r^2 products, by the table, whose numbers m / r apart are
** roots of r. */
INLINE void step_by_prime(const FourierStep *t, int64_t r) {
  int64_t part = t->m / r, s = t->s;
  int64_t root = part * t->every, n = t->m * t->every;
  for (int64_t p = 0; p < part; p++)
    for (int64_t k = 0; k < r; k++)
      for (int64_t q = 0; q < s; q += LANES) {
        Numbers sum = numbers_at(t, s * p + q);
        for (int64_t j = 1; j < r; j++) {
          const float *w = t->roots + 2 * (j * k % r * root % n);
          Numbers a = numbers_at(t, s * (p + j * part) + q);
          sum.re += a.re * w[0] - a.im * w[1];
          sum.im += a.re * w[1] + a.im * w[0];
        }
        PUT_TURNED(t, s * (r * p + k) + q, sum.re, sum.im, p * k * t->every);
      }
}

INLINE int64_t next_step(int64_t m) {
  if (m % 4 == 0) return 4;
  for (int64_t p = 2; p <= MOST_FACTOR; p++)
    if (m % p == 0) return p;
  return m;
}

/* SIDE transforms of n, in x (n,SIDE); y is as large. What comes out is in what
** is returned. */
static Block transform(int64_t n, const float *roots, Block x, Block y) {
  int64_t s = SIDE;
  for (int64_t m = n; m > 1;) {
    int64_t r = next_step(m);
    FourierStep t = {m, s, n / m, roots, x, y};
    if (r == 2) step_by_two(&t);
    else if (r == 3) step_by_three(&t);
    else if (r == 4) step_by_four(&t);
    else step_by_prime(&t, r);
    m /= r;
    s *= r;
    Block z = x;
    x = y;
    y = z;
  }
  return x;
}

/* ---- lanes ------------------------------------------------------------- */

/* Up to SIDE rows of n numbers, `row` apart, become columns of y (n,SIDE), and
** back. Lanes without a row repeat the last one. */
INLINE void into_lanes(const float *x, int64_t row, int64_t rows, int64_t n,
                       float *y) {
  for (int64_t l = 0; l < SIDE; l++) {
    const float *restrict from = x + (l < rows ? l : rows - 1) * row;
    for (int64_t i = 0; i < n; i++) y[i * SIDE + l] = from[i];
  }
}

INLINE void out_of_lanes(const float *y, int64_t row, int64_t rows, int64_t n,
                         float *x) {
  for (int64_t l = 0; l < rows; l++)
    for (int64_t i = 0; i < n; i++) x[l * row + i] = y[i * SIDE + l];
}

/* Up to SIDE columns of x (n,row), and back. */
INLINE void take_columns(const float *x, int64_t row, int64_t columns,
                         int64_t n, float *y) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t l = 0; l < SIDE; l++)
      y[i * SIDE + l] = x[i * row + (l < columns ? l : columns - 1)];
}

INLINE void give_columns(const float *y, int64_t row, int64_t columns,
                         int64_t n, float *x) {
  for (int64_t i = 0; i < n; i++)
    for (int64_t l = 0; l < columns; l++) x[i * row + l] = y[i * SIDE + l];
}

static Block block_at(float *room, int64_t n, int i) {
  return (Block){room + 2 * i * SIDE * n, room + (2 * i + 1) * SIDE * n};
}

static void short_rows(const Fourier *f, const float *re, const float *im,
                       float *y_re, float *y_im, int64_t rows,
                       const float *tables, float *room) {
  int64_t n = f->n;
  for (int64_t r = 0; r < rows; r += SIDE) {
    int64_t count = rows - r < SIDE ? rows - r : SIDE;
    Block x = block_at(room, n, 0), y = block_at(room, n, 1);
    into_lanes(re + r * n, n, count, n, x.re);
    into_lanes(im + r * n, n, count, n, x.im);
    x = transform(n, tables, x, y);
    out_of_lanes(x.re, n, count, n, y_re + r * n);
    out_of_lanes(x.im, n, count, n, y_im + r * n);
  }
}

/* ---- long rows ---------------------------------------------------------- */

/* Numbers (k, lane) of x times root k (j + lane) of n, a product of two. */
static void turn_block(const Fourier *f, const LongTables *t, int64_t j,
                       Block x) {
  for (int64_t k = 0; k < f->n1; k++) {
    double c0, s0;
    one_root(&t->roots, k * j, &c0, &s0);
    const double *restrict c1 = t->turns + 2 * k * SIDE;
    const double *restrict s1 = c1 + SIDE;
    float *restrict re = x.re + k * SIDE, *restrict im = x.im + k * SIDE;
    float c[SIDE], s[SIDE];
    for (int l = 0; l < SIDE; l++) {
      c[l] = (float)(c0 * c1[l] - s0 * s1[l]);
      s[l] = (float)(c0 * s1[l] + s0 * c1[l]);
    }
    for (int l = 0; l < SIDE; l++) {
      float p = re[l], q = im[l];
      re[l] = p * c[l] - q * s[l];
      im[l] = p * s[l] + q * c[l];
    }
  }
}

/* x as a matrix (n1,n2): columns, turned, into y (n1,n2). */
static void by_columns(const Fourier *f, const LongTables *t, const float *re,
                       const float *im, float *y_re, float *y_im,
                       float *room) {
  for (int64_t j = 0; j < f->n2; j += SIDE) {
    int64_t columns = f->n2 - j < SIDE ? f->n2 - j : SIDE;
    Block x = block_at(room, f->n1, 0), y = block_at(room, f->n1, 1);
    take_columns(re + j, f->n2, columns, f->n1, x.re);
    take_columns(im + j, f->n2, columns, f->n1, x.im);
    x = transform(f->n1, t->first, x, y);
    turn_block(f, t, j, x);
    give_columns(x.re, f->n2, columns, f->n1, y_re + j);
    give_columns(x.im, f->n2, columns, f->n1, y_im + j);
  }
}

/* The rows of x (n1,n2) become columns of y (n2,n1). */
static void by_rows(const Fourier *f, const LongTables *t, const float *re,
                    const float *im, float *y_re, float *y_im, float *room) {
  for (int64_t k = 0; k < f->n1; k += SIDE) {
    int64_t rows = f->n1 - k < SIDE ? f->n1 - k : SIDE;
    Block x = block_at(room, f->n2, 0), y = block_at(room, f->n2, 1);
    into_lanes(re + k * f->n2, f->n2, rows, f->n2, x.re);
    into_lanes(im + k * f->n2, f->n2, rows, f->n2, x.im);
    x = transform(f->n2, t->second, x, y);
    give_columns(x.re, f->n1, rows, f->n2, y_re + k);
    give_columns(x.im, f->n1, rows, f->n2, y_im + k);
  }
}

static void long_row(const Fourier *f, const float *re, const float *im,
                     float *y_re, float *y_im, const float *tables,
                     float *room) {
  LongTables t = long_parts(f, tables);
  float *between = room + 2 * whole_lines(f->n + SIDE);
  by_columns(f, &t, re, im, room, room + whole_lines(f->n + SIDE), between);
  by_rows(f, &t, room, room + whole_lines(f->n + SIDE), y_re, y_im, between);
}

/* ---- any length --------------------------------------------------------- */

/* (re, im) (n) times the chirp, with zeros behind it up to m. */
static void times_chirp(const ChirpTables *t, int64_t n, int64_t m,
                        const float *re, const float *im, float *y_re,
                        float *y_im) {
  for (int64_t i = 0; i < n; i++) {
    float a = re[i], b = im[i];
    y_re[i] = a * t->c[i] - b * t->s[i];
    y_im[i] = a * t->s[i] + b * t->c[i];
  }
  for (int64_t i = n; i < m; i++) y_re[i] = y_im[i] = 0;
}

/* The inverse transform is the transform with both parts exchanged. */
static void chirp_row(const Fourier *f, const float *re, const float *im,
                      float *y_re, float *y_im, const float *tables,
                      float *room) {
  Fourier g = fourier_of(f->padded);
  ChirpTables t = chirp_parts(f, tables);
  int64_t m = g.n, size = whole_lines(m);
  float *a = room, *b = a + size, *c = b + size, *d = c + size;
  float *rest = d + size;
  times_chirp(&t, f->n, m, re, im, a, b);
  ISA(fourier_rows)(&g, a, b, c, d, 1, t.inner, rest);
  for (int64_t i = 0; i < m; i++) {
    float p = c[i], q = d[i];
    c[i] = p * t.c_padded[i] - q * t.s_padded[i];
    d[i] = p * t.s_padded[i] + q * t.c_padded[i];
  }
  ISA(fourier_rows)(&g, d, c, b, a, 1, t.inner, rest);
  times_chirp(&t, f->n, f->n, a, b, y_re, y_im);
}

KERNEL(void, fourier_rows, (const Fourier *f, const float *re, const float *im,
                            float *y_re, float *y_im, int64_t rows,
                            const float *tables, float *room)) {
  int64_t n = f->n;
  if (f->way == FOURIER_NONE) {
    memcpy(y_re, re, (size_t)(rows * n) * sizeof *re);
    memcpy(y_im, im, (size_t)(rows * n) * sizeof *im);
  } else if (f->way == FOURIER_SHORT) {
    short_rows(f, re, im, y_re, y_im, rows, tables, room);
  } else {
    for (int64_t r = 0; r < rows; r++)
      (f->way == FOURIER_LONG ? long_row : chirp_row)(
          f, re + r * n, im + r * n, y_re + r * n, y_im + r * n, tables, room);
  }
}
