/* What the files of Fourier transforms share: where in the tables of a length
** its roots of one stand. */
#ifndef KERNELS_FFT_H
#define KERNELS_FFT_H

#include "kernels/kernels.h"

enum {
  SIDE = 16,       /* transforms that go side by side */
  MOST_FACTOR = 31 /* the largest prime that is a step */
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

enum { CACHE_LINE = 16 /* floats */ };

INLINE int64_t whole_lines(int64_t floats) {
  return (floats + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
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

#endif
