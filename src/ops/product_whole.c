/* The matrix product of whole numbers: exact, where it fits int32. Its rows, of
** all items of the batch together, are shared out among the tasks. */

#include "kernels/kernels.h"
#include "ops/product.h"

typedef struct Whole {
  int64_t rows, m, n, k; /* rows: of all items */
} Whole;

static Whole whole_of(const OpCall *s) {
  const Type *a = &s->in[0], *y = &s->out[0];
  Whole p = {.m = y->dim[y->rank - 2], .n = y->dim[y->rank - 1]};
  p.k = a->dim[a->rank - (s->attr[TRANSPOSE_A].i[0] ? 2 : 1)];
  p.rows = type_span(y, 0, y->rank - 1);
  return p;
}

int64_t whole_product_tasks(const OpCall *s) {
  enum { WORTH = 10 * 1000 * 1000 }; /* multiplications */
  Whole p = whole_of(s);
  int64_t tasks =
      (int64_t)((double)p.rows * (double)p.n * (double)p.k / WORTH);
  return tasks < 1 ? 1 : tasks > p.rows ? p.rows : tasks;
}

/* Rows that are computed in one call, after which a run can be cancelled. */
static int64_t rows_of_call(const Whole *p) {
  enum { MOST = 50 * 1000 * 1000 };
  double row = (double)p->n * (double)p->k + 1;
  return row >= MOST ? 1 : (int64_t)(MOST / row);
}

/* Rows [i0, i1) of one item. */
static void item_rows(const OpCall *s, const Run *r, const Whole *p,
                      int64_t item, int64_t i0, int64_t i1) {
  bool ta = s->attr[TRANSPOSE_A].i[0], tb = s->attr[TRANSPOSE_B].i[0];
  const int32_t *a = r->in[0], *b = r->in[1];
  a += batch_offset(&s->in[0], &s->out[0], item) * p->m * p->k;
  b += batch_offset(&s->in[1], &s->out[0], item) * p->n * p->k;
  int64_t a_row = ta ? 1 : p->k, a_step = ta ? p->m : 1;
  ISA(product_i32)(i1 - i0, p->n, p->k, a + i0 * a_row, a_row, a_step, b, tb,
                   (int32_t *)r->out[0] + (item * p->m + i0) * p->n);
}

void whole_product_run(const OpCall *s, const Run *r, int64_t task) {
  Whole p = whole_of(s);
  int64_t tasks = whole_product_tasks(s), most = rows_of_call(&p);
  int64_t first = p.rows * task / tasks, last = p.rows * (task + 1) / tasks;
  for (int64_t i = first; i < last && !env_stopped(r->env);) {
    int64_t item = i / p.m, end = (item + 1) * p.m;
    end = end < last ? end : last;
    end = end - i > most ? i + most : end;
    item_rows(s, r, &p, item, i - item * p.m, end - item * p.m);
    i = end;
  }
  if (s->epilogue)
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, first * p.n,
             last * p.n, r->local);
}
