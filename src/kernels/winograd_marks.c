/* Tiles that are not good for Winograd's way. The differences of large cells
** round away what small ones beside them say; but a window that sees nothing
** large is to be as exact as if it were alone. */
#include "base/each_isa.h"
#include "kernels/winograd.h"

typedef int32_t Bits __attribute__((may_alias));

INLINE int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

/* The largest of n numbers, whatever their signs, as its bits: they are in the
** same order. */
LOCAL_KERNEL(int32_t, largest, (const float *x, int64_t n)) {
  enum { AT_ONCE = 16 };
  const Bits *bits = (const void *)x;
  int32_t lane[AT_ONCE] = {0};
  for (int64_t i = 0; i < n; i += AT_ONCE)
    for (int j = 0; j < AT_ONCE; j++)
      lane[j] = larger(lane[j], bits[i + j] & INT32_MAX);
  for (int j = 0; j < 8; j++) lane[j] = larger(lane[j], lane[j + 8]);
  for (int j = 0; j < 4; j++) lane[j] = larger(lane[j], lane[j + 4]);
  return larger(larger(lane[0], lane[1]), larger(lane[2], lane[3]));
}

#if ISA_FIRST
/* How much larger than what a window sees its tile may be: 2 ^ 10. As bits, since
** the exponent of 2 comes before 23 others. */
enum { RANGE = 10 << 23 };

/* The largest of `lines` by `columns` of these. */
static int32_t largest_of(const int32_t *cell, int64_t row, int lines,
                          int columns) {
  int32_t all = 0;
  for (int i = 0; i < lines; i++)
    for (int j = 0; j < columns; j++) all = larger(all, cell[i * row + j]);
  return all;
}

static unsigned windows_marked(const int32_t *cell, int64_t row, int32_t all) {
  unsigned mark = 0;
  for (int q = 0; q < 4; q++) {
    int32_t most = largest_of(cell + q / 2 * row + q % 2, row, 3, 3);
    if (most == 0)
      mark |= 1U << q;
    else if (most < all - RANGE)
      mark |= 1U << (WINOGRAD_ROUGH + q);
  }
  return mark;
}

bool winograd_marks(const float *x, const Conv *c, const WinogradBlock *b,
                    uint8_t *mark) {
  int32_t cell[8 * (WINOGRAD_TILES + 1)];
  int64_t wide = b->column1 - b->column0, row = 2 * wide + 2;
  int64_t high = b->line1 - b->line0;
  unsigned any = 0;
  for (int64_t i = 0; i < 2 * high + 2; i++)
    for (int64_t j = 0; j < row; j++) {
      const float *at = winograd_cell(x, c, b, i, j);
      cell[i * row + j] = at ? ISA(largest)(at, c->w.channels) : 0;
    }
  for (int64_t t = 0; t < high * wide; t++) {
    const int32_t *at = cell + t / wide * 2 * row + t % wide * 2;
    int32_t all = largest_of(at, row, 4, 4);
    /* all of its windows see the four cells in the middle */
    bool good = largest_of(at + row + 1, row, 2, 2) >= all - RANGE;
    mark[t] = good ? 0 : (uint8_t)windows_marked(at, row, all);
    any |= mark[t];
  }
  return any > 0;
}
#endif
