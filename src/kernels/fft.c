/* Discrete Fourier transforms of rows, of any length. Lengths whose prime
** factors are small go by factors (Stockham's way: each step leaves the numbers
** in order), sixteen transforms side by side, one in each lane. A long row is a
** matrix: its columns are transformed, turned by roots of one, and then its rows.
** Lengths with a large prime factor are a convolution with a chirp (Bluestein),
** whose length is a power of two. Roots of one are computed in double. */

#include <math.h>
#include <string.h>

#include "base/each_isa.h"
#include "kernels/kernels.h"
#include "kernels/vector.h"

enum {
  SIDE = 16,            /* transforms that go side by side */
  SHORT_ROW = 256,      /* rows up to it are the lanes themselves */
  MOST_FACTOR = 31      /* the largest prime that is a step */
};

/* Any root of one as a product of two. */
typedef struct Roots {
  int bits;
  double *fine, *coarse; /* (2^bits,2), (n / 2^bits + 1,2) */
} Roots;

INLINE void one_root(const Roots *t, int64_t i, double *c, double *s) {
  const double *a = t->coarse + 2 * (i >> t->bits);
  const double *b = t->fine + 2 * (i & (((int64_t)1 << t->bits) - 1));
  *c = a[0] * b[0] - a[1] * b[1];
  *s = a[0] * b[1] + a[1] * b[0];
}

enum { LINE = 16 }; /* floats of a line of cache */

INLINE int64_t whole_lines(int64_t floats) {
  return (floats + LINE - 1) / LINE * LINE;
}

INLINE int low_bits(int64_t n) {
  int bits = 0;
  while ((int64_t)1 << 2 * bits < n) bits++;
  return bits;
}

/* Parts of the tables of a long row, at their places. */
typedef struct LongTables {
  float *first, *second; /* roots of n1 and of n2 */
  Roots roots;           /* of n */
  double *turns;         /* (n1,2,SIDE): root k1 * lane of n */
} LongTables;

INLINE LongTables long_parts(const Fourier *f, const float *tables) {
  LongTables t;
  float *at = (float *)(uintptr_t)tables;
  t.roots.bits = low_bits(f->n);
  t.first = at, at += whole_lines(2 * f->n1);
  t.second = at, at += whole_lines(2 * f->n2);
  t.roots.fine = (double *)(void *)at, at += whole_lines(4 << t.roots.bits);
  t.roots.coarse = (double *)(void *)at;
  at += whole_lines(4 * ((f->n >> t.roots.bits) + 1));
  t.turns = (double *)(void *)at;
  return t;
}

/* Parts of the tables of a chirp: root j^2 of 2 n, its transform where it is
** turned and padded, and tables of that length. */
typedef struct ChirpTables {
  float *c, *s, *c_padded, *s_padded, *inner;
} ChirpTables;

INLINE ChirpTables chirp_parts(const Fourier *f, const float *tables) {
  ChirpTables t;
  float *at = (float *)(uintptr_t)tables;
  t.c = at, at += whole_lines(f->n);
  t.s = at, at += whole_lines(f->n);
  t.c_padded = at, at += whole_lines(f->padded);
  t.s_padded = at, at += whole_lines(f->padded);
  t.inner = at;
  return t;
}

#if ISA_FIRST

/* ---- how a length is taken --------------------------------------------- */

static int64_t smallest_factor(int64_t n) {
  for (int64_t p = 2; p <= MOST_FACTOR; p++)
    if (n % p == 0) return p;
  return n;
}

static bool has_small_factors(int64_t n) {
  while (n > 1 && smallest_factor(n) <= MOST_FACTOR) n /= smallest_factor(n);
  return n == 1;
}

/* The divisor next below the root: rows and columns are of like length. */
static int64_t middle_divisor(int64_t n) {
  int64_t d = (int64_t)sqrt((double)n);
  while (d > 1 && n % d) d--;
  return d;
}

static int64_t power_of_two(int64_t n) {
  int64_t p = 1;
  while (p < n) p *= 2;
  return p;
}

Fourier fourier_of(int64_t n) {
  Fourier f = {.n = n, .way = n <= 1 ? FOURIER_NONE
                              : !has_small_factors(n) ? FOURIER_CHIRP
                              : n <= SHORT_ROW ? FOURIER_SHORT : FOURIER_LONG};
  f.n1 = f.way == FOURIER_LONG ? middle_divisor(n) : n;
  f.n2 = f.way == FOURIER_LONG ? n / f.n1 : 1;
  f.padded = f.way == FOURIER_CHIRP ? power_of_two(2 * n - 1) : 0;
  return f;
}

/* What the parts of the tables take, in floats. */
static int64_t long_tables(int64_t n, int64_t n1, int64_t n2) {
  int64_t low = (int64_t)1 << low_bits(n), high = n / low + 1;
  return whole_lines(2 * n1) + whole_lines(2 * n2) +
         whole_lines(4 * low) + whole_lines(4 * high) + 4 * SIDE * n1;
}

int64_t fourier_tables(const Fourier *f) {
  if (f->way == FOURIER_NONE) return 0;
  if (f->way == FOURIER_SHORT) return whole_lines(2 * f->n);
  if (f->way == FOURIER_LONG) return long_tables(f->n, f->n1, f->n2);
  Fourier g = fourier_of(f->padded);
  return 2 * whole_lines(f->n) + 2 * whole_lines(g.n) + fourier_tables(&g);
}

/* Two blocks of lanes, real and imaginary, and a row between its two ways. */
int64_t fourier_room(const Fourier *f) {
  int64_t longest = f->n1 > f->n2 ? f->n1 : f->n2;
  if (f->way == FOURIER_NONE) return 0;
  if (f->way == FOURIER_SHORT) return 4 * SIDE * f->n;
  if (f->way == FOURIER_LONG)
    return 4 * SIDE * longest + 2 * whole_lines(f->n + SIDE);
  Fourier g = fourier_of(f->padded);
  return 4 * whole_lines(g.n) + fourier_room(&g);
}

/* ---- roots of one ------------------------------------------------------- */

/* cos and -sin of 2 pi i / n */
static void root(int64_t i, int64_t n, double *c, double *s) {
  double angle = 6.283185307179586476925 * (double)i / (double)n;
  *c = cos(angle);
  *s = -sin(angle);
}

/* table (n,2): all of them; the second half mirrors the first */
static void all_roots(int64_t n, float *table) {
  for (int64_t i = 0; i <= n / 2; i++) {
    double c, s;
    root(i, n, &c, &s);
    table[2 * i] = (float)c;
    table[2 * i + 1] = (float)s;
    if (i > 0) {
      table[2 * (n - i)] = (float)c;
      table[2 * (n - i) + 1] = (float)-s;
    }
  }
}

static void fill_roots(const Roots *t, int64_t n) {
  for (int64_t i = 0; i >> t->bits == 0; i++)
    root(i, n, t->fine + 2 * i, t->fine + 2 * i + 1);
  for (int64_t i = 0; i <= n >> t->bits; i++)
    root(i << t->bits, n, t->coarse + 2 * i, t->coarse + 2 * i + 1);
}

/* ---- tables of a long row ----------------------------------------------- */

static void fill_long(const Fourier *f, float *tables) {
  LongTables t = long_parts(f, tables);
  all_roots(f->n1, t.first);
  all_roots(f->n2, t.second);
  fill_roots(&t.roots, f->n);
  for (int64_t k = 0; k < f->n1; k++)
    for (int64_t l = 0; l < SIDE; l++)
      one_root(&t.roots, k * l % f->n, t.turns + 2 * k * SIDE + l,
               t.turns + (2 * k + 1) * SIDE + l);
}

/* ---- a chirp ------------------------------------------------------------ */

/* The chirp itself, and around 0 without a sign, which is to be transformed. */
static void fill_chirp(const Fourier *f, const ChirpTables *t, float *c,
                       float *s) {
  int64_t n = f->n, m = f->padded;
  memset(c, 0, (size_t)m * sizeof *c);
  memset(s, 0, (size_t)m * sizeof *s);
  for (int64_t j = 0; j < n; j++) {
    double x, y;
    root(j * j % (2 * n), 2 * n, &x, &y);
    t->c[j] = (float)x;
    t->s[j] = (float)y;
    c[j] = c[(m - j) % m] = (float)(x / (double)m);
    s[j] = s[(m - j) % m] = (float)(-y / (double)m);
  }
}

void fourier_fill(const Fourier *f, float *tables, float *room) {
  if (f->way == FOURIER_SHORT) all_roots(f->n, tables);
  if (f->way == FOURIER_LONG) fill_long(f, tables);
  if (f->way != FOURIER_CHIRP) return;
  Fourier g = fourier_of(f->padded);
  ChirpTables t = chirp_parts(f, tables);
  float *c = room, *s = c + whole_lines(g.n), *rest = s + whole_lines(g.n);
  fourier_fill(&g, t.inner, rest);
  fill_chirp(f, &t, c, s);
  ISA(fourier_rows)(&g, c, s, t.c_padded, t.s_padded, 1, t.inner, rest);
}

/* ---- real rows ---------------------------------------------------------- */

RealFourier real_fourier_of(int64_t n) {
  bool halves = n > 0 && n % 2 == 0;
  return (RealFourier){n, halves, fourier_of(halves ? n / 2 : n)};
}

int64_t real_fourier_tables(const RealFourier *f) {
  return fourier_tables(&f->inner) + 2 * whole_lines(f->n / 2 + 1);
}

/* Rows as complex numbers, before and after, as many as go side by side. */
int64_t real_fourier_room(const RealFourier *f) {
  int64_t rows = f->inner.way == FOURIER_SHORT ? SIDE : 1;
  int64_t tables = whole_lines(4 * ((1 << low_bits(f->n)) + 1) * 2);
  int64_t work = 4 * whole_lines(rows * f->inner.n) + fourier_room(&f->inner);
  return work > tables ? work : tables;
}

/* c, s: cos and -sin of 2 pi k / n, k = 0 ... n / 2 */
static void half_roots(int64_t n, float *c, float *s, double *room) {
  Roots t = {low_bits(n), room, room + 2 * ((int64_t)1 << low_bits(n))};
  int64_t low = (int64_t)1 << t.bits;
  fill_roots(&t, n);
  for (int64_t k = 0; k <= n / 2; k += low) {
    const double *a = t.coarse + 2 * (k >> t.bits), *b = t.fine;
    int64_t last = n / 2 + 1 - k < low ? n / 2 + 1 - k : low;
    for (int64_t j = 0; j < last; j++) {
      c[k + j] = (float)(a[0] * b[2 * j] - a[1] * b[2 * j + 1]);
      s[k + j] = (float)(a[0] * b[2 * j + 1] + a[1] * b[2 * j]);
    }
  }
}

void real_fourier_fill(const RealFourier *f, float *tables, float *room) {
  float *c = tables + fourier_tables(&f->inner);
  fourier_fill(&f->inner, tables, room);
  if (f->halves)
    half_roots(f->n, c, c + whole_lines(f->n / 2 + 1), (double *)(void *)room);
}

#endif

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

#define PART(block, at) FROM((block).re + (at)), FROM((block).im + (at))

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
      int64_t x0 = s * p + q, x1 = x0 + s * half, y = s * 2 * p + q;
      Vector ar = FROM(t->x.re + x0), ai = FROM(t->x.im + x0);
      Vector br = FROM(t->x.re + x1), bi = FROM(t->x.im + x1);
      PUT(t, y, ar + br, ai + bi);
      PUT_TURNED(t, y + s, ar - br, ai - bi, p * t->every);
    }
}

INLINE void step_by_three(const FourierStep *t) {
  const float half = 0.5f, root = 0.86602540378443864676f;
  int64_t third = t->m / 3, s = t->s;
  for (int64_t p = 0; p < third; p++)
    for (int64_t q = 0; q < s; q += LANES) {
      int64_t x = s * p + q, next = s * third, y = s * 3 * p + q;
      Vector ar = FROM(t->x.re + x), ai = FROM(t->x.im + x);
      Vector br = FROM(t->x.re + x + next), bi = FROM(t->x.im + x + next);
      Vector cr = FROM(t->x.re + x + 2 * next);
      Vector ci = FROM(t->x.im + x + 2 * next);
      Vector sr = br + cr, si = bi + ci, dr = (br - cr) * root;
      Vector di = (bi - ci) * root, mr = ar - sr * half, mi = ai - si * half;
      PUT(t, y, ar + sr, ai + si);
      PUT_TURNED(t, y + s, mr + di, mi - dr, p * t->every);
      PUT_TURNED(t, y + 2 * s, mr - di, mi + dr, 2 * p * t->every);
    }
}

INLINE void step_by_four(const FourierStep *t) {
  int64_t part = t->m / 4, s = t->s;
  for (int64_t p = 0; p < part; p++)
    for (int64_t q = 0; q < s; q += LANES) {
      int64_t x = s * p + q, next = s * part, y = s * 4 * p + q;
      Vector ar = FROM(t->x.re + x), ai = FROM(t->x.im + x);
      Vector br = FROM(t->x.re + x + next), bi = FROM(t->x.im + x + next);
      Vector cr = FROM(t->x.re + x + 2 * next);
      Vector ci = FROM(t->x.im + x + 2 * next);
      Vector dr = FROM(t->x.re + x + 3 * next);
      Vector di = FROM(t->x.im + x + 3 * next);
      Vector er = ar + cr, ei = ai + ci, fr = ar - cr, fi = ai - ci;
      Vector gr = br + dr, gi = bi + di, hr = br - dr, hi = bi - di;
      PUT(t, y, er + gr, ei + gi);
      PUT_TURNED(t, y + s, fr + hi, fi - hr, p * t->every);
      PUT_TURNED(t, y + 2 * s, er - gr, ei - gi, 2 * p * t->every);
      PUT_TURNED(t, y + 3 * s, fr - hi, fi + hr, 3 * p * t->every);
    }
}

/* Any other prime r: r^2 products, by the table, whose numbers m / r apart are
** roots of r. */
INLINE void step_by_prime(const FourierStep *t, int64_t r) {
  int64_t part = t->m / r, s = t->s, root = part * t->every, n = t->m * t->every;
  for (int64_t p = 0; p < part; p++)
    for (int64_t k = 0; k < r; k++)
      for (int64_t q = 0; q < s; q += LANES) {
        Vector re = FROM(t->x.re + s * p + q), im = FROM(t->x.im + s * p + q);
        for (int64_t j = 1; j < r; j++) {
          const float *w = t->roots + 2 * (j * k % r * root % n);
          Vector a = FROM(t->x.re + s * (p + j * part) + q);
          Vector b = FROM(t->x.im + s * (p + j * part) + q);
          re += a * w[0] - b * w[1];
          im += a * w[1] + b * w[0];
        }
        PUT_TURNED(t, s * (r * p + k) + q, re, im, p * k * t->every);
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

/* ---- real rows ---------------------------------------------------------- */

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
