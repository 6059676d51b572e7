/* Products of blocks that lie in cache, for kernels that have gathered what
** they multiply: no packing of a, no splitting. Each number of c is one chain
** of multiply-adds in the order of k, whatever the sizes; so adding block
** after block gives what one long product would. The innermost kernel is as
** many rows as the registers hold, two vectors wide. */
#include "base/each_isa.h"
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

#if ISA_FIRST
/* Panels are 32 columns wide at most, the last one is padded. */
int64_t block_panels(int64_t n) {
  return least(TOGETHER, (n + 31) / 32 * 32) * BLOCK_LINE;
}
#endif

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

/* ---- the innermost kernel ------------------------------------------------ */

/* As many rows as the registers hold, each with two accumulators. They are said
** one by one, since an array of them would stay in memory. */
#define FOUR_ROWS(f) f(0) f(1) f(2) f(3)
#define SIX_ROWS(f) FOUR_ROWS(f) f(4) f(5)
#if ISA_LANES == 16
#define TWELVE_ROWS(f) SIX_ROWS(f) f(6) f(7) f(8) f(9) f(10) f(11)
#define EACH_ROW TWELVE_ROWS
enum { LANES = ISA_LANES, ROWS = 12 };
#else
#define EACH_ROW SIX_ROWS
enum { LANES = ISA_LANES, ROWS = 6 };
#endif

typedef float Vector __attribute__((vector_size(ISA_LANES * sizeof(float)),
                                    aligned(4), may_alias));

#define AT(p) (*(Vector *)(void *)(p))
#define FROM(p) (*(const Vector *)(const void *)(p))
#define SPLAT(x) ((x) - (Vector){0})

/* c (rows, 2 LANES) = a . b (k, 2 LANES), + c to `add`: as many rows of a are
** read as EACH has, those beyond `rows` are dropped */
#define CLEAR(i) Vector p##i = {0}, q##i = {0};
#define LOAD(i)                         \
  if (i < rows) {                       \
    p##i = FROM(c + (i) * ldc);         \
    q##i = FROM(c + (i) * ldc + LANES); \
  }
#define STEP(i)                           \
  {                                       \
    Vector s = SPLAT(a[(i) * row]);       \
    p##i += s * b0;                       \
    q##i += s * b1;                       \
  }
#define STORE(i)                        \
  if (i < rows) {                       \
    AT(c + (i) * ldc) = p##i;           \
    AT(c + (i) * ldc + LANES) = q##i;   \
  }
#define TWO_VECTORS(name, EACH)                                            \
  INLINE void name(int64_t k, const float *a, int64_t row, int64_t step,   \
                   const float *b, bool add, float *c, int64_t ldc,        \
                   int64_t rows) {                                         \
    EACH(CLEAR)                                                            \
    if (add) {                                                             \
      EACH(LOAD)                                                           \
    }                                                                      \
    for (; k > 0; k--, a += step, b += 2 * LANES) {                        \
      Vector b0 = FROM(b), b1 = FROM(b + LANES);                           \
      EACH(STEP)                                                           \
    }                                                                      \
    EACH(STORE)                                                            \
  }
TWO_VECTORS(many_two, EACH_ROW)
TWO_VECTORS(few_two, FOUR_ROWS)
#undef CLEAR
#undef LOAD
#undef STEP
#undef STORE

/* The same for LANES columns. */
#define CLEAR(i) Vector p##i = {0};
#define LOAD(i) \
  if (i < rows) p##i = FROM(c + (i) * ldc);
#define STEP(i) p##i += SPLAT(a[(i) * row]) * b0;
#define STORE(i) \
  if (i < rows) AT(c + (i) * ldc) = p##i;
#define ONE_VECTOR(name, EACH)                                             \
  INLINE void name(int64_t k, const float *a, int64_t row, int64_t step,   \
                   const float *b, bool add, float *c, int64_t ldc,        \
                   int64_t rows) {                                         \
    EACH(CLEAR)                                                            \
    if (add) {                                                             \
      EACH(LOAD)                                                           \
    }                                                                      \
    for (; k > 0; k--, a += step, b += LANES) {                            \
      Vector b0 = FROM(b);                                                 \
      EACH(STEP)                                                           \
    }                                                                      \
    EACH(STORE)                                                            \
  }
ONE_VECTOR(many_one, EACH_ROW)
ONE_VECTOR(few_one, FOUR_ROWS)
#undef CLEAR
#undef LOAD
#undef STEP
#undef STORE

/* Both strides of a are constants in the loops. */
INLINE void kernel(const Block *p, const float *a, int64_t row, int64_t step,
                   const float *panel, int width, float *c, int64_t ldc,
                   int64_t rows) {
  if (width == LANES && rows <= 4)
    few_one(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else if (width == LANES)
    many_one(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else if (rows <= 4)
    few_two(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else
    many_two(p->k, a, row, step, panel, p->add, c, ldc, rows);
}

/* c at (i, j), `columns` of them: those of the panel beyond are dropped */
INLINE void corner(const Block *p, int64_t i, int64_t j, int64_t rows,
                   int64_t columns, const float *panel, int width) {
  float edge[ROWS * 2 * LANES], *c = p->c + i * p->ldc + j, *to = c;
  int64_t ldc = p->ldc;
  if (columns < width) {
    to = edge;
    ldc = width;
    if (p->add) copy_corner(edge, width, c, p->ldc, rows, columns);
  }
  if (p->wide)
    kernel(p, p->a + i * BLOCK_LINE, BLOCK_LINE, 1, panel, width, to, ldc,
           rows);
  else
    kernel(p, p->a + i, 1, BLOCK_LINE, panel, width, to, ldc, rows);
  if (columns < width) copy_corner(c, p->ldc, edge, width, rows, columns);
}

/* Panels of two vectors; a last one of one, if that will do. */
static void product(const Block *p) {
  enum { WIDTH = 2 * LANES, PANEL = BLOCK_LINE * WIDTH, PANELS = 3 };
  _Static_assert(PANELS * WIDTH <= TOGETHER, "what block_panels says");
  float *panel = p->panels;
  for (int64_t first = 0; first < p->n; first += PANELS * WIDTH) {
    int64_t end = least(p->n, first + PANELS * WIDTH), last = end - first;
    int64_t panels = (last + WIDTH - 1) / WIDTH;
    last -= (panels - 1) * WIDTH;
    int width = last > LANES ? WIDTH : LANES; /* of the last panel */
    pack_panels(panel, p, first, panels, WIDTH, last, width);
    for (int64_t i = 0; i < p->m; i += ROWS) {
      int64_t rows = least(ROWS, p->m - i);
      for (int64_t q = 0; q + 1 < panels; q++)
        corner(p, i, first + q * WIDTH, rows, WIDTH, panel + q * PANEL, WIDTH);
      corner(p, i, first + (panels - 1) * WIDTH, rows, last,
             panel + (panels - 1) * PANEL, width);
    }
  }
}

KERNEL(void, block_product, (bool wide, int64_t m, int64_t n, int64_t k,
                             const float *a, const float *b, int64_t b_row,
                             int64_t b_column, bool add, float *c, int64_t ldc,
                             float *panels)) {
  Block p = {m, n, k, a, b, b_row, b_column, ldc, c, panels, wide, add};
#if ISA_LANES == 16
  if (n <= 8) { /* half of a vector would be empty */
    ISA_NARROWER(block_product)(wide, m, n, k, a, b, b_row, b_column, add, c,
                                ldc, panels);
    return;
  }
#endif
  product(&p);
}
