/* Products. b is packed into panels, a few of them at a time unless the caller
** has them from before; a is read as it lies, since the microkernel takes any
** strides, or copied where that is far apart. A product of few rows reads b as it
** lies, too, where it can. What is read next is asked for while a tile is
** multiplied. */
#include "base/each_isa.h"
#include "kernels/micro.h"
#include "kernels/panels.h"
#include "kernels/provider.h"
#include "kernels/vector.h"

#include <string.h>

enum {
  WIDTH = MICRO_WIDTH,
  DEPTH = 512,  /* rows of a panel that are packed or read at a time, at most */
  GROUP = PANEL_GROUP,
  SOON = PANEL_SOON,
  LINE = PANEL_LINE,
  TILES = 8,    /* of rows, that go over a group before the next ones do; */
  COPIED = 4,   /* of those whose part of a is copied */
  LARGE = 1 << 18, /* numbers of a b that the second cache may not hold, */
  STRIP = 64,      /* of which so many rows are read at a time as it lies */
  LONG_ROWS = 56 /* of a product that has longer ones, at a time */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static int64_t divide_up(int64_t n, int64_t by) { return (n + by - 1) / by; }

/* ---- tiles -------------------------------------------------------------- */

/* What is read of b: its rows [k0, k1), their first columns at b. Numbers from
** row to row, and from one panel to the next. The same columns of a, from the
** row `first` on; room: where some of them may be copied to, or NULL. */
typedef struct Side {
  int64_t k0, k1;
  const float *b;
  int64_t row, panel;
  const float *a;
  int64_t a_row, a_column, first;
  float *room;
  const float *next; /* what is read after this: so many numbers come for each */
  int64_t next_step; /* row of b; NULL: it is near */
  bool ends; /* these are the last of k */
} Side;

/* Not returned, as a returned one is copied in vectors, which wait for all that
** was just stored into it. */
INLINE void side_of(Side *s, const Product *p, int64_t k0, int64_t k1) {
  *s = (Side){.k0 = k0, .k1 = k1, .a = p->a + k0 * p->a_column,
              .a_row = p->a_row, .a_column = p->a_column};
}

INLINE Micro micro_of(const Product *p, const Side *s, int64_t i, int64_t j) {
  return (Micro){.k = s->k1 - s->k0, .a = s->a + (i - s->first) * s->a_row,
                 .a_row = s->a_row, .a_column = s->a_column, .b = s->b,
                 .b_row = s->row, .b_pair = s->panel,
                 .c = p->c + i * p->c_row + j, .c_row = p->c_row,
                 .add = s->k0 > 0, .end = s->ends ? &p->end : NULL,
                 .end_row = i, .end_column = j};
}

/* One or two rows have too few sums to keep the multipliers busy: two panels
** are done at once. */
static void few_rows(const Product *p, const Side *s, int64_t j0, int64_t j1) {
  int64_t pairs = divide_up(j1 - j0, 2 * WIDTH);
  for (int64_t i = 0; i < pairs; i++) {
    int64_t pair = p->backwards ? pairs - 1 - i : i;
    int64_t j = j0 + pair * 2 * WIDTH;
    Micro t = micro_of(p, s, 0, j);
    t.b += 2 * pair * s->panel;
    if (j + 2 * WIDTH <= j1) {
      ISA_NAME(micro)(p->m, 4, &t);
      continue;
    }
    ISA_NAME(micro_panel)(p->m, j1 - j, &t);
    t.b += s->panel;
    t.c += WIDTH;
    t.end_column += WIDTH;
    if (j1 - j > WIDTH) ISA_NAME(micro_panel)(p->m, j1 - j - WIDTH, &t);
  }
}

/* Of tiles of as equal height as can be, which there are so many of, those of
** [first, end), which go over a panel together. s->b is at column j. */
static void some_tiles(const Product *p, const Side *s, int64_t tiles,
                       int64_t first, int64_t end, int64_t j,
                       int64_t columns) {
  int64_t i0 = p->m * first / tiles, i1 = p->m * end / tiles;
  Micro m = micro_of(p, s, i0, j);
  m.ahead = s->next;
  m.ahead_step = s->next_step;
  ISA_NAME(micro_rows)(i1 - i0, columns, &m);
}

/* n numbers, while what stands `soon` further is asked for. */
INLINE void copy_few(float *to, const float *from, int64_t n, int64_t soon) {
  for (int64_t j = 0; j < n; j += LINE) __builtin_prefetch(from + soon + j);
  if (n < LANES) {
    for (int64_t j = 0; j < n; j++) to[j] = from[j];
    return;
  }
  for (int64_t j = 0; j + LANES <= n; j += LANES) AT(to + j) = FROM(from + j);
  AT(to + n - LANES) = FROM(from + n - LANES);
}

/* What s has of the rows [i0, i1) of a comes near each other: rows with a line
** between them, of a turned one what its columns have there side by side. */
static void copy_rows(const Product *p, Side *s, int64_t i0, int64_t i1) {
  int64_t k = s->k1 - s->k0, rows = i1 - i0;
  const float *a = s->a + i0 * p->a_row;
  s->a = s->room;
  s->first = i0;
  if (p->a_row == 1) {
    s->a_column = rows;
    for (int64_t l = 0; l < k; l++, a += p->a_column)
      copy_few(s->room + l * rows, a, rows, SOON * p->a_column);
  } else {
    s->a_row = k + LINE;
    for (int64_t i = 0; i < rows; i++, a += p->a_row)
      memcpy(s->room + i * s->a_row, a, (size_t)k * sizeof *a);
  }
}

/* The next part of a turned a, which has several tiles, comes while this one is
** multiplied, in so many passes of a tile over a panel, of which some are done. */
static void part_comes(const Product *p, Side *s, int64_t passes,
                       int64_t done) {
  if (s->ends || p->a_row != 1 || p->a_column != p->m || p->m <= MICRO_ROWS)
    return;
  s->next_step = divide_up(p->m, passes);
  s->next = p->a + s->k1 * p->m + done * (s->k1 - s->k0) * s->next_step;
}

static void many_rows(const Product *p, const Side *s, int64_t j0, int64_t j1) {
  int64_t tiles = divide_up(p->m, MICRO_ROWS);
  int64_t panels = divide_up(j1 - j0, WIDTH);
  int64_t some = s->room ? COPIED : TILES;
  for (int64_t first = 0; first < tiles; first += some) {
    int64_t end = least(first + some, tiles);
    Side at = *s;
    if (s->room) copy_rows(p, &at, p->m * first / tiles, p->m * end / tiles);
    for (int64_t i = 0; i < panels; i++, at.b += s->panel) {
      int64_t j = j0 + i * WIDTH;
      part_comes(p, &at, tiles * panels, first * panels + i * (end - first));
      some_tiles(p, &at, tiles, first, end, j, j1 - j);
    }
  }
}

/* The columns [j0, j1), of which s.b has the first. */
static void multiply(const Product *p, const Side *s, int64_t j0, int64_t j1) {
  if (p->m <= MICRO_FEW)
    few_rows(p, s, j0, j1);
  else
    many_rows(p, s, j0, j1);
}

/* ---- a product ---------------------------------------------------------- */

/* k in parts that a panel in the first cache has room for; one when k is 0,
** which clears c. */
static int64_t parts_of(int64_t k) {
  return k > DEPTH ? divide_up(k, DEPTH) : 1;
}

INLINE void part_at(Side *s, const Product *p, int64_t part, int64_t parts) {
  bool one = parts == 1; /* spares the divisions */
  side_of(s, p, one ? 0 : p->k * part / parts,
          one ? p->k : p->k * (part + 1) / parts);
  s->row = WIDTH;
  s->ends = part + 1 == parts;
}

static const float *panel_at(const Product *p, int64_t panel, int64_t k) {
  return p->panels + (panel * p->panel_rows + k) * WIDTH;
}

/* The panel behind this one, in the order of memory or against it. */
static int64_t next_panel(const Product *p, int64_t panel) {
  return p->backwards ? panel - 1 : panel + 1;
}

/* The i-th panel in that order. */
static int64_t panel_of(const Product *p, int64_t i) {
  return p->backwards ? divide_up(p->n, WIDTH) - 1 - i : i;
}

/* All tiles go over what s has of one panel. */
static void tiles_by_panel(const Product *p, Side *s, int64_t tiles,
                           int64_t panel) {
  int64_t j = panel * WIDTH;
  s->b = panel_at(p, panel, s->k0);
  some_tiles(p, s, tiles, 0, tiles, j, p->n - j);
}

/* Weights that are read once in a run come from far: what is read next, from
** row k of a panel on, comes while so many tiles go over one, unless they are
** few. */
static void panel_comes(const Product *p, Side *s, int64_t tiles,
                        int64_t panel, int64_t k) {
  enum { FEW = 1 << 14 };
  if (tiles == 1 || p->k * p->n < FEW || panel < 0 || panel * WIDTH >= p->n)
    return;
  s->next = panel_at(p, panel, k);
  s->next_step = divide_up(WIDTH, tiles);
}

/* The first panel that goes over rows of a meets them far away, and to the
** processor each is a stream that ends soon. So, where they stand one behind
** another and are not few, a tile's come while the one before is multiplied. */
static bool rows_come(const Product *p, Side *s, int64_t tiles) {
  enum { FEW = 1 << 11 };
  if (p->a_column != 1 || p->a_row != s->k1 - s->k0 || p->m * p->k <= FEW)
    return false;
  s->next_step = p->m / tiles;
  s->next = s->a + s->next_step * s->a_row;
  return true;
}

/* All parts of the rows stay near, so each panel is read in one go. A single
** tile reads it but once, and does it whole. */
static void few_tiles(const Product *p, int64_t tiles, int64_t i) {
  int64_t parts = tiles > 1 ? parts_of(p->k) : 1, panel = panel_of(p, i);
  for (int64_t q = 0; q < parts; q++) {
    Side s;
    part_at(&s, p, q, parts);
    if (i > 0 || !rows_come(p, &s, tiles))
      panel_comes(p, &s, tiles, s.ends ? next_panel(p, panel) : panel,
                  s.ends ? 0 : s.k1);
    tiles_by_panel(p, &s, tiles, panel);
  }
}

/* Where rows are copied, all panels go with one part of them. */
static void few_copied(const Product *p, Side *s, int64_t tiles) {
  int64_t panels = divide_up(p->n, WIDTH);
  copy_rows(p, s, 0, p->m);
  for (int64_t i = 0; i < panels; i++) {
    int64_t panel = panel_of(p, i);
    s->next = NULL;
    panel_comes(p, s, tiles, next_panel(p, panel), s->k0);
    tiles_by_panel(p, s, tiles, panel);
  }
}

static void multiply_panels(const Product *p, float *room) {
  int64_t tiles = divide_up(p->m, MICRO_ROWS), panels = divide_up(p->n, WIDTH);
  bool few = p->m > MICRO_FEW && tiles <= (room ? COPIED : TILES);
  if (few && room == NULL) {
    for (int64_t i = 0; i < panels; i++) few_tiles(p, tiles, i);
    return;
  }
  int64_t parts = p->m <= MICRO_FEW ? 1 : parts_of(p->k);
  for (int64_t q = 0; q < parts; q++) {
    Side s;
    part_at(&s, p, q, parts);
    s.b = panel_at(p, 0, s.k0);
    s.panel = p->panel_rows * WIDTH;
    s.room = room;
    if (few)
      few_copied(p, &s, tiles);
    else
      multiply(p, &s, 0, p->n);
  }
}

/* Columns [j0, n), packed some at a time. */
static void pack_and_multiply(const Product *p, int64_t j0, float *panels,
                              float *room) {
  for (; j0 < p->n; j0 += GROUP * WIDTH) {
    int64_t j1 = least(j0 + GROUP * WIDTH, p->n);
    for (int64_t q = 0, parts = parts_of(p->k); q < parts; q++) {
      Side s;
      part_at(&s, p, q, parts);
      s.b = panels;
      s.room = room;
      s.panel = (s.k1 - s.k0) * WIDTH;
      ISA_NAME(panels_pack)(panels, s.panel, p, j0, j1, s.k0, s.k1);
      multiply(p, &s, j0, j1);
    }
  }
}

/* Few rows: what packing costs would not be won back. Vectors would reach over
** the end of the last columns, so those are packed all the same. */
static bool takes_b_as_it_lies(const Product *p) {
  return p->b_column == 1 && p->m <= MICRO_ROWS;
}

/* Columns [0, n). A panel's width of each row is a jump in memory, so a large b
** is read in strips of rows, whose lines come in their order. */
static void multiply_lying(const Product *p, int64_t n) {
  int64_t rows = p->k * n > LARGE ? STRIP : p->k;
  int64_t k0 = 0;
  do {
    Side s;
    side_of(&s, p, k0, least(k0 + rows, p->k));
    s.b = p->b + k0 * p->b_row;
    s.row = p->b_row;
    s.panel = WIDTH;
    multiply(p, &s, 0, n);
    k0 = s.k1;
  } while (k0 < p->k);
}

static void multiply_chain(const Product *p, float *panels, float *room) {
  if (p->panels) {
    multiply_panels(p, room);
    return;
  }
  int64_t lying = takes_b_as_it_lies(p) ? p->n / WIDTH * WIDTH : 0;
  if (lying > 0) multiply_lying(p, lying);
  pack_and_multiply(p, lying, panels, room);
}

/* The columns [j0, j1) of the rows [i0, i1), of k the numbers [k0, k1). */
static Product part_of(const Product *p, int64_t i0, int64_t i1, int64_t j0,
                       int64_t j1, int64_t k0, int64_t k1) {
  Product part = *p;
  part.m = i1 - i0;
  part.n = j1 - j0;
  part.k = k1 - k0;
  part.a += i0 * p->a_row + k0 * p->a_column;
  part.b += k0 * p->b_row + j0 * p->b_column;
  if (p->panels) part.panels += j0 * p->panel_rows + k0 * WIDTH;
  part.c += i0 * p->c_row + j0;
  return part;
}

/* The sums of a long chain grow so large that what is added to them is lost; so
** later numbers have sums of their own. */
static void multiply_long(const Product *p, float *panels, float *sums,
                          float *room) {
  for (int64_t i = 0; i < p->m; i += LONG_ROWS)
    for (int64_t j = 0; j < p->n; j += GROUP * WIDTH)
      for (int64_t k = 0; k < p->k; k += GEMM_CHAIN) {
        Product part = part_of(p, i, least(i + LONG_ROWS, p->m), j,
                               least(j + GROUP * WIDTH, p->n), k,
                               least(k + GEMM_CHAIN, p->k));
        float *c = part.c;
        if (k > 0) {
          part.c = sums;
          part.c_row = GROUP * WIDTH;
        }
        multiply_chain(&part, panels, room);
        for (int64_t r = 0; k > 0 && r < part.m; r++)
          for (int64_t l = 0; l < part.n; l++)
            c[r * p->c_row + l] += sums[r * part.c_row + l];
      }
}

/* Numbers of the scratch before the room for rows of a: those of panels, and of
** a long chain its sums. */
static int64_t before_room(int64_t n, int64_t k) {
  int64_t columns = divide_up(n, GEMM_COLUMNS) * GEMM_COLUMNS;
  if (k > GEMM_CHAIN) return GROUP * GEMM_COLUMNS * (DEPTH + LONG_ROWS);
  return least(columns, GROUP * GEMM_COLUMNS) * least(k, DEPTH);
}

/* A tile that has no more rows than a set of the first cache has places reads
** them as they lie. */
static bool copies_rows(const Product *p) {
  int64_t places = 8, highest = MICRO_ROWS;
  if (p->a_row == 1) return p->a_apart && p->m > MICRO_FEW;
  return p->a_apart && least(p->m, highest) > places;
}

KERNEL(void, gemm, (const Product *p, void *scratch)) {
  float *panels = scratch;
  float *room = panels + before_room(p->panels ? 0 : p->n, p->k);
  if (!copies_rows(p)) room = NULL;
  if (p->m <= 0 || p->n <= 0) return;
  if (p->panels == NULL && provider_multiplies(p)) return;
  if (p->k <= GEMM_CHAIN)
    multiply_chain(p, panels, room);
  else
    multiply_long(p, panels, panels + GROUP * WIDTH * DEPTH, room);
}

#if ISA_FIRST
enum { MOST_ROWS = 14, MOST_ROOM = COPIED * MOST_ROWS * (DEPTH + LINE) };

/* Sums of several parts of k wait in c, so nothing else may lie there. */
bool gemm_ends(int64_t m, int64_t k, bool in_place) {
  return k <= (in_place && m > MICRO_FEW ? DEPTH : GEMM_CHAIN);
}

int64_t gemm_scratch(int64_t n, int64_t k, bool a_apart) {
  return (before_room(n, k) + (a_apart ? MOST_ROOM : 0)) *
         (int64_t)sizeof(float);
}

_Static_assert((GROUP * GEMM_COLUMNS * (DEPTH + LONG_ROWS) + MOST_ROOM) *
                       sizeof(float) <= GEMM_MOST_SCRATCH &&
                   MOST_ROOM * sizeof(float) <= GEMM_MOST_COPIED,
               "what gemm_scratch says at most");

/* So far from each other, they all belong to one set of the first cache. */
bool gemm_is_apart(int64_t step) {
  enum { SETS = 1024 };
  return step % SETS == 0;
}
#endif
