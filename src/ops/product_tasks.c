/* A product as its kernel takes it, and how its work is divided into tasks: by
** sizes alone. */

#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/provider.h"
#include "ops/product.h"

/* How many parts that are wanted, n in parts of at least `least` gives. */
static int64_t parts_of(double wanted, int64_t n, int64_t least) {
  int64_t most = n / least, parts = (int64_t)wanted;
  parts = parts > most ? most : parts;
  return parts < 2 ? 1 : parts - parts % 2;
}

/* Halves of an odd number of few panels are uneven; those of rows are not. */
static void share_rows(Matmul *p) {
  enum { UNEVEN = 8, FEWEST = 28 };
  int64_t panels = (p->n + GEMM_COLUMNS - 1) / GEMM_COLUMNS;
  if (p->row_parts > 1 || p->column_parts != 2 || panels % 2 == 0 ||
      panels > UNEVEN || p->m < FEWEST)
    return;
  p->row_parts = 2;
  p->column_parts = 1;
}

/* Few rows of a product in a loop take as long as their panels come from the
** second cache, 100 bytes a nanosecond, and threads that are awake start within
** a third of a microsecond. */
static bool share_columns(Matmul *p) {
  enum { WORTH = 700, MOST_ROWS = 2, LEAST = 64 };
  double parts = (double)p->k * (double)p->n * 4 / 100 / WORTH;
  double threads = threads_count();
  if (!p->panels || p->m > MOST_ROWS) return false;
  p->column_parts = parts_of(parts < threads ? parts : threads, p->n, LEAST);
  return true;
}

/* A task is worth some 25 us, or 10 where there are but two, and they are even
** in number, since threads are. What it takes: 80 multiply-adds a nanosecond,
** and the right side from memory, 20 bytes a nanosecond. Parts by rows pack that
** side again, so they come second and are high, the more so the fewer are needed;
** they come first when it is packed, because whole rows are finished in one go.
** Parts by columns read the left side again, so they are as wide as what is
** packed together, where that gives tasks enough. */
static void divide_work(Matmul *p, bool often) {
  enum { WORTH = 25 * 1000, TWO = 20 * 1000, MOST = 64, ENOUGH = 8, HIGH = 480,
         LOW = 192, WIDE = 256, WIDE_ENOUGH = 4 };
  double side = (double)p->k * (double)p->n;
  double time = side * (double)p->m / 80 + side * 4 / 20;
  double wanted = time < TWO ? 1 : time < 2 * WORTH ? 2 : time / WORTH;
  p->row_parts = p->column_parts = 1;
  if ((often && share_columns(p)) || wanted < 2) return;
  wanted = wanted > MOST ? MOST : wanted;
  if (p->panels) {
    p->row_parts = parts_of(wanted, p->m, 56);
    p->column_parts = parts_of(wanted / (double)p->row_parts, p->n, 64);
    share_rows(p);
  } else {
    bool wide = (p->n / WIDE) * (p->m / LOW) >= WIDE_ENOUGH;
    p->column_parts = parts_of(wanted, p->n, wide ? WIDE : WIDE / 2);
    int64_t height = p->column_parts * (p->m / HIGH) < ENOUGH ? LOW : HIGH;
    p->row_parts = parts_of(wanted / (double)p->column_parts, p->m, height);
  }
}

/* Whether all rows are worth one packing of the right side, which the second
** cache then holds: of a tall product each part would pack it again. */
static bool packs_first(const Matmul *p) {
  enum { TALL = 448, HELD = 1 << 18 };
  return !p->panels && !p->ta && p->batch == 1 && p->m >= TALL &&
         p->n >= GEMM_COLUMNS && p->k * p->n <= HELD && !provider();
}

Matmul product_geometry(const OpCall *s) {
  const Type *a = &s->in[0], *b = &s->in[1], *y = &s->out[0];
  Matmul p = {.ta = s->attr[TRANSPOSE_A].i[0], .panels = b->rank == 1};
  p.tb = !p.panels && s->attr[TRANSPOSE_B].i[0];
  p.m = y->dim[y->rank - 2];
  p.n = y->dim[y->rank - 1];
  p.k = a->dim[a->rank - (p.ta ? 2 : 1)];
  p.batch = type_span(y, 0, y->rank - 2);
  bool shared = p.panels || type_span(b, 0, b->rank - 2) == 1;
  if (!p.ta && shared) {
    p.m *= p.batch;
    p.batch = 1;
  }
  p.packs = packs_first(&p);
  p.panels = p.panels || p.packs;
  divide_work(&p, s->often);
  return p;
}
