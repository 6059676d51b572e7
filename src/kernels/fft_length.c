/* How rows of a length are transformed, and what that takes. */

#include <math.h>

#include "kernels/fft.h"

enum { SHORT_ROW = 256 /* rows up to it are the lanes themselves */ };

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
