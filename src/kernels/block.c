/* Products of blocks that lie in cache, for kernels that have gathered what
** they multiply: no packing of a, no splitting. Each number of c is one chain
** of multiply-adds in the order of k, whatever the sizes; so adding block
** after block gives what one long product would. The innermost kernel is as
** many rows as the registers hold, two vectors wide. */
#include "kernels/kernels.h"

typedef struct Block {
  int64_t m, n, k;
  const float *a, *b;
  int64_t b_row, b_column, ldc;
  float *c, *panels;
  bool wide, add;
} Block;

enum { TOGETHER = 96 }; /* columns of b that are packed at a time */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Panels are 32 columns wide at most, the last one is padded. */
int64_t block_panels(int64_t n) {
  return least(TOGETHER, (n + 31) / 32 * 32) * BLOCK_LINE;
}

/* n numbers of b side by side, or apart; then zeros up to the width */
INLINE void pack_row(float *restrict to, const float *restrict b,
                     int64_t apart, int64_t n, int width) {
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

/* panel (k, width) = b (k, n), whose columns are what lies side by side */
INLINE void pack_turned(float *panel, const float *b, const Block *p,
                        int64_t n, int width) {
  int64_t column = p->b_column, fours = p->b_row == 1 ? p->k / 4 * 4 : 0;
  for (int64_t l = 0; l < fours; l += 4) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4)
      turn_four(panel + l * width + j, width, b + j * column + l, column);
    for (int64_t i = l; i < l + 4; i++)
      pack_row(panel + i * width + j, b + j * column + i, column, n - j,
               width - (int)j);
  }
  for (int64_t l = fours; l < p->k; l++)
    pack_row(panel + l * width, b + l * p->b_row, column, n, width);
}

/* Columns of b from `first` on as panels (k, each), BLOCK_LINE rows of `each`
** apart; the last one has `last` columns and is (k, width). Goes along b as it
** lies. */
INLINE void pack_panels(float *restrict panel, const Block *p, int64_t first,
                        int64_t panels, int each, int64_t last, int width) {
  const float *b = p->b + first * p->b_column;
  int64_t size = (int64_t)BLOCK_LINE * each, tail = (panels - 1) * each;
  if (p->b_column == 1) {
    for (int64_t l = 0; l < p->k; l++, b += p->b_row) {
      for (int64_t q = 0; q + 1 < panels; q++)
        pack_row(panel + q * size + l * each, b + q * each, 1, each, each);
      pack_row(panel + (panels - 1) * size + l * width, b + tail, 1, last,
               width);
    }
    return;
  }
  for (int64_t q = 0; q + 1 < panels; q++)
    pack_turned(panel + q * size, b + q * each * p->b_column, p, each, each);
  pack_turned(panel + (panels - 1) * size, b + tail * p->b_column, p, last,
              width);
}

INLINE void copy_corner(float *to, int64_t to_row, const float *from,
                        int64_t from_row, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      to[i * to_row + j] = from[i * from_row + j];
}

#define FOUR_ROWS(f) f(0) f(1) f(2) f(3)
#define SIX_ROWS(f) FOUR_ROWS(f) f(4) f(5)
#define TWELVE_ROWS(f) SIX_ROWS(f) f(6) f(7) f(8) f(9) f(10) f(11)

#ifdef KERNEL_CLONES
#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAME(x) x##_v4
#define LANES 16
#define ROWS 12
#define EACH_ROW TWELVE_ROWS
#include "kernels/block_body.h"

#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAME(x) x##_v3
#define LANES 8
#define ROWS 6
#define EACH_ROW SIX_ROWS
#include "kernels/block_body.h"
#endif

#define TARGET
#define NAME(x) x##_plain
#define LANES 4
#define ROWS 6
#define EACH_ROW SIX_ROWS
#include "kernels/block_body.h"

void block_product(bool wide, int64_t m, int64_t n, int64_t k, const float *a,
                   const float *b, int64_t b_row, int64_t b_column, bool add,
                   float *c, int64_t ldc, float *panels) {
  Block p = {m, n, k, a, b, b_row, b_column, ldc, c, panels, wide, add};
#ifdef KERNEL_CLONES
  if (n > 8 && __builtin_cpu_supports("x86-64-v4")) {
    product_v4(&p);
    return;
  }
  if (__builtin_cpu_supports("x86-64-v3")) {
    product_v3(&p);
    return;
  }
#endif
  product_plain(&p);
}
