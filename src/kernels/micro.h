/* The microkernel: a tile of a product whose sums stay in registers. Products
** and convolutions end here, so that each number of a result is one chain of
** multiply-adds in ascending order of k: the same bits for any tile, for any
** division of the work, and for every instruction set that has FMA. */
#ifndef KERNELS_MICRO_H
#define KERNELS_MICRO_H

#include "base/each_isa.h"
#include "kernels/ending.h"

/* A panel is as many columns of b as two vectors hold, row after row of it. A
** tile has at most as many rows as leave a register or two to work with. */
enum { MICRO_WIDTH = 2 * ISA_LANES };
#if ISA_LANES == 16
enum { MICRO_ROWS = 14 };
#elif defined(__aarch64__)
enum { MICRO_ROWS = 8 };
#else
enum { MICRO_ROWS = 6 };
#endif

/* c (rows, columns) = a (rows, k) . b (k, columns), + c to `add`. Numbers from
** row to row: a_row, b_row, c_row; from column to column of a: a_column. The
** columns are one, two or four vectors; of four, the third is b_pair after the
** first, and there are at most MICRO_FEW rows. With `runs`, a has k columns for
** each of them, from a + run[i] on (run[0] is 0), and b goes on from one to the
** next: so patches of an image are read where they lie. Rows from MICRO_TURN on
** lie `gap` numbers further: they may be those of another line. `end`, or NULL,
** is that of results of which c begins at a row and a column. */
typedef struct Micro {
  int64_t k;
  const float *a;
  int64_t a_row, a_column, gap;
  const int64_t *run;
  int64_t runs; /* 0, 1: a is all of it */
  const float *b;
  int64_t b_row, b_pair;
  float *c;
  int64_t c_row;
  bool add;
  const Ending *end;
  int64_t end_row, end_column;
  const float *ahead; /* what will be read next comes near meanwhile, so many */
  int64_t ahead_step; /* numbers for each k; NULL: nothing. Of two vectors. */
} Micro;

enum { MICRO_FEW = 2, MICRO_TURN = 7 };

ISA_DECLARE(APART void, micro, (int64_t rows, int vectors, const Micro *t))

/* The same for all columns from c on that a panel has, or as many as there
** are. */
ISA_DECLARE(void, micro_panel, (int64_t rows, int64_t columns, const Micro *t))
/* And for any number of rows, in tiles of as equal height as can be: a and c go
** on to behind them. (A copy would be read before it is written: vectors do not
** wait for numbers that are on their way to memory.) */
ISA_DECLARE(void, micro_rows, (int64_t rows, int64_t columns, Micro *t))

#endif
