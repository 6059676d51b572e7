/* The matrix product: batched, transposed, with a shared right side. How the
** work is divided depends on the shapes alone, so that any number of threads
** gives the same bits. */

#include <string.h>

#include "kernels/kernels.h"
#include "ops/build.h"
#include "ops/product.h"

static bool matmul_shape(Rule *r) {
  const Type *a = &r->in[0], *b = &r->in[1];
  bool ta = r->attr[TRANSPOSE_A].i[0], tb = r->attr[TRANSPOSE_B].i[0];
  char ta_text[TYPE_TEXT], tb_text[TYPE_TEXT];
  type_text(a, ta_text);
  type_text(b, tb_text);
  if (a->rank < 2 || b->rank < 2)
    return fail(r->error, "needs matrices: x1 is %s, x2 is %s", ta_text,
                tb_text);
  int64_t ka = a->dim[a->rank - (ta ? 2 : 1)];
  int64_t kb = b->dim[b->rank - (tb ? 1 : 2)];
  if (!may_equal(ka, kb))
    return fail(r->error,
                "inner sizes differ: x1 is %s, x2 is %s (%lld against %lld)",
                ta_text, tb_text, (long long)ka, (long long)kb);
  int64_t m = a->dim[a->rank - (ta ? 1 : 2)];
  int64_t n = b->dim[b->rank - (tb ? 2 : 1)];
  Type batch_a = type_new(F32, a->rank - 2, a->dim);
  Type batch_b = type_new(F32, b->rank - 2, b->dim);
  Type y = batch_a;
  if (!broadcast_dims(&y, &batch_a, &batch_b))
    return fail(r->error, "batch sizes differ: x1 is %s, x2 is %s", ta_text,
                tb_text);
  y.dim[y.rank++] = m;
  y.dim[y.rank++] = n;
  y.dtype = a->dtype;
  r->out[0] = y;
  return true;
}

/* ---- geometry ----------------------------------------------------------- */

typedef struct Product {
  int64_t batch, m, n, k;
  bool ta, tb;
  int64_t parts; /* of one product: */
  bool by_columns;
} Product;

/* A task is worth some 50 million operations; splitting rows packs b again
** for each part, splitting columns packs a. */
static void divide_work(Product *p) {
  enum { WORTH = 50 * 1000 * 1000 };
  double work = 2.0 * (double)p->m * (double)p->n * (double)p->k;
  p->by_columns = p->m * p->k <= p->n * p->k; /* packs the smaller one again */
  int64_t most = p->by_columns ? p->n / 128 : p->m / 64;
  int64_t parts = (int64_t)(work / WORTH);
  p->parts = parts > 16 ? 16 : parts;
  p->parts = p->parts > most ? most : p->parts;
  if (p->parts < 1)
    p->parts = 1;
}

static Product product_of(const OpCall *s) {
  const Type *a = &s->in[0], *b = &s->in[1], *y = &s->out[0];
  Product p = {.ta = s->attr[TRANSPOSE_A].i[0],
               .tb = s->attr[TRANSPOSE_B].i[0]};
  p.m = y->dim[y->rank - 2];
  p.n = y->dim[y->rank - 1];
  p.k = a->dim[a->rank - (p.ta ? 2 : 1)];
  p.batch = type_span(y, 0, y->rank - 2);
  if (!p.ta && type_span(b, 0, b->rank - 2) == 1) { /* shared right side */
    p.m *= p.batch;
    p.batch = 1;
  }
  divide_work(&p);
  return p;
}

static int64_t matmul_tasks(const OpCall *s) {
  if (s->in[0].dtype == I32)
    return whole_product_tasks(s);
  Product p = product_of(s);
  return p.batch * p.parts;
}

/* Runs the epilogue on rows m0..m1, columns n0..n1 of matrix `item`. */
static void finish(const OpCall *s, const Run *r, const Product *p,
                   int64_t item, int64_t m0, int64_t m1, int64_t n0,
                   int64_t n1) {
  int64_t base = item * p->m * p->n;
  if (n0 == 0 && n1 == p->n) {
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out, base + m0 * p->n,
             base + m1 * p->n, r->local);
    return;
  }
  for (int64_t i = m0; i < m1; i++)
    tile_run(s->epilogue, r->epilogue_in, r->epilogue_out,
             base + i * p->n + n0, base + i * p->n + n1, r->local);
}

/* Rows of a task that are multiplied in one call: some 500 million operations,
** so that a product can be cancelled within it. Each call packs its part of b
** again, which is some hundredths of the work. */
static int64_t rows_of_call(const Product *p, int64_t rows, int64_t n) {
  enum { MOST = 500 * 1000 * 1000, LEAST = 64 };
  if (rows <= LEAST)
    return rows;
  double row = 2.0 * (double)n * (double)p->k;
  if (row * (double)rows <= MOST)
    return rows;
  rows = (int64_t)(MOST / row) / 16 * 16;
  return rows < LEAST ? LEAST : rows;
}

static void matmul_run(const OpCall *s, const Run *r, int64_t task) {
  if (s->in[0].dtype == I32) {
    whole_product_run(s, r, task);
    return;
  }
  Product p = product_of(s);
  int64_t item = task / p.parts, part = task % p.parts;
  int64_t m0 = 0, m1 = p.m, n0 = 0, n1 = p.n;
  if (p.by_columns) {
    int64_t lines = (p.n + 15) / 16;
    n0 = lines * part / p.parts * 16;
    n1 = part + 1 == p.parts ? p.n : lines * (part + 1) / p.parts * 16;
  } else {
    int64_t lines = (p.m + 15) / 16;
    m0 = lines * part / p.parts * 16;
    m1 = part + 1 == p.parts ? p.m : lines * (part + 1) / p.parts * 16;
  }
  const float *a = r->in[0], *b = r->in[1];
  float *y = r->out[0];
  if (p.batch > 1) {
    a += batch_offset(&s->in[0], &s->out[0], item) * p.m * p.k;
    b += batch_offset(&s->in[1], &s->out[0], item) * p.n * p.k;
    y += item * p.m * p.n;
  }
  int64_t lda = p.ta ? p.m : p.k, ldb = p.tb ? p.k : p.n;
  int64_t rows = rows_of_call(&p, m1 - m0, n1 - n0);
  for (int64_t m = m0; m < m1 && !env_stopped(r->env); m += rows)
    gemm(p.ta, p.tb, m1 - m < rows ? m1 - m : rows, n1 - n0, p.k,
         a + (p.ta ? m : m * lda), lda, b + (p.tb ? n0 * ldb : n0), ldb, 0,
         y + m * p.n + n0, p.n);
  if (s->epilogue)
    finish(s, r, &p, item, m0, m1, n0, n1);
}

/* ---- gradient ----------------------------------------------------------- */

static Val rows_of(Context *c, Val x, int64_t width) {
  return reshaped(c, x, 2, (int64_t[]){UNKNOWN, width});
}

static void matmul_vjp(Context *c, const Node *n, const Val *dy, Val *dx) {
  Val a = input(n, 0), b = input(n, 1), g = dy[0];
  bool ta = n->attr[TRANSPOSE_A].i[0], tb = n->attr[TRANSPOSE_B].i[0];
  const Type *b_type = val_type(b);
  dx[0] = ta ? matmul_of(c, b, g, tb, true) : matmul_of(c, g, b, false, !tb);
  /* when the batch shares one matrix b, its gradient is a sum over the batch,
     which one product over all rows gives */
  bool shared = !ta && b_type->rank == 2 && val_type(a)->rank > 2;
  int64_t k = b_type->rank == 2 ? b_type->dim[tb ? 1 : 0] : UNKNOWN;
  int64_t width = b_type->rank == 2 ? b_type->dim[tb ? 0 : 1] : UNKNOWN;
  if (shared && k > 0 && width > 0) { /* a width of 0 gives no count of rows */
    a = rows_of(c, a, k);
    g = rows_of(c, g, width);
  }
  dx[1] = tb ? matmul_of(c, g, a, true, ta) : matmul_of(c, a, g, !ta, false);
}

const Op ops_product[] = {
  {"matmul", "x1, x2, transpose_a:bool=false, transpose_b:bool=false", PRODUCT,
   PROMOTE, matmul_shape, .tasks = matmul_tasks, .run = matmul_run,
   .vjp = matmul_vjp, .traits = EPILOGUE | TRUTHS, .role = MULTIPLIES_MATRICES,
   .doc = "The matrix product over the last two axes; the others broadcast."},
  {0}
};
