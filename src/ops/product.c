/* The matrix product: batched, transposed, with a shared right side; and the
** same with a right side that was packed before, which a compilation makes of
** it when that side is the same in many runs. A number of the result depends on
** the sizes of its row and column alone, so any division of the work gives the
** same bits. */

#include <string.h>

#include "base/threads.h"
#include "kernels/kernels.h"
#include "kernels/provider.h"
#include "ops/build.h"
#include "ops/product.h"

enum { COLUMNS = 1 }; /* attribute of matmul_panels, beside TRANSPOSE_A */

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

/* ---- tasks, and what they work in --------------------------------------- */

static void matmul_settle(const OpCall *s, void *room) {
  *(Matmul *)room = product_geometry(s);
}

static int64_t matmul_tasks(const OpCall *s) {
  Matmul room;
  if (s->in[0].dtype == I32)
    return whole_product_tasks(s);
  const Matmul *p = geometry_of(s, &room);
  return p->batch * p->row_parts * p->column_parts;
}

static bool has_a_apart(const Matmul *p) {
  return p->n > 1 && gemm_is_apart(p->ta ? p->m : p->k);
}

/* Rows of a task that are multiplied and finished together: as many as stay near
** meanwhile, and of a narrow result as many as are worth the beginning of a tile
** program. */
enum { NEAR = 56, WORTH_PROGRAM = 16 << 10, BLOCK = 64 << 10 /* numbers */ };

static int64_t most_near(const Matmul *p) {
  int64_t rows = WORTH_PROGRAM / (p->n < 1 ? 1 : p->n) / 14 * 14;
  return rows > NEAR ? rows : NEAR;
}

/* Half as many more are better than half as many, but not of those that are
** copied. */
static int64_t near_rows(const Matmul *p, int64_t rows) {
  if (rows <= NEAR) /* never more than fit, and spares the divisions */
    return rows < 1 ? 1 : rows; /* a step through none */
  int64_t most = most_near(p);
  int64_t calls = (rows + (has_a_apart(p) ? most - 1 : most / 2)) / most;
  return calls > 1 ? (rows + calls - 1) / calls : rows;
}

/* Whether they are finished from a block of their own, so that what is not yet
** finished never goes to memory. The sums of long chains need its place. */
static bool has_block(const OpCall *s, const Matmul *p) {
  return s->epilogue && p->panels && p->n > 1 && p->n <= BLOCK / NEAR &&
         p->k <= GEMM_CHAIN;
}
_Static_assert((int)GEMM_MOST_SCRATCH <= (int)THREAD_SCRATCH &&
                   4 * BLOCK * 3 / 2 + (int)TILE_MOST_SCRATCH +
                           (int)GEMM_MOST_COPIED + 128 <= (int)THREAD_SCRATCH,
               "a worker's scratch");

static int64_t whole_lines(int64_t bytes) {
  return (bytes + 63) & ~(int64_t)63;
}

static int64_t block_bytes(const Matmul *p) {
  int64_t most = most_near(p) * 3 / 2, rows = p->m < most ? p->m : most;
  return whole_lines(4 * rows * p->n);
}

/* What a task has in front of the room of its product: the block, and what
** finishes it. */
static int64_t before_room(const OpCall *s, const Matmul *p) {
  if (!has_block(s, p))
    return 0;
  return block_bytes(p) + whole_lines(tile_scratch(s->epilogue));
}

static int64_t matmul_scratch(const OpCall *s) {
  Matmul room;
  if (s->in[0].dtype == I32)
    return 0;
  const Matmul *p = geometry_of(s, &room);
  return p->packs ? 4 * gemm_panels(p->k, p->n) : 0;
}

static int64_t matmul_local(const OpCall *s) {
  Matmul room;
  if (s->in[0].dtype == I32)
    return 0;
  const Matmul *p = geometry_of(s, &room);
  return before_room(s, p) +
         gemm_scratch(p->panels ? 0 : p->n == 1 ? p->m : p->n, p->k,
                      has_a_apart(p));
}

/* ---- the work ----------------------------------------------------------- */

/* A part of matrix `item`: rows [m0, m1), columns [n0, n1). */
typedef struct Part {
  int64_t item, m0, m1, n0, n1;
} Part;

static Part part_at(const Matmul *p, int64_t task) {
  if (p->row_parts == 1 && p->column_parts == 1) /* spares the divisions */
    return (Part){.item = task, .m1 = p->m, .n1 = p->n};
  int64_t column = task % p->column_parts, row = task / p->column_parts;
  Part t = {.item = row / p->row_parts};
  row %= p->row_parts;
  t.m0 = part_begin(p->m, row, p->row_parts, 1);
  t.m1 = part_begin(p->m, row + 1, p->row_parts, 1);
  t.n0 = part_begin(p->n, column, p->column_parts, GEMM_COLUMNS);
  t.n1 = part_begin(p->n, column + 1, p->column_parts, GEMM_COLUMNS);
  return t;
}

/* Runs the epilogue on what is multiplied. */
static void finish_from(const OpCall *s, const Run *r, const Matmul *p,
                        const Part *t, const void *const *in, void *scratch) {
  int64_t rows = t->m1 - t->m0, n = t->n1 - t->n0;
  int64_t first = (t->item * p->m + t->m0) * p->n + t->n0;
  if (n == p->n)
    tile_run(s->epilogue, in, r->epilogue_out, first, first + rows * n,
             scratch);
  else
    tile_run_rows(s->epilogue, in, r->epilogue_out, first, rows, n, p->n,
                  scratch);
}

/* The same, where it lies in the block, whose rows are as long as those of the
** result: the epilogue counts from where the first of all rows would be. */
static void finish_block(const OpCall *s, const Run *r, const Matmul *p,
                         const Part *t) {
  const void *in[TILE_OPERANDS];
  int64_t first = (t->item * p->m + t->m0) * p->n + t->n0;
  for (int i = 0; i < s->epilogue->nin; i++) {
    in[i] = r->epilogue_in[i];
    if (in[i] == r->out[0])
      in[i] = (const void *)((uintptr_t)r->local - (uintptr_t)first * 4);
  }
  finish_from(s, r, p, t, in, (char *)r->local + block_bytes(p));
}

/* Rows of a task that are multiplied in one call. With panels, as many as are
** still near when they are finished. Else some 600 million operations, so that
** a product can be cancelled within it: each call packs its part of b again,
** which is some hundredths of the work. */
static int64_t rows_of_call(const Matmul *p, int64_t rows, int64_t n) {
  enum { MOST = 600 * 1000 * 1000, LEAST = 64 };
  if (p->panels)
    return near_rows(p, rows);
  if (rows <= LEAST)
    return rows;
  double row = 2.0 * (double)n * (double)p->k;
  if (row * (double)rows <= MOST)
    return rows;
  rows = (int64_t)(MOST / row) / 16 * 16;
  return rows < LEAST ? LEAST : rows;
}

/* The product of matrix `item` as a whole. (Not returned: see gemm.c.) */
static void whole(Product *x, const OpCall *s, const Run *r, const Matmul *p,
                  int64_t item) {
  *x = (Product){.m = p->m, .n = p->n, .k = p->k, .a = r->in[0],
                 .a_row = p->ta ? 1 : p->k, .a_column = p->ta ? p->m : 1,
                 .a_apart = has_a_apart(p), .b = r->in[1],
                 .b_row = p->tb ? 1 : p->n, .b_column = p->tb ? p->k : 1,
                 .c = r->out[0], .c_row = p->n};
  if (p->panels) {
    x->backwards = r->backwards;
    x->panels = p->packs ? r->scratch : r->in[1];
    x->panel_rows = p->k;
  }
  if (s->ending)
    x->end = run_ending(s, r);
  if (p->batch > 1) {
    x->a += batch_offset(&s->in[0], &s->out[0], item) * p->m * p->k;
    if (!p->panels)
      x->b += batch_offset(&s->in[1], &s->out[0], item) * p->n * p->k;
    x->c += item * p->m * p->n;
    ending_move(&x->end, item * p->m, 0);
  }
}

/* One column, whose rows are sums of products of neighbours; or, when a is
** transposed, the row that its transpose is. */
static void multiply_column(const Product *x, void *scratch) {
  if (x->a_column == 1) {
    ISA(gemm_column)(x->m, x->k, x->a, x->a_row, x->b, x->c, x->c_row);
    return;
  }
  Product row = {.m = 1, .n = x->m, .k = x->k, .a = x->b, .a_row = 1,
                 .a_column = 1, .b = x->a, .b_row = x->a_column,
                 .b_column = 1, .c = x->c, .c_row = x->m};
  ISA(gemm)(&row, scratch);
}

/* From now on the product is the part alone. */
static void cut(Product *x, const Part *t) {
  x->a += t->m0 * x->a_row;
  if (x->panels)
    x->panels += t->n0 * x->panel_rows;
  else
    x->b += t->n0 * x->b_column;
  x->c += t->m0 * x->c_row + t->n0;
  ending_move(&x->end, t->m0, t->n0);
  x->m = t->m1 - t->m0;
  x->n = t->n1 - t->n0;
}

/* What reads the right side as it lies has no ending. */
static bool matmul_ends(const OpCall *s, bool in_place) {
  Matmul room;
  const Matmul *p = geometry_of(s, &room);
  return s->in[0].dtype == F32 && p->panels && p->n > 1 &&
         gemm_ends(p->m, p->k, in_place);
}

static void multiply(const OpCall *s, const Run *r, const Matmul *p, Part t,
                     Product *x) {
  int64_t end = t.m1, rows = rows_of_call(p, x->m, x->n);
  bool block = has_block(s, p);
  char *room = (char *)r->local + before_room(s, p);
  for (; t.m0 < end && !env_stopped(r->env); t.m0 = t.m1) {
    t.m1 = t.m0 + rows < end ? t.m0 + rows : end;
    x->m = t.m1 - t.m0;
    x->c = block ? r->local : x->c;
    if (p->n == 1)
      multiply_column(x, r->local);
    else
      ISA(gemm)(x, room);
    if (block)
      finish_block(s, r, p, &t);
    else if (s->epilogue)
      finish_from(s, r, p, &t, r->epilogue_in, r->local);
    x->a += rows * x->a_row;
    x->c += rows * x->c_row;
    ending_move(&x->end, rows, 0);
  }
}

static void matmul_run(const OpCall *s, const Run *r, int64_t task) {
  if (s->in[0].dtype == I32) {
    whole_product_run(s, r, task);
    return;
  }
  Matmul room;
  const Matmul *p = geometry_of(s, &room);
  /* several threads tend to get the tasks that they had before */
  if (p->panels && r->backwards && threads_count() == 1)
    task = p->batch * p->row_parts * p->column_parts - 1 - task;
  Part t = part_at(p, task);
  Product x;
  whole(&x, s, r, p, t.item);
  cut(&x, &t);
  multiply(s, r, p, t, &x);
}

/* A line of images is some rows of the matrix that they are. */
static bool matmul_lines_of(const OpCall *s, int64_t *first, int64_t *end) {
  enum { IMAGES = 4 };
  (void)first, (void)end; /* they are the same */
  return s->out[0].rank >= IMAGES && !s->attr[TRANSPOSE_A].i[0];
}

static void matmul_lines(const OpCall *s, const Run *r, int64_t first,
                         int64_t end) {
  Matmul room;
  const Matmul *p = geometry_of(s, &room);
  const Type *y = &s->out[0];
  int64_t rows = type_span(y, 2, y->rank - 1);
  Part t = {.m0 = first * rows, .m1 = end * rows, .n1 = p->n};
  Product x;
  whole(&x, s, r, p, 0);
  cut(&x, &t);
  multiply(s, r, p, t, &x);
}

static void matmul_begin(const OpCall *s, const Run *r) {
  Matmul room;
  if (s->in[0].dtype == I32)
    return;
  const Matmul *p = geometry_of(s, &room);
  if (p->packs)
    ISA(gemm_pack)(&(Product){.n = p->n, .k = p->k, .b = r->in[1],
                              .b_row = p->tb ? 1 : p->n,
                              .b_column = p->tb ? p->k : 1,
                              .panel_rows = p->k}, 0, r->scratch);
}

/* ---- panels ------------------------------------------------------------- */

enum { TRANSPOSE }; /* of the matrix that becomes panels */

static int64_t rows_of_side(const Type *b, bool transpose) {
  return b->dim[transpose ? 1 : 0];
}

static bool panels_shape(Rule *r) {
  const Type *b = &r->in[0];
  if (b->rank != 2 || b->dim[0] < 0 || b->dim[1] < 0)
    return fail(r->error, "needs a matrix of known sizes");
  bool t = r->attr[TRANSPOSE].i[0];
  int64_t n = gemm_panels(rows_of_side(b, t), rows_of_side(b, !t));
  r->out[0] = type_new(F32, 1, &n);
  return true;
}

static void panels_run(const OpCall *s, const Run *r, int64_t task) {
  (void)task;
  bool t = s->attr[TRANSPOSE].i[0];
  int64_t stored = s->in[0].dim[1];
  Product p = {.k = rows_of_side(&s->in[0], t),
               .n = rows_of_side(&s->in[0], !t), .b = r->in[0],
               .b_row = t ? 1 : stored, .b_column = t ? stored : 1};
  p.panel_rows = p.k;
  ISA(gemm_pack)(&p, 0, r->out[0]);
}

static bool matmul_panels_shape(Rule *r) {
  const Type *a = &r->in[0];
  bool ta = r->attr[TRANSPOSE_A].i[0];
  int64_t n = r->attr[COLUMNS].i[0];
  if (a->rank < 2 || r->in[1].rank != 1 || n < 1)
    return fail(r->error, "needs matrices and panels");
  int64_t k = a->dim[a->rank - (ta ? 2 : 1)];
  if (k < 0 || r->in[1].dim[0] != gemm_panels(k, n))
    return fail(r->error, "panels of other sizes");
  r->out[0] = *a;
  r->out[0].dim[a->rank - 2] = a->dim[a->rank - (ta ? 1 : 2)];
  r->out[0].dim[a->rank - 1] = n;
  return true;
}

static int matmul_columns(const Node *n) {
  return n->attr[TRANSPOSE_B].i[0] ? -1 : 1;
}

/* Not for one column, which is no panel: its sums are made otherwise. Panels
** are for our own kernels. */
bool product_prepare(Context *c, Val a, Val b, const Attr *transpose, Val *y) {
  const Type *matrix = val_type(b);
  const Attr *tb = &transpose[TRANSPOSE_B];
  int64_t columns = matrix->dim[tb->i[0] ? 0 : 1];
  if (matrix->dtype != F32 || matrix->rank != 2 || columns < 2 ||
      matrix->dim[tb->i[0] ? 1 : 0] < 1 || provider())
    return false;
  Val packed = emit_op(c, "panels", &b, 1, tb);
  *y = emit_op(c, "matmul_panels", (Val[]){a, packed}, 2,
               (Attr[]){transpose[TRANSPOSE_A], attr_int(columns)});
  return true;
}

static bool matmul_prepare(Context *c, const Node *n, unsigned how, Val *y) {
  return (how & PREPARE_LASTING) &&
         product_prepare(c, input(n, 0), input(n, 1), n->attr, y);
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
   .settle = matmul_settle, .settled = sizeof(Matmul), .ends = matmul_ends,
   .scratch = matmul_scratch, .begin = matmul_begin,
   .local = matmul_local, .vjp = matmul_vjp, .traits = EPILOGUE | TRUTHS,
   .role = MULTIPLIES_MATRICES,
   .prepare = matmul_prepare, .prepared = 1 << 1, .columns = matmul_columns,
   .doc = "The matrix product over the last two axes; the others broadcast."},
  {"panels", "x, transpose:bool=false", PRODUCT, FLOATS, panels_shape,
   .run = panels_run, .traits = LASTS | HIDDEN | NO_GRADIENT,
   .doc = "A matrix as the panels that a product reads."},
  {"matmul_panels", "x1, panels, transpose_a:bool=false, columns:int=1",
   PRODUCT, FLOATS, matmul_panels_shape, .tasks = matmul_tasks,
   .run = matmul_run, .settle = matmul_settle, .settled = sizeof(Matmul),
   .local = matmul_local, .lines = matmul_lines, .lines_of = matmul_lines_of,
   .ends = matmul_ends,
   .traits = EPILOGUE | HIDDEN | NO_GRADIENT,
   .doc = "The product with a matrix of so many columns that is packed."},
  {0}
};
