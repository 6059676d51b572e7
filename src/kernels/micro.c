/* The microkernel, written once for each number of rows: a loop over rows would
** keep the sums in memory, and tiles with rows to spare would waste them. */
#include <math.h>

#include "base/each_isa.h"
#include "kernels/micro.h"
#include "kernels/vector.h"

#define ROWS_1(f) f(0)
#define ROWS_2(f) ROWS_1(f) f(1)
#define ROWS_3(f) ROWS_2(f) f(2)
#define ROWS_4(f) ROWS_3(f) f(3)
#define ROWS_5(f) ROWS_4(f) f(4)
#define ROWS_6(f) ROWS_5(f) f(5)
#define ROWS_7(f) ROWS_6(f) f(6)
#define ROWS_8(f) ROWS_7(f) f(7)
#define ROWS_9(f) ROWS_8(f) f(8)
#define ROWS_10(f) ROWS_9(f) f(9)
#define ROWS_11(f) ROWS_10(f) f(10)
#define ROWS_12(f) ROWS_11(f) f(11)
#define ROWS_13(f) ROWS_12(f) f(12)
#define ROWS_14(f) ROWS_13(f) f(13)

/* f(rows) for each number of rows that a tile may have */
#define UP_TO_6(f) f(1) f(2) f(3) f(4) f(5) f(6)
#if ISA_LANES == 16
#define EACH_TILE(f) \
  UP_TO_6(f) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14)
#elif defined(__aarch64__)
#define EACH_TILE(f) UP_TO_6(f) f(7) f(8)
#else
#define EACH_TILE(f) UP_TO_6(f)
#endif

/* Rows of a are read from four pointers, five or two rows each, since the address
** of a load has room for 1, 2 and 4 times a step. A compiler that sees through
** this keeps an address for each row: what it then loads and adds up takes the
** place of multiplications. So the pointers, and the one that results are
** stored through, are hidden from it. */
#define HIDE(x) __asm__("" : "+r"(x))
#define ROW_0 a[0]
#define ROW_1 a[a_row]
#define ROW_2 a[2 * a_row]
#define ROW_3 a[a_three]
#define ROW_4 a[4 * a_row]
#define ROW_5 a5[0]
#define ROW_6 a5[a_row]
#define ROW_7 a7[0]
#define ROW_8 a7[a_row]
#define ROW_9 a7[2 * a_row]
#define ROW_10 a7[a_three]
#define ROW_11 a7[4 * a_row]
#define ROW_12 a12[0]
#define ROW_13 a12[a_row]

/* A panel of weights often comes from far, and the processor looks ahead no
** further than a page; so rows to come are asked for, those of the panel behind
** this one too. Where b is no panel, that costs little. Of four vectors it
** would cost a fifth of the time where b is near, and saves none where it is
** far: the processor has more reads under way than it can serve. */
enum { AHEAD = 64 /* rows */, LINE = 64 / sizeof(float) };
#define ASK_FOR(x) __builtin_prefetch(b + AHEAD * MICRO_WIDTH + (x), 0, 2)
#if ISA_LANES == 16
#define LOOK_AHEAD ASK_FOR(0), ASK_FOR(LINE);
#else
#define LOOK_AHEAD ASK_FOR(0);
#endif

/* What a tile that takes a while will store comes near meanwhile, where its rows
** are so far from each other that the processor does not foresee them. */
enum { FAR = 256 /* numbers */, WORTH_ASKING = 64 /* columns of a */ };
#define ASK_TO_STORE(i)                        \
  __builtin_prefetch(c + (i) * c_row, 1, 3);   \
  __builtin_prefetch(c + (i) * c_row + LANES, 1, 3);

/* ---- of one, two and four vectors: w x y z [row] are the sums ------------ */

#define CLEAR_1(i) Vector w##i = {0};
#define LOAD_1(i) w##i = FROM(c + (i) * c_row);
#define STEP_1(i) w##i += SPLAT(ROW_##i) * b0;
#define STORE_1(i) AT(c) = w##i;
#define B_1 Vector b0 = FROM(b);

#define CLEAR_2(i) CLEAR_1(i) Vector x##i = {0};
#define LOAD_2(i) LOAD_1(i) x##i = FROM(c + (i) * c_row + LANES);
#define STEP_2(i)              \
  {                            \
    Vector s = SPLAT(ROW_##i); \
    w##i += s * b0;            \
    x##i += s * b1;            \
  }
#define STORE_2(i) STORE_1(i) AT(c + LANES) = x##i;
#define B_BOTH B_1 Vector b1 = FROM(b + LANES);
#define B_2 B_BOTH LOOK_AHEAD

#define CLEAR_4(i) CLEAR_2(i) Vector y##i = {0}, z##i = {0};
#define LOAD_4(i)                       \
  LOAD_2(i)                             \
  y##i = FROM(c + (i) * c_row + 2 * LANES); \
  z##i = FROM(c + (i) * c_row + 3 * LANES);
#define STEP_4(i)              \
  {                            \
    Vector s = SPLAT(ROW_##i); \
    w##i += s * b0;            \
    x##i += s * b1;            \
    y##i += s * b2;            \
    z##i += s * b3;            \
  }
#define STORE_4(i)             \
  STORE_2(i)                   \
  AT(c + 2 * LANES) = y##i;    \
  AT(c + 3 * LANES) = z##i;
#define B_4 \
  B_BOTH Vector b2 = FROM(b + b_pair), b3 = FROM(b + b_pair + LANES);

/* Two vectors, and the next level of cache gets what is said to be read next.
** Tiles of few rows read b faster than the processor foresees, too: it comes
** from there. This takes the place of multiplications, so it has loops of its
** own. */
#define STEP_AHEAD(i) STEP_2(i)
#define B_AHEAD                         \
  B_2 __builtin_prefetch(ahead, 0, 2);  \
  ahead += t->ahead_step;               \
  if (few) {                            \
    __builtin_prefetch(b + 32 * LANES); \
    __builtin_prefetch(b + 33 * LANES); \
  }

#define STORE_ROW_1(i) STORE_1(i) c += c_row;
#define STORE_ROW_2(i) STORE_2(i) c += c_row;
#define STORE_ROW_4(i) STORE_4(i) c += c_row;

/* ---- endings ------------------------------------------------------------ */

INLINE const float *plus_of(const Micro *t, int q) {
  return t->end->plus[q] + t->end_row * t->end->plus_row[q] + t->end_column;
}

#define PLUS_1(i) w##i += FROM(plus);
#define PLUS_2(i) PLUS_1(i) x##i += FROM(plus + LANES);
#define PLUS_4(i)                  \
  PLUS_2(i)                        \
  y##i += FROM(plus + 2 * LANES);  \
  z##i += FROM(plus + 3 * LANES);
#define PLUS_ROW_1(i) PLUS_1(i) plus += plus_row;
#define PLUS_ROW_2(i) PLUS_2(i) plus += plus_row;
#define PLUS_ROW_4(i) PLUS_4(i) plus += plus_row;

/* What all rows get is read once. It is not -0, where bounds are about to come:
** then no sum with it is. */
#define BIAS_1 Vector p0 = FROM(plus) + zero;
#define BIAS_2 BIAS_1 Vector p1 = FROM(plus + LANES) + zero;
#define BIAS_4                                  \
  BIAS_2                                        \
  Vector p2 = FROM(plus + 2 * LANES) + zero;    \
  Vector p3 = FROM(plus + 3 * LANES) + zero;
#define PLUS_BIAS_1(i) w##i += p0;
#define PLUS_BIAS_2(i) PLUS_BIAS_1(i) x##i += p1;
#define PLUS_BIAS_4(i) PLUS_BIAS_2(i) y##i += p2; z##i += p3;

#define LOW_1(i) w##i = LARGER(low, w##i);
#define LOW_2(i) LOW_1(i) x##i = LARGER(low, x##i);
#define LOW_4(i) LOW_2(i) y##i = LARGER(low, y##i); z##i = LARGER(low, z##i);
#define HIGH_1(i) w##i = SMALLER(high, w##i);
#define HIGH_2(i) HIGH_1(i) x##i = SMALLER(high, x##i);
#define HIGH_4(i) HIGH_2(i) y##i = SMALLER(high, y##i); z##i = SMALLER(high, z##i);

/* Rows that are added come near meanwhile; a bias, the same for all, is near. */
#define ASK_PLUS(i)                        \
  __builtin_prefetch(plus, 0, 3);          \
  __builtin_prefetch(plus + LANES, 0, 3);  \
  plus += plus_row;
#define ASK_FOR_PLUS(rows)                       \
  for (int q = 0; q < t->end->pluses; q++) {     \
    const float *plus = plus_of(t, q);           \
    int64_t plus_row = t->end->plus_row[q];      \
    if (plus_row == 0) continue;                 \
    HIDE(plus);                                  \
    ROWS_##rows(ASK_PLUS)                        \
  }

/* Bounds alone have a bias of nothing, which makes 0 of -0. */
static const float nothing[4 * LANES];

#define END(vectors, rows)                                              \
  const Ending *e = t->end;                                             \
  bool biased = !e->clips;                                              \
  Vector zero = e->clips ? CLIP_ZERO(e->low) : SPLAT(-0.0F);            \
  for (int q = 0; q < e->pluses || (q == e->pluses && !biased); q++) {  \
    const float *plus = q < e->pluses ? plus_of(t, q) : nothing;        \
    int64_t plus_row = q < e->pluses ? e->plus_row[q] : 0;              \
    if (plus_row == 0) {                                                \
      BIAS_##vectors                                                    \
      ROWS_##rows(PLUS_BIAS_##vectors)                                  \
      biased = true;                                                    \
    } else {                                                            \
      HIDE(plus);                                                       \
      ROWS_##rows(PLUS_ROW_##vectors)                                   \
    }                                                                   \
  }                                                                     \
  if (e->clips) {                                                       \
    Vector low = SPLAT(e->low);                                         \
    ROWS_##rows(LOW_##vectors)                                          \
  }                                                                     \
  if (e->clips && e->high < INFINITY) {                                 \
    Vector high = SPLAT(e->high);                                       \
    ROWS_##rows(HIGH_##vectors)                                         \
  }

/* ---- tiles -------------------------------------------------------------- */

/* The sums of a run. Tiles of middling height come seldom, and have enough to do
** in a turn: they are unrolled less, which spares code. */
#define RUN(vectors, rows, a_step, b_step)                               \
  UNROLL((rows) > 6 && (rows) + 2 < MICRO_ROWS ? 2 : 4)                   \
  for (int64_t k = t->k; k > 0; k--) {                                   \
    B_##vectors                                                          \
    ROWS_##rows(STEP_##vectors)                                          \
    a += a_step, a5 += a_step, a7 += a_step, a12 += a_step, b += b_step; \
  }

/* The same where the rows of a stand side by side. */
#define RUN_TURNED(vectors, rows)  \
  a_row = 1, a_three = 3;          \
  a5 = a + 5, a7 = a + 7 + t->gap; \
  a12 = a7 + 5;                    \
  RUN(vectors, rows, a_column, MICRO_WIDTH)

/* Where a lies in rows, or in columns, and b is a panel, which is nearly always,
** the steps are said: they cost no additions then, which would take turns of the
** multipliers, and reads of rows that belong to one set of the cache wait less.
** Of fewer rows, of one vector or four, and of what comes from far, that is not
** worth the code. */
#define RUN_ANY(vectors, rows) RUN(vectors, rows, a_column, b_row)
#define RUN_1(rows) RUN_ANY(1, rows)
#define RUN_4(rows) RUN_ANY(4, rows)
#define RUN_2(rows)                                               \
  bool said = (rows) + 2 >= MICRO_ROWS && b_row == MICRO_WIDTH;   \
  if (ahead) {                                                    \
    RUN_ANY(AHEAD, rows)                                          \
  } else if (said && a_column == 1) {                             \
    RUN(2, rows, 1, MICRO_WIDTH)                                  \
  } else if (said && a_row == 1) {                                \
    RUN_TURNED(2, rows)                                           \
  } else {                                                        \
    RUN_ANY(2, rows)                                              \
  }

#define TILE(vectors, rows)                                              \
  static APART void tile_##vectors##_##rows(const Micro *t) {            \
    const float *a = t->a, *b = t->b;                                    \
    float *c = t->c;                                                     \
    int64_t a_row = t->a_row, a_column = t->a_column, b_row = t->b_row;  \
    int64_t a_three = 3 * a_row, b_pair = t->b_pair, run = 0;            \
    int64_t c_row = t->c_row;                                            \
    const float *ahead = t->ahead;                                       \
    bool few = (rows) <= 8;                                              \
    (void)b_pair, (void)ahead, (void)few;                                \
    ROWS_##rows(CLEAR_##vectors)                                         \
    if (t->add) {                                                        \
      ROWS_##rows(LOAD_##vectors)                                        \
    } else if (c_row >= FAR && t->k >= WORTH_ASKING) {                   \
      ROWS_##rows(ASK_TO_STORE)                                          \
    }                                                                    \
    if (t->end) {                                                        \
      ASK_FOR_PLUS(rows)                                                 \
    }                                                                    \
    HIDE(c);                                                             \
    HIDE(a_three);                                                       \
    for (;;) {                                                           \
      const float *a5 = a + 5 * a_row;                                   \
      const float *a7 = a + MICRO_TURN * a_row + t->gap;                 \
      const float *a12 = a7 + 5 * a_row;                                 \
      HIDE(a5);                                                          \
      HIDE(a7);                                                          \
      HIDE(a12);                                                         \
      RUN_##vectors(rows)                                                \
      if (++run >= t->runs) break;                                       \
      a = t->a + t->run[run];                                            \
    }                                                                    \
    if (t->end) {                                                        \
      END(vectors, rows)                                                 \
    }                                                                    \
    ROWS_##rows(STORE_ROW_##vectors)                                     \
  }
#define TILE_1(rows) TILE(1, rows)
#define TILE_2(rows) TILE(2, rows)
EACH_TILE(TILE_1)
EACH_TILE(TILE_2)
TILE(4, 1)
TILE(4, 2)

ISA_FUNCTION(void, micro, (int64_t rows, int vectors, const Micro *t)) {
#define NAME_1(rows) tile_1_##rows,
#define NAME_2(rows) tile_2_##rows,
  static void (*const one[])(const Micro *) = {EACH_TILE(NAME_1)};
  static void (*const two[])(const Micro *) = {EACH_TILE(NAME_2)};
  static void (*const four[])(const Micro *) = {tile_4_1, tile_4_2};
  _Static_assert(COUNT_OF(two) == MICRO_ROWS && COUNT_OF(four) == MICRO_FEW,
                 "what the header says");
  if (vectors == 2)
    two[rows - 1](t);
  else if (vectors == 1)
    one[rows - 1](t);
  else
    four[rows - 1](t);
}

/* ---- the columns of a panel --------------------------------------------- */

INLINE void copy_corner(float *to, int64_t to_row, const float *from,
                        int64_t from_row, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++)
      to[i * to_row + j] = from[i * from_row + j];
}

/* What is added may end with its last column, and be read no further. */
static void end_corner(const Micro *t, int64_t rows, int64_t columns,
                       float *c) {
  const Ending *e = t->end;
  for (int q = 0; q < e->pluses; q++) {
    const float *plus = plus_of(t, q);
    for (int64_t i = 0; i < rows; i++, plus += e->plus_row[q])
      for (int64_t j = 0; j < columns; j++) c[i * MICRO_WIDTH + j] += plus[j];
  }
  if (!e->clips) return;
  Vector low = SPLAT(e->low), high = SPLAT(e->high), zero = CLIP_ZERO(e->low);
  for (int64_t i = 0; i < rows; i++, c += MICRO_WIDTH)
    for (int64_t j = 0; j < columns; j += LANES) {
      Vector x = FROM(c + j) + zero;
      CLIP(x, low, high)
      AT(c + j) = x;
    }
}

/* A tile that has fewer columns than its vectors. */
static APART void edge_tile(int64_t rows, int64_t columns, Micro t) {
  float edge[MICRO_ROWS * MICRO_WIDTH], *c = t.c;
  int64_t c_row = t.c_row;
  if (t.add) copy_corner(edge, MICRO_WIDTH, c, c_row, rows, columns);
  t.c = edge;
  t.c_row = MICRO_WIDTH;
  const Ending *end = t.end;
  t.end = NULL; /* it has no more columns than the tile is to have */
  ISA_NAME(micro)(rows, columns > LANES ? 2 : 1, &t);
  t.end = end;
  if (end) end_corner(&t, rows, columns, edge);
  copy_corner(c, c_row, edge, MICRO_WIDTH, rows, columns);
}

ISA_FUNCTION(void, micro_panel, (int64_t rows, int64_t columns,
                                 const Micro *t)) {
  if (columns >= MICRO_WIDTH)
    ISA_NAME(micro)(rows, 2, t);
  else if (columns == LANES)
    ISA_NAME(micro)(rows, 1, t);
  else
    edge_tile(rows, columns, *t);
}

ISA_FUNCTION(void, micro_rows, (int64_t rows, int64_t columns, Micro *t)) {
  int64_t tiles = (rows + MICRO_ROWS - 1) / MICRO_ROWS;
  int64_t height = tiles > 1 ? rows / tiles : rows, left = rows;
  int64_t runs = t->runs > 1 ? t->runs : 1;
  for (; tiles > 0; tiles--) {
    int64_t n = left - height * tiles > 0 ? height + 1 : height;
    ISA_NAME(micro_panel)(n, columns, t);
    t->a += n * t->a_row;
    t->c += n * t->c_row;
    t->end_row += n;
    if (t->ahead) t->ahead += runs * t->k * t->ahead_step;
    left -= n;
  }
}
