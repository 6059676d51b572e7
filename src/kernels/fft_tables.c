/* The tables for rows of a length: roots of one, computed in double, once for
** all rows. */

#include <math.h>
#include <string.h>

#include "kernels/fft.h"

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
