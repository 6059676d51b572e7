/* The body of block.c for one instruction set, included once for each with
** TARGET, NAME(x), LANES (numbers in a vector), ROWS and EACH_ROW(f), which
** says f(0) to f(ROWS - 1), defined: accumulators in an array would stay in
** memory. */

typedef float NAME(Vector)
    __attribute__((vector_size(LANES * sizeof(float)), aligned(4), may_alias));

#define AT(p) (*(NAME(Vector) *)(void *)(p))
#define FROM(p) (*(const NAME(Vector) *)(const void *)(p))
#define SPLAT(x) ((x) - (NAME(Vector)){0})

/* c (rows, 2 LANES) = a . b (k, 2 LANES), + c to `add`: as many rows of a are
** read as EACH has, those beyond `rows` are dropped */
#define CLEAR(i) NAME(Vector) p##i = {0}, q##i = {0};
#define LOAD(i)                         \
  if (i < rows) {                       \
    p##i = FROM(c + (i) * ldc);         \
    q##i = FROM(c + (i) * ldc + LANES); \
  }
#define STEP(i)                           \
  {                                       \
    NAME(Vector) s = SPLAT(a[(i) * row]); \
    p##i += s * b0;                       \
    q##i += s * b1;                       \
  }
#define STORE(i)                        \
  if (i < rows) {                       \
    AT(c + (i) * ldc) = p##i;           \
    AT(c + (i) * ldc + LANES) = q##i;   \
  }
#define TWO_VECTORS(name, EACH)                                            \
  INLINE void NAME(name)(int64_t k, const float *a, int64_t row,           \
                         int64_t step, const float *b, bool add, float *c, \
                         int64_t ldc, int64_t rows) {                      \
    EACH(CLEAR)                                                            \
    if (add) {                                                             \
      EACH(LOAD)                                                           \
    }                                                                      \
    for (; k > 0; k--, a += step, b += 2 * LANES) {                        \
      NAME(Vector) b0 = FROM(b), b1 = FROM(b + LANES);                     \
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
#define CLEAR(i) NAME(Vector) p##i = {0};
#define LOAD(i) \
  if (i < rows) p##i = FROM(c + (i) * ldc);
#define STEP(i) p##i += SPLAT(a[(i) * row]) * b0;
#define STORE(i) \
  if (i < rows) AT(c + (i) * ldc) = p##i;
#define ONE_VECTOR(name, EACH)                                             \
  INLINE void NAME(name)(int64_t k, const float *a, int64_t row,           \
                         int64_t step, const float *b, bool add, float *c, \
                         int64_t ldc, int64_t rows) {                      \
    EACH(CLEAR)                                                            \
    if (add) {                                                             \
      EACH(LOAD)                                                           \
    }                                                                      \
    for (; k > 0; k--, a += step, b += LANES) {                            \
      NAME(Vector) b0 = FROM(b);                                           \
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
#undef AT
#undef FROM
#undef SPLAT

/* Both strides of a are constants in the loops. */
INLINE void NAME(kernel)(const Block *p, const float *a, int64_t row,
                         int64_t step, const float *panel, int width, float *c,
                         int64_t ldc, int64_t rows) {
  if (width == LANES && rows <= 4)
    NAME(few_one)(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else if (width == LANES)
    NAME(many_one)(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else if (rows <= 4)
    NAME(few_two)(p->k, a, row, step, panel, p->add, c, ldc, rows);
  else
    NAME(many_two)(p->k, a, row, step, panel, p->add, c, ldc, rows);
}

/* c at (i, j), `columns` of them: those of the panel beyond are dropped */
INLINE void NAME(corner)(const Block *p, int64_t i, int64_t j, int64_t rows,
                         int64_t columns, const float *panel, int width) {
  float edge[ROWS * 2 * LANES], *c = p->c + i * p->ldc + j, *to = c;
  int64_t ldc = p->ldc;
  if (columns < width) {
    to = edge;
    ldc = width;
    if (p->add) copy_corner(edge, width, c, p->ldc, rows, columns);
  }
  if (p->wide)
    NAME(kernel)(p, p->a + i * BLOCK_LINE, BLOCK_LINE, 1, panel, width, to,
                 ldc, rows);
  else
    NAME(kernel)(p, p->a + i, 1, BLOCK_LINE, panel, width, to, ldc, rows);
  if (columns < width) copy_corner(c, p->ldc, edge, width, rows, columns);
}

/* Panels of two vectors; a last one of one, if that will do. */
TARGET static void NAME(product)(const Block *p) {
  enum { WIDTH = 2 * LANES, PANELS = 3, PANEL = BLOCK_LINE * WIDTH };
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
        NAME(corner)(p, i, first + q * WIDTH, rows, WIDTH, panel + q * PANEL,
                     WIDTH);
      NAME(corner)(p, i, first + (panels - 1) * WIDTH, rows, last,
                   panel + (panels - 1) * PANEL, width);
    }
  }
}

#undef TARGET
#undef NAME
#undef LANES
#undef ROWS
#undef EACH_ROW
