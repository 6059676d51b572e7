/* What a product does to its sums while they are still in registers: what
** stands behind most products, without a second look at their results. */
#ifndef KERNELS_ENDING_H
#define KERNELS_ENDING_H

#include "base/base.h"

/* Numbers are added, those of plus[0] first, from where the product's results
** begin: so many from row to row, 0: each row gets the same. Then what is not
** above `low` becomes that, and what is above `high` that (NaN stays). */
enum { ENDING_PLUSES = 2 };
typedef struct Ending {
  int pluses;
  bool clips;
  float low, high;
  const float *plus[ENDING_PLUSES];
  int64_t plus_row[ENDING_PLUSES];
} Ending;

/* The same for what begins some rows and columns further on. */
INLINE void ending_move(Ending *e, int64_t rows, int64_t columns) {
  for (int i = 0; i < e->pluses; i++)
    e->plus[i] += rows * e->plus_row[i] + columns;
}

#endif
