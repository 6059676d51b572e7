/* Panels: as many columns of b as two vectors hold, row after row of them. */
#include "base/each_isa.h"
#include "kernels/micro.h"
#include "kernels/panels.h"
#include "kernels/vector.h"

enum {
  WIDTH = MICRO_WIDTH,
  GROUP = PANEL_GROUP,
  SOON = PANEL_SOON,
  LINE = PANEL_LINE
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* n numbers of b side by side, or apart; then zeros up to the width */
INLINE void pack_row(float *restrict to, const float *restrict b,
                     int64_t apart, int64_t n, int64_t width) {
  for (int64_t j = 0; j < n; j++) to[j] = b[j * apart];
  for (int64_t j = n; j < width; j++) to[j] = 0;
}

typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

/* a0 b0 a1 b1, and a2 b2 a3 b3 */
#ifdef __clang__
#define LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
typedef int FourInts __attribute__((vector_size(16)));
#define LOW(a, b) __builtin_shuffle(a, b, (FourInts){0, 4, 1, 5})
#define HIGH(a, b) __builtin_shuffle(a, b, (FourInts){2, 6, 3, 7})
#endif

/* to (4, 4) = from (4, 4) turned; rows stand apart */
INLINE void turn_four(float *to, int64_t to_row, const float *from,
                      int64_t from_row) {
  Four a = *(const Four *)(const void *)from;
  Four b = *(const Four *)(const void *)(from + from_row);
  Four c = *(const Four *)(const void *)(from + 2 * from_row);
  Four d = *(const Four *)(const void *)(from + 3 * from_row);
  Four ac = LOW(a, c), bd = LOW(b, d), ac2 = HIGH(a, c), bd2 = HIGH(b, d);
  *(Four *)(void *)to = LOW(ac, bd);
  *(Four *)(void *)(to + to_row) = HIGH(ac, bd);
  *(Four *)(void *)(to + 2 * to_row) = LOW(ac2, bd2);
  *(Four *)(void *)(to + 3 * to_row) = HIGH(ac2, bd2);
}

/* panel (k, WIDTH) = b (k, n), whose columns are what lies side by side */
INLINE void pack_turned(float *panel, const float *b, int64_t b_column,
                        int64_t k, int64_t n) {
  int64_t fours = k / 4 * 4, turned = n / 4 * 4;
  for (int64_t l = 0; l < fours; l += 4)
    for (int64_t j = 0; j < turned; j += 4)
      turn_four(panel + l * WIDTH + j, WIDTH, b + j * b_column + l, b_column);
  for (int64_t l = 0; l < k; l++) {
    int64_t j = l < fours ? turned : 0;
    pack_row(panel + l * WIDTH + j, b + j * b_column + l, b_column, n - j,
             WIDTH - j);
  }
}

/* Rows of n whole panels, which are so far apart: row by row of b, and not panel
** by panel, since what lies side by side comes from memory in one go; and what
** comes next is asked for. (A compiler that sees a loop over numbers calls a
** function for it, which costs as much again as vectors.) */
INLINE void pack_vectors(float *panels, int64_t apart, int64_t n,
                         const float *b, int64_t b_row, int64_t k) {
  for (int64_t l = 0; l < k; l++, b += b_row, panels += WIDTH) {
    if (l + SOON < k)
      for (int64_t j = 0; j < n * WIDTH; j += LINE)
        __builtin_prefetch(b + SOON * b_row + j);
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = 0; j < WIDTH; j += LANES)
        AT(panels + i * apart + j) = FROM(b + i * WIDTH + j);
  }
}

INLINE void pack_columns(float *panel, const Product *p, int64_t j, int64_t k0,
                         int64_t k1, int64_t n) {
  const float *b = p->b + k0 * p->b_row + j * p->b_column;
  if (p->b_row == 1 && p->b_column != 1)
    pack_turned(panel, b, p->b_column, k1 - k0, n);
  else if (p->b_column == 1)
    for (int64_t l = k0; l < k1; l++, b += p->b_row, panel += WIDTH)
      pack_row(panel, b, 1, n, WIDTH);
  else
    for (int64_t l = k0; l < k1; l++, b += p->b_row, panel += WIDTH)
      pack_row(panel, b, p->b_column, n, WIDTH);
}

/* Nearly all panels are full: their loops have a constant length. */
ISA_FUNCTION(void, panels_pack,
             (float *panels, int64_t apart, const Product *p, int64_t j0,
              int64_t j1, int64_t k0, int64_t k1)) {
  int64_t whole = (j1 - j0) / WIDTH;
  if (p->b_column == 1)
    pack_vectors(panels, apart, whole, p->b + k0 * p->b_row + j0, p->b_row,
                 k1 - k0);
  else
    for (int64_t i = 0; i < whole; i++)
      pack_columns(panels + i * apart, p, j0 + i * WIDTH, k0, k1, WIDTH);
  j0 += whole * WIDTH;
  if (j0 < j1) pack_columns(panels + whole * apart, p, j0, k0, k1, j1 - j0);
}

#if ISA_FIRST
/* For the widest panels of all instruction sets. */
int64_t gemm_panels(int64_t k, int64_t n) {
  return k * ((n + GEMM_COLUMNS - 1) / GEMM_COLUMNS) * GEMM_COLUMNS;
}
#endif

KERNEL(void, gemm_pack, (const Product *p, int64_t row, float *panels)) {
  int64_t apart = p->panel_rows * WIDTH;
  panels += row * WIDTH;
  for (int64_t j = 0; j < p->n; j += GROUP * WIDTH, panels += GROUP * apart)
    ISA_NAME(panels_pack)(panels, apart, p, j, least(j + GROUP * WIDTH, p->n),
                          0, p->k);
}
